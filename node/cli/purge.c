/* hedgerow purge: what is to go is handed in at a running node; then it is asked who has confirmed. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "node/cli/admin_call.h"
#include "node/cli/cli.h"
#include "node/cli/http_get.h"
#include "node/core/purge_calls.h"
#include "proto/base/err.h"

#define URLS_MAX    PURGE_ORDER_MAX
#define LOOK_EACH   MS(100)
#define ANSWER_TIME SEC(5)

struct purge_options {
    struct admin_call call;
    struct option_hosts prefixes, tags;
    const char *who;
    mesh_ns wait;
    bool all, soft, json;
};

/* Seconds, or a time with its unit; 0: not at all. */
static int option_wait(const char *text, void *field, struct buf *why)
{
    uint64_t seconds;

    if (slice_u64(slice_str(text), &seconds) != 0)
        return option_duration(text, field, why);
    if (seconds > 86400) {
        buf_add_str(why, "must be at most a day.");
        return MESH_E_RANGE;
    }
    *(mesh_ns *)field = SEC((mesh_ns)seconds);
    return 0;
}

static const struct option options[] = {
    { "--prefix", "PATH", "all whose path begins so, such as /img/ (repeatable)", option_texts,
      offsetof(struct purge_options, prefixes), true },
    { "--tag", "TAG", "all that the origin has given this tag (Cache-Tag, Surrogate-Key, Cache-Groups; repeatable)",
      option_texts, offsetof(struct purge_options, tags), true },
    { "--all", NULL, "everything", NULL, offsetof(struct purge_options, all), false },
    { "--soft", NULL, "stale rather than gone: served on as the origin allows it, and validated", NULL,
      offsetof(struct purge_options, soft), false },
    { "--wait", "SECONDS", "how long to wait until all nodes have confirmed (10); 0: not at all", option_wait,
      offsetof(struct purge_options, wait), false },
    { "--who", "TEXT", "who purges, for the log of each node (USER@HOST)", option_text,
      offsetof(struct purge_options, who), false },
    ADMIN_CALL_OPTIONS(struct purge_options, call),
    { "--json", NULL, "print the node's last answer as it is", NULL, offsetof(struct purge_options, json), false },
};

static const struct command_line line = {
    .command = "purge",
    .synopsis = "[URL...] [flags]",
    .about = "Makes copies go at all nodes of the mesh. A URL is a whole one or its path; without a query it means\n"
             "all queries of the path. Each node confirms, signed, that it has nothing older any more. Ends with\n"
             "0 when all that were alive have, with 1 when not (the purge goes on all the same: a node that was\n"
             "away is told before it serves). The same as POST /purge at the node's admin address.",
    .options = options,
    .options_n = sizeof(options) / sizeof(options[0]),
    .args_max = URLS_MAX,
    .args_what = "URLs",
};

static json_t *json_list(const char *const *at, size_t n)
{
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_string(at[i]));
    return list;
}

/* |text| without what a log cannot hold. */
static void clean(char *text)
{
    size_t n = 0;

    for (; text[n] != '\0' && n < PURGE_WHO_MAX; n++) {
        if (!purge_who_ok(slice_of(text + n, 1)))
            text[n] = '?';
    }
    text[n] = '\0';
}

static void usual_who(char who[PURGE_WHO_MAX + 1])
{
    char host[64] = "";
    const char *user = getenv("USER");

    gethostname(host, sizeof(host) - 1);
    snprintf(who, PURGE_WHO_MAX + 1, "%.60s@%s", user != NULL ? user : "somebody", host);
    clean(who);
}

/* The order as text, to be freed. NULL: out of memory, or something is not UTF-8. */
static char *order_text(const struct purge_options *o, const char *const *urls, size_t urls_n)
{
    char who[PURGE_WHO_MAX + 1];

    usual_who(who);
    json_t *order = json_pack("{s:o, s:o, s:o, s:b, s:b, s:s}", "urls", json_list(urls, urls_n), "prefixes",
                              json_list(o->prefixes.at, o->prefixes.n), "tags", json_list(o->tags.at, o->tags.n), "all",
                              (int)o->all, "soft", (int)o->soft, "who", o->who != NULL ? o->who : who);
    char *text = order != NULL ? json_dumps(order, JSON_COMPACT) : NULL;
    json_decref(order);
    return text;
}

