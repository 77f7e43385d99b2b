/* The configuration as its readers and writers see it: its text with the version as entity tag, and changes that name
 * the version that they were made from (RFC 9110 section 13.1.1), so that of two writers the second is told. A change
 * is signed by this node, if its certificate lets it, or comes signed. */
#include "node/admin/distributions.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "node/admin/change.h"
#include "node/admin/documents.h"
#include "proto/base/err.h"

static const char type_json[] = "application/json";
static const char versions_path[] = "/distributions/versions";
static const char signed_path[] = "/distributions/signed";

struct asking {
    struct node *n;
    struct engine *e;
    const struct node_admin_request *req;
    struct buf *body;
    const char **type;
};

static unsigned no_memory(struct buf *body)
{
    buf_clear(body);
    buf_add_str(body, "out of memory\n");
    return 503;
}

static void tag(const struct asking *a)
{
    struct config_version v = config_log_version(engine_config_log(a->e));
    char text[CONFIG_VERSION_TEXT_MAX];

    snprintf(a->req->etag, NODE_ADMIN_ETAG_MAX, "\"%s\"", config_version_text(&v, text));
}

static unsigned current_text(const struct asking *a, struct buf *out)
{
    const struct config_kept *k = engine_config_log(a->e)->current;

    struct buf text = BUF_EMPTY, why = BUF_EMPTY;
    bool good = (k == NULL || engine_config_text(a->e, k, &text) == 0) &&
                documents_canonical(out, buf_slice(&text), "distributions", &why); /* who signed may write otherwise */
    buf_free(&text);
    buf_free(&why);
    return good ? 200 : 503;
}

/* The value of |name| in the query; false: it is not there. */
static bool query_has(const struct asking *a, const char *name, struct slice *value)
{
    struct slice rest = a->req->query, pair, key;

    while (slice_split(&rest, '&', &pair)) {
        *value = pair;
        key = pair;
        if (memchr(pair.data, '=', pair.len) != NULL)
            slice_split(value, '=', &key);
        else
            *value = SLICE_EMPTY;
        if (slice_eq(key, slice_str(name)))
            return true;
    }
    return false;
}

/* ---- reading ---- */

static unsigned show_text(const struct asking *a)
{
    struct buf text = BUF_EMPTY;
    unsigned status = current_text(a, &text);
    struct slice name;

    tag(a);
    *a->type = type_json;
    if (status != 200) {
        status = no_memory(a->body);
    } else if (!query_has(a, "name", &name)) {
        buf_add_slice(a->body, buf_slice(&text));
    } else if (!documents_one(a->body, buf_slice(&text), name)) {
        *a->type = "text/plain; charset=utf-8";
        buf_addf(a->body, "There is no distribution called \"%.*s\".\n", SLICE_FMT(slice_head(name, 255)));
        status = 404;
    }
    buf_free(&text);
    return status;
}

static json_t *hex(const struct digest *d)
{
    char text[2 * DIGEST_BYTES + 1];

    for (size_t i = 0; i < DIGEST_BYTES; i++)
        snprintf(text + 2 * i, 3, "%02x", d->bytes[i]);
    return json_string(text);
}

static json_t *json_version(const struct config_kept *k)
{
    const struct config_head *h = &k->doc->head;
    char text[CONFIG_VERSION_TEXT_MAX], id[NODE_ID_TEXT_MAX];
    json_t *lineage = json_array();

    for (size_t i = 0; i < h->lineage_n; i++)
        json_array_append_new(lineage, hex(&h->lineage[i]));
    return json_pack("{s:s, s:I, s:o, s:s, s:I, s:s, s:{s:s, s:s}, s:I, s:b, s:o}", "version",
                     config_version_text(&h->version, text), "counter", (json_int_t)h->version.counter, "hash",
                     hex(&h->version.hash), "state", config_state_word(k->state), "at", (json_int_t)h->at_s, "who",
                     h->who, "operator", "name", h->by.name, "id", node_id_text(&h->by.id, id), "bytes",
                     (json_int_t)h->length, "kept", (int)k->durable, "lineage", lineage);
}

