/* Purges as JSON: what is to go comes in, who has confirmed it goes out. */
#include "node/admin/purge.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/base/err.h"

static const char type_json[] = "application/json";
static const char prefix[] = "/purge/";

static unsigned no_memory(struct buf *body)
{
    buf_clear(body);
    buf_add_str(body, "out of memory\n");
    return 503;
}

/* ---- POST /purge ---- */

struct reading {
    struct purge_target targets[PURGE_ORDER_MAX];
    struct slice hosts[PURGE_ORDER_MAX]; /* of each; empty: none was said */
    size_t offsets[PURGE_ORDER_MAX]; /* of their values, and their hosts behind, in |values|, which moves as it grows */
    size_t n;
    struct buf values;
    struct buf *why;
};

static bool add(struct reading *r, enum purge_kind kind, const char *name, struct slice text)
{
    const char *why = NULL;
    size_t before = r->values.len;

    if (r->n == PURGE_ORDER_MAX) {
        buf_addf(r->why, "More than %d URLs, prefixes and tags: send them in several requests.\n", PURGE_ORDER_MAX);
        return false;
    }
    if (purge_read(&r->values, kind, text, &why) != 0) {
        struct slice shown = slice_head(text, 200);
        buf_addf(r->why, "%s: \"%.*s\"%s cannot be purged: %s.\n", name, SLICE_FMT(shown),
                 shown.len < text.len ? "..." : "", why);
        return false;
    }
    size_t len = r->values.len - before;
    if (kind == PURGE_URL && purge_host(&r->values, text, &why) != 0) {
        buf_addf(r->why, "%s: %s.\n", name, why != NULL ? why : "it is not well formed");
        return false;
    }
    r->offsets[r->n] = before;
    r->hosts[r->n] = slice_of(NULL, r->values.len - before - len);
    r->targets[r->n++] = (struct purge_target){ .kind = kind, .value = slice_of(r->values.data, len) };
    return true;
}

static bool add_list(struct reading *r, enum purge_kind kind, const char *name, const json_t *list)
{
    size_t i;
    json_t *one;

    if (list == NULL)
        return true;
    if (!json_is_array(list)) {
        buf_addf(r->why, "\"%s\" is a list of texts: {\"%s\": [\"...\"]}.\n", name, name);
        return false;
    }
    json_array_foreach(list, i, one)
    {
        if (!json_is_string(one)) {
            buf_addf(r->why, "\"%s\" is a list of texts, and number %zu is none.\n", name, i + 1);
            return false;
        }
        if (!add(r, kind, name, slice_of(json_string_value(one), json_string_length(one))))
            return false;
    }
    return true;
}

static bool get_flag(const json_t *root, const char *name, bool *out, struct buf *why)
{
    const json_t *flag = json_object_get(root, name);

    *out = json_is_true(flag);
    if (flag == NULL || json_is_boolean(flag))
        return true;
    buf_addf(why, "\"%s\" is true or false.\n", name);
    return false;
}

static bool known_keys(json_t *root, struct buf *why)
{
    static const char *const names[] = { "urls", "prefixes", "tags", "all", "soft", "who", "once" };
    const char *key;
    json_t *value;

    json_object_foreach(root, key, value)
    {
        bool known = false;
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
            known = known || strcmp(names[i], key) == 0;
        if (!known) {
            buf_addf(why, "\"%.40s\" is not known here. There is: urls, prefixes, tags, all, soft, who, once.\n", key);
            return false;
        }
    }
    return true;
}