static bool is_in(const json_t *state, const char *name)
{
    return json_is_true(json_object_get(state, name));
}

static long long count_of(const json_t *state, const char *name)
{
    return (long long)json_integer_value(json_object_get(state, name));
}

static const char *text_of(const json_t *state, const char *name)
{
    const char *text = json_string_value(json_object_get(state, name));
    return text != NULL ? text : "";
}

static mesh_ns clock_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return SEC(ts.tv_sec) + ts.tv_nsec;
}

/* What the node says of the purge, until it is complete or the time is over. NULL: it says nothing, and that was said.
 */
static json_t *wait_for(const struct purge_options *o, const char *id)
{
    mesh_ns until = clock_now() + o->wait;
    char path[sizeof("/purge/") + PURGE_ID_MAX];
    struct buf why = BUF_EMPTY;
    json_t *state = NULL;

    snprintf(path, sizeof(path), "/purge/%.*s", PURGE_ID_MAX - 1, id);
    for (;;) {
        struct http_get got = { .raw = BUF_EMPTY, .body = BUF_EMPTY };
        int err = http_get(&got, &o->call.admin.addr, path, NULL, ANSWER_TIME, &why);
        json_decref(state);
        state = err == 0 && got.status == 200 ? json_loadb((const char *)got.body.data, got.body.len, 0, NULL) : NULL;
        http_get_free(&got);
        if (state == NULL) {
            cli_say(line.command, "the purge %s is on its way, but the node does not say how far: %.*s", id,
                    SLICE_FMT(why.len > 0 ? buf_slice(&why) : SLICE_LIT("is it still the same one?")));
            break;
        }
        if (is_in(state, "complete") || clock_now() >= until)
            break;
        nanosleep(&(struct timespec){ .tv_nsec = LOOK_EACH }, NULL);
    }
    buf_free(&why);
    return state;
}

static void print(const json_t *state)
{
    size_t i;
    json_t *m;

    json_array_foreach(json_object_get(state, "members"), i, m) printf(
        "  %-24s %s%s\n", text_of(m, "name"), text_of(m, "state"), is_in(m, "awaited") ? "" : " (it was away before)");
    printf("%s %s: %lld of %zu nodes have confirmed it", is_in(state, "complete") ? "Complete." : "Not complete yet.",
           text_of(state, "id"), count_of(state, "acknowledged"), i);
    if (count_of(state, "waiting") > 0)
        printf(", %lld to come", count_of(state, "waiting"));
    if (count_of(state, "unreachable") > 0)
        printf(", %lld cannot be reached: each is told before it serves again", count_of(state, "unreachable"));
    puts(".");
}

static int report(const struct purge_options *o, const struct buf *answer)
{
    json_t *root = json_loadb((const char *)answer->data, answer->len, 0, NULL), *state;
    const char *id = text_of(root, "id");
    int code = CLI_FAILED;

    if (id[0] == '\0')
        cli_say(line.command, "the answer is not a node's. Is this its admin address?");
    else if ((state = wait_for(o, id)) != NULL) {
        code = is_in(state, "complete") ? CLI_OK : CLI_FAILED;
        if (o->json) {
            json_dumpf(state, stdout, JSON_COMPACT);
            puts("");
        } else {
            print(state);
        }
        json_decref(state);
    }
    json_decref(root);
    return code;
}

int cli_purge(int argc, char *const *argv)
{
    struct purge_options o = { .call = admin_call_usual(), .wait = SEC(10) };
    static const char *urls[URLS_MAX + 1];
    struct buf answer = BUF_EMPTY;
    size_t n = 0;
    int code;

    if (!cli_options(&line, argc, argv, &o, urls, &code))
        return code;
    while (n < URLS_MAX && urls[n] != NULL)
        n++;
    if (n == 0 && o.prefixes.n == 0 && o.tags.n == 0 && !o.all)
        return cli_fail(CLI_USAGE, line.command, "what is to go? Give URLs, --prefix PATH, --tag TAG or --all.");
    char *order = order_text(&o, urls, n);
    if (order == NULL)
        return cli_fail(CLI_USAGE, line.command, "URLs, prefixes and tags are UTF-8.");
    code = admin_call(&o.call, line.command, "/purge", slice_str(order), &answer);
    if (code == CLI_OK)
        code = report(&o, &answer);
    free(order);
    buf_free(&answer);
    return code;
}
