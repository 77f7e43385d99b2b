/* hedgerow route: which edge a viewer is sent to, and why. */
#include <jansson.h>
#include <stdio.h>

#include "node/cli/cli.h"
#include "node/cli/http_get.h"
#include "node/cli/route_text.h"

#define ANSWER_TIME SEC(5)

struct route_options {
    struct option_addr admin;
    const char *host, *family;
    bool json;
};

static int read_family(const char *text, void *field, struct buf *why)
{
    if (strcmp(text, "4") != 0 && strcmp(text, "6") != 0) {
        buf_add_str(why, "must be 4 or 6.");
        return -1;
    }
    *(const char **)field = text;
    return 0;
}

static const struct option options[] = {
    { "--host", "HOST", "the host that is asked for: its distribution may leave regions out", option_text,
      offsetof(struct route_options, host), false },
    { "--family", "4|6", "of edges that have an address of this kind", read_family,
      offsetof(struct route_options, family), false },
    { "--json", NULL, "print the node's JSON as it is", NULL, offsetof(struct route_options, json), false },
    { "--admin", "ADDR:PORT", "the node's admin address (127.0.0.1:7401)", option_listen,
      offsetof(struct route_options, admin), false },
};

static const struct command_line line = {
    .command = "route",
    .synopsis = "ADDRESS [flags]",
    .about = "Asks a running node which edge a viewer of this address is sent to, by DNS or a redirect, and why:\n"
             "all edges in order, with the round-trip time that is expected, how that is known, and what speaks\n"
             "against those that are not answered. Any node of the mesh knows.",
    .options = options,
    .options_n = sizeof(options) / sizeof(options[0]),
    .args_min = 1,
    .args_max = 1,
    .args_what = "the viewer's address, such as 203.0.113.7",
};

static void put_query(struct buf *out, const char *key, const char *value)
{
    buf_add_str(out, key);
    for (; *value != 0; value++) {
        char c = *value;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                     c == '-' || c == ':';
        if (plain)
            buf_add_u8(out, (uint8_t)c);
        else
            buf_addf(out, "%%%02x", (unsigned)(uint8_t)c);
    }
}

static struct slice first_line(struct slice text)
{
    struct slice line_of = SLICE_EMPTY;

    (void)slice_split(&text, '\n', &line_of);
    return line_of;
}

static int print(const struct http_get *got, bool as_json)
{
    struct buf text = BUF_EMPTY;

    if (as_json) {
        cli_put(stdout, buf_slice(&got->body));
        return CLI_OK;
    }
    json_t *route = json_loadb((const char *)got->body.data, got->body.len, 0, NULL);
    int err = route != NULL ? route_text(&text, route) : -1;
    json_decref(route);
    if (err == 0)
        cli_put(stdout, buf_slice(&text));
    buf_free(&text);
    return err == 0 ? CLI_OK
                    : cli_fail(CLI_FAILED, line.command,
                               "the answer is not a node's. Is this its admin address, and is it of this version?");
}

int cli_route(int argc, char *const *argv)
{
    struct route_options o = { .admin.addr = mesh_addr_v4(0x7f000001, 7401) };
    struct buf path = BUF_EMPTY, why = BUF_EMPTY;
    char addr[MESH_ADDR_TEXT_MAX];
    const char *address = NULL;
    struct http_get got;
    int code = CLI_OK;

    if (!cli_options(&line, argc, argv, &o, &address, &code))
        return code;
    put_query(&path, "/route?address=", address);
    if (o.host != NULL)
        put_query(&path, "&host=", o.host);
    if (o.family != NULL)
        put_query(&path, "&family=", o.family);
    buf_add_u8(&path, 0);
    if (!buf_ok(&path)) {
        buf_free(&path);
        return cli_fail(CLI_FAILED, line.command, "out of memory.");
    }
    mesh_addr_text(&o.admin.addr, addr);
    if (http_get(&got, &o.admin.addr, (const char *)path.data, NULL, ANSWER_TIME, &why) != 0)
        code = cli_fail(CLI_FAILED, line.command,
                        "no answer from %s: %.*s. Does a node run there? --admin names another address.", addr,
                        SLICE_FMT(buf_slice(&why)));
    else if (got.status == 400)
        code = cli_fail(CLI_USAGE, line.command, "%.*s", SLICE_FMT(first_line(buf_slice(&got.body))));
    else if (got.status != 200)
        code = cli_fail(CLI_FAILED, line.command, "%s answered %u.", addr, got.status);
    else
        code = print(&got, o.json);
    http_get_free(&got);
    buf_free(&why);
    buf_free(&path);
    return code;
}
