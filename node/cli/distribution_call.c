#include "node/cli/distribution_call.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "node/cli/cli.h"
#include "node/cli/credentials.h"
#include "node/cli/files.h"
#include "node/cli/http_get.h"
#include "proto/base/err.h"

#define ANSWER_TIME SEC(30) /* a large one is checked and signed meanwhile */
#define LOOK_EACH   MS(100)
#define READ_TRIES  20 /* two answers are of one version, unless it is changed in between */

struct distribution_options distribution_usual(void)
{
    return (struct distribution_options){ .call = admin_call_usual(), .wait = SEC(10) };
}

static struct slice first_line(struct slice text)
{
    struct slice line = SLICE_EMPTY;

    slice_split(&text, '\n', &line);
    return line;
}

/* Sends |what|, and appends the answer to |out| if it is 200. An exit code. */
static int talk(const struct distribution_options *o, const char *command, struct http_call what, struct buf *out,
                struct buf *etag)
{
    struct http_get got = { .raw = BUF_EMPTY, .body = BUF_EMPTY };
    char addr[MESH_ADDR_TEXT_MAX];
    struct buf why = BUF_EMPTY;
    int code = CLI_OK;

    mesh_addr_text(&o->call.admin.addr, addr);
    if (http_send(&got, &o->call.admin.addr, &what, ANSWER_TIME, &why) != 0)
        code = cli_fail(CLI_FAILED, command,
                        "no answer from %s: %.*s. Does a node run there? --admin names another address.", addr,
                        SLICE_FMT(buf_slice(&why)));
    else if (got.status == 422) /* each fault in a line of its own */
        code = cli_fail(CLI_CONFIG, command, "%.*s", SLICE_FMT(slice_trim(buf_slice(&got.body))));
    else if (got.status != 200)
        code = cli_fail(CLI_FAILED, command, "%s answered %u: %.*s", addr, got.status,
                        SLICE_FMT(first_line(buf_slice(&got.body))));
    else
        buf_add_slice(out, buf_slice(&got.body));
    const struct field *tag = code == CLI_OK && etag != NULL ? fields_find(&got.fields, SLICE_LIT("etag")) : NULL;
    if (tag != NULL)
        buf_add_slice(etag, tag->value);
    http_get_free(&got);
    buf_free(&why);
    return code;
}

static int read_about(const struct distribution_options *o, const char *command, json_t **about)
{
    struct buf answer = BUF_EMPTY;
    int code =
        talk(o, command, (struct http_call){ .method = "GET", .path = "/distributions/versions" }, &answer, NULL);

    json_decref(*about);
    *about = code == CLI_OK ? json_loadb((const char *)answer.data, answer.len, 0, NULL) : NULL;
    if (code == CLI_OK && *about == NULL)
        code = cli_fail(CLI_FAILED, command, "the answer is not a node's. Is this its admin address?");
    buf_free(&answer);
    return code;
}

static const char *text_in(const json_t *j, const char *name)
{
    const char *text = json_string_value(json_object_get(j, name));
    return text != NULL ? text : "";
}

static int read_both(const struct distribution_options *o, const char *command, struct distribution_now *now)
{
    struct buf tag = BUF_EMPTY;

    buf_clear(&now->text);
    int code = talk(o, command, (struct http_call){ .method = "GET", .path = "/distributions" }, &now->text, &tag);

    if (code == CLI_OK && tag.len > 2 && tag.len - 2 < sizeof(now->version)) {
        memcpy(now->version, tag.data + 1, tag.len - 2); /* without its quotation marks */
        now->version[tag.len - 2] = 0;
    }
    buf_free(&tag);
    return code == CLI_OK ? read_about(o, command, &now->about) : code;
}

int distribution_read(const struct distribution_options *o, const char *command, struct distribution_now *now)
{
    for (int tries = 0; tries < READ_TRIES; tries++) {
        int code = read_both(o, command, now);
        if (code != CLI_OK || strcmp(text_in(now->about, "version"), now->version) == 0)
            return code;
    }
    return cli_fail(CLI_FAILED, command, "the configuration is changed again and again at this moment. Try again.");
}

void distribution_now_free(struct distribution_now *now)
{
    buf_free(&now->text);
    json_decref(now->about);
    now->about = NULL;
}

int distribution_version(const struct distribution_options *o, const char *command, const char *version,
                         struct buf *text)
{
    char path[128];