/* False: |r->why| says what is wrong. */
static bool read_order(struct reading *r, json_t *root, struct purge_order *order)
{
    const json_t *who = json_object_get(root, "who"), *once = json_object_get(root, "once");
    bool all;

    if (!json_is_object(root)) {
        buf_add_str(r->why,
                    "Send a JSON object: {\"urls\": [\"https://example.com/path\"]}, or prefixes, tags, \"all\": true; "
                    "with \"soft\": true it is stale rather than gone.\n");
        return false;
    }
    if (!known_keys(root, r->why) || !get_flag(root, "all", &all, r->why) ||
        !get_flag(root, "soft", &order->soft, r->why) ||
        !add_list(r, PURGE_URL, "urls", json_object_get(root, "urls")) ||
        !add_list(r, PURGE_PREFIX, "prefixes", json_object_get(root, "prefixes")) ||
        !add_list(r, PURGE_TAG, "tags", json_object_get(root, "tags")) ||
        (all && !add(r, PURGE_ALL, "all", SLICE_LIT(""))))
        return false;
    order->who =
        json_is_string(who) ? slice_of(json_string_value(who), json_string_length(who)) : SLICE_LIT("admin API");
    if ((who != NULL && !json_is_string(who)) || !purge_who_ok(order->who)) {
        buf_addf(r->why, "\"who\" is a text of at most %d visible characters without quotation mark and backslash.\n",
                 PURGE_WHO_MAX);
        return false;
    }
    order->once = json_is_string(once) ? slice_of(json_string_value(once), json_string_length(once)) : SLICE_EMPTY;
    if (once != NULL && (order->once.len == 0 || order->once.len > PURGE_ONCE_MAX)) {
        buf_addf(r->why, "\"once\" is a text of 1 to %d bytes that this purge alone has.\n", PURGE_ONCE_MAX);
        return false;
    }
    if (r->n == 0) {
        buf_add_str(r->why, "Nothing to purge: give urls, prefixes, tags, or \"all\": true.\n");
        return false;
    }
    for (size_t i = 0; i < r->n; i++) {
        r->targets[i].value.data = r->values.data + r->offsets[i];
        r->hosts[i].data = r->targets[i].value.data + r->targets[i].value.len;
    }
    order->hosts = r->hosts;
    order->targets = r->targets;
    order->targets_n = r->n;
    return true;
}

static unsigned refuse(struct buf *body, int err)
{
    switch (err) {
    case MESH_E_STATE:
        buf_add_str(body,
                    "This node does not know yet what was purged while it was away: try again in a few seconds, or at "
                    "another node.\n");
        return 503;
    case MESH_E_FULL:
        buf_add_str(body, "This node's disk does not take what was purged before: free some space, or purge at another "
                          "node.\n");
        return 503;
    case MESH_E_NOMEM: return no_memory(body);
    default: buf_addf(body, "It cannot be purged: %s.\n", mesh_strerror(err)); return 400;
    }
}

unsigned purge_post(struct node *n, const struct node_admin_request *req, struct buf *body, const char **type)
{
    struct reading *r = calloc(1, sizeof(*r));
    struct purge_order order = { .soft = false };
    json_error_t where;
    json_t *root = json_loadb((const char *)req->body.data, req->body.len, JSON_REJECT_DUPLICATES, &where);
    char id[PURGE_ID_MAX];
    unsigned status = 400;

    if (r == NULL) {
        status = no_memory(body);
        goto out;
    }
    r->why = body;
    if (root == NULL) {
        buf_addf(body, "The body is no JSON: line %d, %s.\n", where.line, where.text);
        goto out;
    }
    if (!read_order(r, root, &order))
        goto out;
    int err = buf_ok(&r->values) ? engine_purge(node_engine(n), node_now(n), &order, id) : MESH_E_NOMEM;
    if (err == MESH_E_EXISTS) {
        buf_addf(body, "This purge was called for before: GET /purge/%s\n", id);
        status = 409;
        goto out;
    }
    if (err != 0) {
        status = refuse(body, err);
        goto out;
    }
    *type = type_json;
    buf_addf(body, "{\"id\":\"%s\"}\n", id);
    status = 202;
out:
    json_decref(root);
    if (r != NULL)
        buf_free(&r->values);
    free(r);
    return status;
}

