/* hedgerow status: what a node says of itself and its mesh, for people or as it is. */
#include <jansson.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "node/cli/admin_call.h"
#include "node/cli/cli.h"
#include "node/cli/files.h"
#include "node/cli/http_get.h"
#include "node/cli/status_text.h"

#define ANSWER_TIME SEC(5)

struct status_options {
    struct option_addr admin;
    const char *token_file;
    bool json;
};

static const struct option options[] = {
    { "--admin", "ADDR:PORT", "the node's admin address (127.0.0.1:7401)", option_listen,
      offsetof(struct status_options, admin), false },
    { "--token-file", "FILE", "send the token in FILE; /status needs none unless something before it does", option_text,
      offsetof(struct status_options, token_file), false },
    { "--json", NULL, "print the node's JSON as it is", NULL, offsetof(struct status_options, json), false },
};

static const struct command_line line = {
    .command = "status",
    .synopsis = "[flags]",
    .about = "Asks a running node for /status and prints it: the node, the mesh's members, where answers\n"
             "came from, bytes and cache.",
    .options = options,
    .options_n = sizeof(options) / sizeof(options[0]),
};

static int print(const struct http_get *got, bool json)
{
    struct status_style style = { .color = isatty(STDOUT_FILENO) == 1 && getenv("NO_COLOR") == NULL };
    struct buf text = BUF_EMPTY;

    if (json) {
        cli_put(stdout, buf_slice(&got->body));
        return CLI_OK;
    }
    setlocale(LC_CTYPE, "");
    style.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    json_t *status = json_loadb((const char *)got->body.data, got->body.len, 0, NULL);
    int err = status != NULL ? status_text(&text, status, style) : -1;
    json_decref(status);
    if (err == 0)
        cli_put(stdout, buf_slice(&text));
    buf_free(&text);
    return err == 0 ? CLI_OK
                    : cli_fail(CLI_FAILED, line.command,
                               "the answer is not a node's status. Is this its admin "
                               "address?");
}

int cli_status(int argc, char *const *argv)
{
    struct status_options o = { .admin.addr = mesh_addr_v4(0x7f000001, 7401) };
    struct buf why = BUF_EMPTY, token = BUF_EMPTY;
    char addr[MESH_ADDR_TEXT_MAX];
    const char *word = NULL;
    struct http_get got;
    int code = CLI_OK;

    if (!cli_options(&line, argc, argv, &o, NULL, &code))
        return code;
    if (o.token_file != NULL) {
        if ((code = admin_token(line.command, o.token_file, &token)) != CLI_OK) {
            files_wipe(&token);
            return code;
        }
        word = (const char *)token.data;
    }
    mesh_addr_text(&o.admin.addr, addr);
    if (http_get(&got, &o.admin.addr, "/status", word, ANSWER_TIME, &why) != 0)
        code = cli_fail(CLI_FAILED, line.command,
                        "no answer from %s: %.*s. Does a node run there? --admin names another address.", addr,
                        SLICE_FMT(buf_slice(&why)));
    else if (got.status != 200)
        code = cli_fail(CLI_FAILED, line.command, "%s answered %u.", addr, got.status);
    else
        code = print(&got, o.json);
    http_get_free(&got);
    files_wipe(&token);
    buf_free(&why);
    return code;
}