    if (strlen(version) > 80 || strpbrk(version, " /?#%") != NULL)
        return cli_fail(CLI_USAGE, command, "\"%s\" is no version: hedgerow distribution versions lists them.",
                        version);
    snprintf(path, sizeof(path), "/distributions/versions/%s", version);
    return talk(o, command, (struct http_call){ .method = "GET", .path = path }, text, NULL);
}

/* ---- signing ---- */

static bool read_digest(struct digest *out, const json_t *hex)
{
    const char *text = json_string_value(hex);

    if (text == NULL || strlen(text) != (size_t)2 * DIGEST_BYTES)
        return false;
    for (size_t i = 0; i < DIGEST_BYTES; i++) {
        int high = hex_digit((uint8_t)text[2 * i]), low = hex_digit((uint8_t)text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out->bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* The head of what is in force, as far as the next one follows from it. */
static bool read_head(struct config_head *head, const json_t *about)
{
    size_t i;
    json_t *one, *hash;

    json_array_foreach(json_object_get(about, "versions"), i, one)
    {
        if (strcmp(text_in(one, "state"), "current") != 0)
            continue;
        head->version.counter = (uint64_t)json_integer_value(json_object_get(one, "counter"));
        head->lineage_n = json_array_size(json_object_get(one, "lineage"));
        if (!read_digest(&head->version.hash, json_object_get(one, "hash")) || head->lineage_n > CONFIG_LINEAGE_MAX)
            return false;
        size_t k;
        json_array_foreach(json_object_get(one, "lineage"), k, hash)
        {
            if (!read_digest(&head->lineage[k], hash))
                return false;
        }
        return true;
    }
    return false;
}

static void usual_who(const struct distribution_options *o, char who[CONFIG_WHO_MAX + 1])
{
    const char *user = getenv("USER");
    char host[64] = "";

    gethostname(host, sizeof(host) - 1);
    if (o->who != NULL)
        snprintf(who, CONFIG_WHO_MAX + 1, "%s", o->who);
    else
        snprintf(who, CONFIG_WHO_MAX + 1, "%.50s@%.60s", user != NULL ? user : "somebody", host);
    for (char *c = who; *c != 0; c++) { /* it goes in a URL */
        if (!(*c >= 'a' && *c <= 'z') && !(*c >= 'A' && *c <= 'Z') && !(*c >= '0' && *c <= '9') &&
            strchr("@._-:", *c) == NULL)
            *c = '-';
    }
}

/* Appends the file form of |text|, signed by the operator of --operator. */
static int sign(const struct distribution_options *o, const char *command, const struct distribution_now *now,
                struct slice text, struct buf *out)
{
    struct config_head before = { .lineage_n = 0 }, head = before;
    struct config_doc *doc = NULL;
    struct identity id;
    bool open_to_others;
    struct buf why = BUF_EMPTY;
    struct zpack *z = zpack_new();
    int code = CLI_OK, err;

    if (crypto_start() != 0 || z == NULL) {
        zpack_free(z);
        return cli_fail(CLI_FAILED, command, "out of memory, or of random numbers.");
    }
    if (credentials_read(&id, o->operator_file, NULL, NULL, (int64_t)time(NULL), &open_to_others, &why) != 0) {
        code = cli_fail(CLI_CONFIG, command, "%.*s", SLICE_FMT(buf_slice(&why)));
        goto out;
    }
    bool first = strcmp(now->version, "0") == 0;
    if (!first && !read_head(&before, now->about)) {
        code = cli_fail(CLI_FAILED, command, "the answer is not a node's. Is this its admin address?");
        goto out;
    }
    config_doc_follow(&head, first ? NULL : &before);
    head.at_s = (int64_t)time(NULL);
    usual_who(o, head.who);
    if ((err = config_doc_make(&doc, z, &head, text, &id)) == MESH_E_REFUSED)
        code =
            cli_fail(CLI_CONFIG, command,
                     "%s is no operator's: hedgerow mesh admit DIR --name NAME --zone ZONE --role operator makes one.",
                     o->operator_file);
    else if (err != 0)
        code = cli_fail(CLI_FAILED, command, "cannot sign it: %s.", mesh_strerror(err));
    else
        buf_add_slice(out, buf_slice(&doc->bytes));
out:
    config_doc_free(doc);
    identity_wipe(&id);
    zpack_free(z);
    buf_free(&why);
    return code;
}

/* ---- handing in ---- */

static mesh_ns clock_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return SEC(ts.tv_sec) + ts.tv_nsec;
}

/* What the node says of |version|: "current", "superseded" ... */
static const char *state_of(const json_t *about, const char *version)
{
    size_t i;
    json_t *one;

    json_array_foreach(json_object_get(about, "versions"), i, one)
    {
        if (strcmp(text_in(one, "version"), version) == 0)
            return text_in(one, "state");
    }
    return "";
}

static void print_members(const json_t *about)
{
    size_t i;
    json_t *m;

    json_array_foreach(json_object_get(about, "members"), i, m)
    {
        bool alive = json_is_true(json_object_get(m, "alive"));
        printf("  %-24s %s%s\n", text_in(m, "name"), text_in(m, "state"), alive ? "" : " (away)");
    }
}

static int report(const struct distribution_options *o, const char *command, const char *version, const json_t *about)
{
    bool complete = json_is_true(json_object_get(about, "complete"));
    const char *state = state_of(about, version), *now = text_in(about, "version");
    bool followed = strcmp(now, version) != 0; /* somebody has made another change of it since */

    if (strcmp(state, "superseded") == 0)
        return cli_fail(CLI_FAILED, command,
                        "somebody made another change at the same time, at another node, and that one is in force: %s. "
                        "Yours is kept as %s (hedgerow distribution versions); look at both, and apply it again.",
                        now, version);
    if (o->json) {
        json_dumpf(about, stdout, JSON_COMPACT);
        puts("");
    } else {
        print_members(about);
        if (followed)
            printf("%s was taken, and %s has followed it since.\n", version, now);
        else
            printf("%s %s is in force%s.\n", complete ? "Complete." : "Not on all nodes yet.", version,
                   complete ? " on all nodes" : "; who is away has it before it serves again");
    }
    return complete || followed || o->wait == 0 ? CLI_OK : CLI_FAILED;
}

static int wait_for(const struct distribution_options *o, const char *command, const char *version)
{
    mesh_ns until = clock_now() + o->wait;
    json_t *about = NULL;
    int code;

    while ((code = read_about(o, command, &about)) == CLI_OK) {
        bool ours = strcmp(text_in(about, "version"), version) == 0;
        if (!ours || json_is_true(json_object_get(about, "complete")) || clock_now() >= until)
            break;
        nanosleep(&(struct timespec){ .tv_nsec = LOOK_EACH }, NULL);
    }
    if (code == CLI_OK)
        code = report(o, command, version, about);
    json_decref(about);
    return code;
}

static int send_change(const struct distribution_options *o, const char *command, const struct distribution_now *now,
                       struct slice text, const char *token, struct buf *answer)
{
    char path[64 + CONFIG_WHO_MAX], who[CONFIG_WHO_MAX + 1], match[CONFIG_VERSION_TEXT_MAX + 2];
    struct buf file = BUF_EMPTY;
    int code = CLI_OK;

    usual_who(o, who);
    snprintf(match, sizeof(match), "\"%s\"", now->version);
    snprintf(path, sizeof(path), "/distributions?%swho=%s", o->dry_run ? "dry-run&" : "", who);
    struct http_call what = { .method = "PUT", .path = path, .token = token, .if_match = match, .body = &text };
    struct slice signed_text;
    if (o->operator_file != NULL && !o->dry_run) {
        code = sign(o, command, now, text, &file);
        signed_text = buf_slice(&file);
        what.method = "POST";
        what.path = "/distributions/signed";
        what.body = &signed_text;
    }
    if (code == CLI_OK)
        code = talk(o, command, what, answer, NULL);
    buf_free(&file);
    return code;
}

int distribution_change(const struct distribution_options *o, const char *command, const struct distribution_now *now,
                        struct slice text)
{
    struct buf token = BUF_EMPTY, answer = BUF_EMPTY;
    int code = admin_token(command, o->call.token_file, &token);

    if (code == CLI_OK)
        code = send_change(o, command, now, text, (const char *)token.data, &answer);
    if (code == CLI_OK && o->dry_run) {
        if (!o->json)
            puts("It would be taken; nothing was changed.");
        else
            cli_put(stdout, buf_slice(&answer));
    } else if (code == CLI_OK) {
        json_t *root = json_loadb((const char *)answer.data, answer.len, 0, NULL);
        code = wait_for(o, command, text_in(root, "version"));
        json_decref(root);
    }
    files_wipe(&token);
    buf_free(&answer);
    return code;
}
