#include "node/admin/prove.h"

#include <jansson.h>
#include <stdlib.h>

#include "node/admin/query.h"
#include "node/core/prove.h"
#include "proto/base/err.h"

static const char type_json[] = "application/json";

static json_t *hex(struct slice bytes)
{
    static const char digits[] = "0123456789abcdef";
    char *text = malloc(2 * bytes.len + 1);

    if (text == NULL)
        return NULL;
    for (size_t i = 0; i < bytes.len; i++) {
        text[2 * i] = digits[bytes.data[i] >> 4];
        text[2 * i + 1] = digits[bytes.data[i] & 15];
    }
    json_t *out = json_stringn(text, 2 * bytes.len);
    free(text);
    return out;
}

struct showing {
    const struct engine_config *cfg;
    struct slice path;
    json_t *root; /* NULL: there was no memory */
};

static json_t *hashes_of(const struct proof *p)
{
    json_t *list = json_array();

    for (size_t i = 0; i < p->hashes_n; i++)
        json_array_append_new(list, hex(SLICE_OF(p->hashes[i].bytes)));
    return list;
}

static json_t *batches_of(const struct proof *p)
{
    json_t *list = json_array();

    for (size_t i = 0; i < p->batches_n; i++) {
        const struct leaf_batch *b = &p->batches[i];
        json_array_append_new(list, json_pack("{s:I, s:I, s:b, s:I, s:o}", "first", (json_int_t)b->first, "count",
                                              (json_int_t)b->count, "final", (int)b->final, "length",
                                              (json_int_t)b->length, "signature", hex(SLICE_OF(b->sig))));
    }
    return list;
}

static json_t *text_of(struct slice s)
{
    return json_stringn((const char *)s.data, s.len);
}

static void show(void *ctx, const struct proof *p, mesh_ns age_ns)
{
    struct showing *s = ctx;
    s->root = json_pack("{s:o, s:o, s:o, s:s, s:I, s:o, s:o, s:b, s:o, s:I, s:o, s:o}", "path", text_of(s->path),
                        "distribution", text_of(p->distribution), "origin", text_of(p->origin), "held_by",
                        s->cfg->mesh.self->cert.name, "age_ms", (json_int_t)(age_ns / MS(1)), "cert", hex(p->cert),
                        "head", hex(p->head), "one", (int)p->one, "signature", hex(SLICE_OF(p->sig)), "length",
                        (json_int_t)p->length, "hashes", hashes_of(p), "batches", batches_of(p));
}

static int append(const char *text, size_t len, void *ctx)
{
    buf_add(ctx, text, len);
    return 0;
}

static unsigned put(const struct showing *s, struct buf *body, const char **type)
{
    if (s->root == NULL || json_dump_callback(s->root, append, body, JSON_COMPACT) != 0) {
        buf_clear(body);
        buf_add_str(body, "out of memory\n");
        return 503;
    }
    buf_add_u8(body, '\n');
    *type = type_json;
    return 200;
}

unsigned prove_answer(struct node *n, const struct node_admin_request *req, struct buf *body, const char **type)
{
    struct showing s = { .cfg = engine_config(node_engine(n)) };
    struct buf url = BUF_EMPTY, path = BUF_EMPTY, host = BUF_EMPTY;
    const char *why = NULL;
    unsigned status = 400;

    if (!query_get(req->query, "url", &url)) {
        buf_add_str(body, "Of what? GET /prove?url=/path\n");
    } else if (purge_read(&path, PURGE_URL, buf_slice(&url), &why) != 0 ||
               purge_host(&host, buf_slice(&url), &why) != 0) {
        buf_addf(body, "This is no URL: %s.\n", why);
    } else {
        s.path = buf_slice(&path);
        int err = engine_prove(node_engine(n), node_now(n), buf_slice(&host), s.path, show, &s);
        status = err == 0 ? put(&s, body, type) : err == MESH_E_NOMEM ? 503 : 404;
        if (err != 0)
            buf_add_str(body, err == MESH_E_MISSING ? "This node has no whole copy of that in memory: ask it for the "
                                                      "URL first.\n"
                              : err == MESH_E_STATE ? "This node's copy came without a whole proof.\n"
                                                    : "out of memory\n");
    }
    json_decref(s.root);
    buf_free(&url);
    buf_free(&path);
    buf_free(&host);
    return status;
}