/* What a member has, in a word, against what is in force here. */
static const char *member_word(const struct engine_configs *ours, bool known, const struct config_peer_state *s)
{
    if (!known)
        return "unknown";
    int c = config_version_cmp(&s->version, &ours->version);
    return c == 0       ? (s->kept || ours->version.counter == 0 ? "kept" : "in force")
           : s->refuses ? "refuses"
           : c < 0      ? "behind"
                        : "ahead";
}

static json_t *json_members(const struct asking *a, const struct engine_configs *ours, bool *complete)
{
    struct mesh *mesh = engine_mesh(a->e);
    char id[NODE_ID_TEXT_MAX], version[CONFIG_VERSION_TEXT_MAX];
    json_t *list = json_array();
    struct mesh_member m;

    *complete = true;
    for (size_t i = 0; i < mesh_count(mesh); i++) {
        struct config_peer_state s = { .version = ours->version, .kept = ours->kept };
        if (!mesh_member(mesh, i, &m) || m.cert == NULL)
            continue;
        bool alive = m.record->state == MEMBER_ALIVE || m.record->state == MEMBER_SUSPECT;
        bool known = i == 0 || engine_config_of(a->e, &m.record->id, &s);
        const char *word = member_word(ours, known, &s);
        *complete = *complete && (!alive || strcmp(word, "kept") == 0);
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:b}", "name", m.cert->name, "id",
                                              node_id_text(&m.record->id, id), "version",
                                              known ? config_version_text(&s.version, version) : "", "state", word,
                                              "alive", (int)alive));
    }
    return list;
}

static int append(const char *text, size_t len, void *ctx)
{
    buf_add(ctx, text, len);
    return 0;
}

static unsigned put_json(const struct asking *a, json_t *root)
{
    if (root == NULL)
        return no_memory(a->body);
    *a->type = type_json;
    int err = json_dump_callback(root, append, a->body, JSON_COMPACT);
    json_decref(root);
    buf_add_u8(a->body, '\n');
    return err == 0 ? 200 : no_memory(a->body);
}

static unsigned show_versions(const struct asking *a)
{
    char text[CONFIG_VERSION_TEXT_MAX], refused[CONFIG_VERSION_TEXT_MAX];
    struct engine_configs c;
    json_t *list = json_array();
    bool complete;

    engine_configs(a->e, &c);
    LIST_EACH (at, &engine_config_log(a->e)->kept)
        json_array_append_new(list, json_version(OBJ_OF(at, struct config_kept, link)));
    json_t *members = json_members(a, &c, &complete);
    tag(a);
    struct slice zone = engine_config(a->e)->zone;
    return put_json(a, json_pack("{s:s, s:s%, s:b, s:b, s:b, s:s, s:s, s:o, s:o}", "version",
                                 config_version_text(&c.version, text), "domain",
                                 zone.len > 0 ? (const char *)zone.data : "", zone.len, "kept", (int)c.kept, "operator",
                                 (int)c.is_operator, "complete", (int)complete, "refused",
                                 c.refused.counter > 0 ? config_version_text(&c.refused, refused) : "", "refused_why",
                                 c.refused_why, "versions", list, "members", members));
}

static const struct config_kept *named(const struct asking *a)
{
    struct slice name = slice_from(a->req->path, sizeof(versions_path)); /* and the slash */
    const struct config_kept *k = config_log_named(engine_config_log(a->e), name);

    if (k == NULL)
        buf_addf(a->body, "There is no version %.*s here: GET %s lists the last %d.\n", SLICE_FMT(slice_head(name, 80)),
                 versions_path, CONFIG_LOG_MAX);
    return k;
}

static unsigned show_version(const struct asking *a)
{
    const struct config_kept *k = named(a);

    if (k == NULL)
        return 404;
    *a->type = type_json;
    return engine_config_text(a->e, k, a->body) == 0 ? 200 : no_memory(a->body);
}

/* ---- changing ---- */

static unsigned stale(const struct asking *a)
{
    struct config_version v = config_log_version(engine_config_log(a->e));
    char text[CONFIG_VERSION_TEXT_MAX];

    tag(a);
    buf_addf(a->body, "Somebody else was faster: version %s is in force. Look at it, and make the change anew.\n",
             config_version_text(&v, text));
    return 412;
}