/* ---- GET /purge, GET /purge/ID ---- */

bool purge_find(struct slice path)
{
    return slice_eq(path, SLICE_LIT("/purge")) || slice_eq(slice_head(path, sizeof(prefix) - 1), SLICE_LIT(prefix));
}

static json_t *json_hex(struct slice bytes)
{
    char text[2 * SIGNATURE_BYTES + 1] = "";

    for (size_t i = 0; i < bytes.len && i < SIGNATURE_BYTES; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes.data[i]);
    return json_string(text);
}

static json_t *json_state(const struct purge_state *s)
{
    return json_pack("{s:s, s:I, s:s, s:b, s:I, s:b, s:I, s:I, s:I}", "id", s->id, "at", (json_int_t)s->at_s, "who",
                     s->who, "soft", (int)s->soft, "targets", (json_int_t)s->targets, "complete", (int)s->complete,
                     "acknowledged", (json_int_t)s->acknowledged, "waiting", (json_int_t)s->waiting, "unreachable",
                     (json_int_t)s->unreachable);
}

/* The receipt is what was signed, so that anybody can check it (proto/PROTOCOL.md, Purges). */
static json_t *json_member(const struct purge_member *m)
{
    static const char *const words[] = { "acknowledged", "waiting", "unreachable" };
    char id[NODE_ID_TEXT_MAX];
    json_t *one = json_pack("{s:s, s:s, s:s, s:b}", "name", m->name, "id", node_id_text(&m->id, id), "state",
                            words[m->progress], "awaited", (int)m->asked);

    if (one != NULL && m->receipt.number > 0)
        json_object_set_new(one, "receipt",
                            json_pack("{s:I, s:I, s:I, s:o}", "log", (json_int_t)m->receipt.log.begun, "number",
                                      (json_int_t)m->receipt.number, "at", (json_int_t)m->receipt.at_s, "signature",
                                      json_hex(SLICE_OF(m->sig))));
    return one;
}

static json_t *json_call(const struct engine *e, const struct purge_call *c)
{
    struct purge_state s;
    struct purge_member m;

    purge_call_state(e, c, &s);
    json_t *out = json_state(&s), *members = json_array();
    for (size_t i = 0; i < s.members; i++) {
        if (purge_call_member(e, c, i, &m))
            json_array_append_new(members, json_member(&m));
    }
    if (out == NULL || json_object_set_new(out, "members", members) != 0) {
        json_decref(out);
        return NULL;
    }
    return out;
}

static json_t *json_calls(const struct engine *e)
{
    json_t *list = json_array();
    const struct purge_call *c;
    struct purge_state s;

    for (size_t i = 0; (c = engine_purge_calls(e, i)) != NULL; i++) {
        purge_call_state(e, c, &s);
        json_array_append_new(list, json_state(&s));
    }
    return json_pack("{s:o}", "purges", list);
}

static int append(const char *text, size_t len, void *ctx)
{
    buf_add(ctx, text, len);
    return 0;
}

unsigned purge_show(struct node *n, const struct node_admin_request *req, struct buf *body, const char **type)
{
    const struct engine *e = node_engine(n);
    struct slice id = slice_from(req->path, sizeof(prefix) - 1);
    const struct purge_call *c = id.len > 0 ? engine_purge_call(e, id) : NULL;
    json_t *root;

    if (!slice_eq(req->path, SLICE_LIT("/purge")) && c == NULL) {
        buf_addf(body, "No purge of that id was called for at this node, or it is not among the last %d.\n",
                 PURGE_CALLS_MAX);
        return 404;
    }
    if ((root = c != NULL ? json_call(e, c) : json_calls(e)) == NULL)
        return no_memory(body);
    *type = type_json;
    int err = json_dump_callback(root, append, body, JSON_COMPACT);
    json_decref(root);
    buf_add_u8(body, '\n');
    return err == 0 ? 200 : no_memory(body);
}