static unsigned refuse(const struct asking *a, int err, const struct buf *why)
{
    switch (err) {
    case MESH_E_STATE: return stale(a);
    case MESH_E_EXISTS: buf_add_str(a->body, "This version is here already.\n"); return 409;
    case MESH_E_TYPE: buf_add_slice(a->body, buf_slice(why)); return 422;
    case MESH_E_RANGE:
        buf_addf(a->body, "It is longer than %u MiB, or its time is.\n", CONFIG_TEXT_MAX >> 20);
        return 422;
    case MESH_E_REFUSED:
        buf_add_str(a->body,
                    "Who signs this is no operator. Hand it in at a node that is one, or sign it yourself: hedgerow "
                    "distribution apply FILE --operator NODE-FILE (hedgerow mesh admit DIR --name NAME --zone ZONE "
                    "--role operator makes one).\n");
        return 403;
    case MESH_E_WRONG_MESH: buf_add_str(a->body, "It is signed for another mesh.\n"); return 403;
    case MESH_E_REVOKED: buf_add_str(a->body, "The operator who signs this was revoked.\n"); return 403;
    case MESH_E_EXPIRED:
    case MESH_E_NOT_YET: buf_addf(a->body, "Of the operator who signs this: %s.\n", mesh_strerror(err)); return 403;
    case MESH_E_SIGNATURE:
        buf_add_str(a->body, "Not signed by an operator that this mesh's authority admitted, or altered on its way.\n");
        return 403;
    case MESH_E_NOMEM: return no_memory(a->body);
    default: buf_addf(a->body, "This is no signed configuration: %s.\n", mesh_strerror(err)); return 400;
    }
}

static unsigned taken(const struct asking *a)
{
    struct config_version v = config_log_version(engine_config_log(a->e));
    char text[CONFIG_VERSION_TEXT_MAX];

    tag(a);
    *a->type = type_json;
    buf_addf(a->body, "{\"version\":\"%s\",\"counter\":%llu}\n", config_version_text(&v, text),
             (unsigned long long)v.counter);
    return 200;
}

/* The change names the version in force. 0, or the status of the refusal. */
static unsigned check_match(const struct asking *a)
{
    struct config_version v = config_log_version(engine_config_log(a->e));
    char text[CONFIG_VERSION_TEXT_MAX], quoted[NODE_ADMIN_ETAG_MAX];
    struct slice rest = a->req->if_match, one;

    if (rest.len == 0) {
        tag(a);
        buf_add_str(a->body,
                    "Say from which version the change was made: If-Match with the ETag of GET /distributions.\n");
        return 428;
    }
    snprintf(quoted, sizeof(quoted), "\"%s\"", config_version_text(&v, text));
    while (slice_split(&rest, ',', &one)) {
        one = slice_trim(one);
        if (slice_eq(one, slice_str(quoted)) || (slice_eq(one, SLICE_LIT("*")) && v.counter > 0))
            return 0;
    }
    return stale(a);
}

/* |raw| is to be in force; or with ?dry-run, it is only looked at. */
static unsigned change_to(const struct asking *a, struct slice raw)
{
    struct buf canonical = BUF_EMPTY;
    struct config_version v = config_log_version(engine_config_log(a->e));
    struct buf why = BUF_EMPTY;
    struct slice who, value;
    char name[CONFIG_WHO_MAX + 1] = "admin API";
    unsigned status;
    int err;

    if (!documents_canonical(&canonical, raw, "distributions", a->body)) {
        buf_free(&canonical);
        return 422;
    }
    struct slice text = buf_slice(&canonical);
    if (query_has(a, "who", &who) && config_who_ok(who))
        snprintf(name, sizeof(name), "%.*s", SLICE_FMT(who));
    bool dry = query_has(a, "dry-run", &value);
    err = dry ? engine_config_try(a->e, text, &why) : engine_config_change(a->e, node_now(a->n), text, &v, name, &why);
    if (err != 0) {
        status = refuse(a, err, &why);
    } else if (dry) {
        *a->type = type_json;
        buf_add_str(a->body, "{\"valid\":true}\n");
        status = 200;
    } else {
        status = taken(a);
    }
    buf_free(&why);
    buf_free(&canonical);
    return status;
}

/* PUT: the body is all of it. POST: what it names is added, or takes the place of what is there. DELETE ?name=NAME. */
static unsigned change_set(const struct asking *a)
{
    struct buf before = BUF_EMPTY, text = BUF_EMPTY, all = BUF_EMPTY;
    bool deletes = slice_eq(a->req->method, SLICE_LIT("DELETE"));
    struct slice name;
    unsigned status = check_match(a);

    if (status != 0)
        goto out;
    status = 422;
    if (!deletes && !documents_canonical(&text, a->req->body, "body", a->body))
        goto out;
    if (current_text(a, &before) != 200) {
        status = no_memory(a->body);
        goto out;
    }
    if (slice_eq(a->req->method, SLICE_LIT("PUT"))) {
        buf_take(&all, &text);
    } else if (deletes && !query_has(a, "name", &name)) {
        buf_add_str(a->body, "Which one? DELETE /distributions?name=NAME.\n");
        status = 400;
        goto out;
    } else if (deletes && !documents_remove(&all, buf_slice(&before), name)) {
        buf_addf(a->body, "There is no distribution called \"%.*s\".\n", SLICE_FMT(slice_head(name, 255)));
        status = 404;
        goto out;
    } else if (!deletes && !documents_merge(&all, buf_slice(&before), buf_slice(&text))) {
        status = no_memory(a->body);
        goto out;
    }
    status = change_to(a, buf_slice(&all));
out:
    buf_free(&before);
    buf_free(&text);
    buf_free(&all);
    return status;
}

static unsigned take_signed(const struct asking *a)
{
    struct buf why = BUF_EMPTY;
    unsigned status = a->req->if_match.len > 0 ? check_match(a) : 0;

    if (status == 0) {
        int err = engine_config_take(a->e, node_now(a->n), a->req->body, &why);
        status = err == 0 ? taken(a) : refuse(a, err, &why);
    }
    buf_free(&why);
    return status;
}

/* The text of an old version is to be in force again, as a new one. */
static unsigned roll_back(const struct asking *a)
{
    const struct config_kept *k;
    struct buf text = BUF_EMPTY;
    unsigned status = check_match(a);

    if (status == 0 && (k = named(a)) == NULL)
        status = 404;
    else if (status == 0 && engine_config_text(a->e, k, &text) != 0)
        status = no_memory(a->body);
    if (status == 0)
        status = change_to(a, buf_slice(&text));
    buf_free(&text);
    return status;
}

/* ---- all of them ---- */

bool distributions_find(struct slice path)
{
    static const char prefix[] = "/distributions/";
    return slice_eq(path, slice_head(SLICE_LIT(prefix), sizeof(prefix) - 2)) ||
           slice_eq(slice_head(path, sizeof(prefix) - 1), SLICE_LIT(prefix));
}

unsigned distributions_answer(struct node *n, const struct node_admin_request *req, struct buf *body, const char **type)
{
    const struct asking a = { n, node_engine(n), req, body, type };
    bool reads = slice_eq(req->method, SLICE_LIT("GET")) || slice_eq(req->method, SLICE_LIT("HEAD"));
    bool posts = slice_eq(req->method, SLICE_LIT("POST"));
    bool top = slice_eq(req->path, SLICE_LIT("/distributions"));
    bool one = slice_eq(slice_head(req->path, sizeof(versions_path)), SLICE_LIT("/distributions/versions/"));

    if (!reads && !change_allowed(n, req->authorization, body))
        return 401;
    if (top)
        return reads ? show_text(&a) : change_set(&a);
    if (reads && slice_eq(req->path, slice_str(versions_path)))
        return show_versions(&a);
    if (one && (reads || posts))
        return reads ? show_version(&a) : roll_back(&a);
    if (posts && slice_eq(req->path, slice_str(signed_path)))
        return take_signed(&a);
    buf_addf(body, "There is: GET, PUT, POST, DELETE /distributions, GET %s, GET and POST %s/VERSION, POST %s.\n",
             versions_path, versions_path, signed_path);
    return 404;
}
