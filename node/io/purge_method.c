#include "node/io/purge_method.h"
#include "node/core/key.h"

#include <stdio.h>
#include <string.h>

#include "node/io/worker.h"
#include "proto/base/err.h"

/* Who it was, for the log of each node. */
static struct slice caller(const struct exchange *x, char text[MESH_ADDR_TEXT_MAX + 16])
{
    char addr[MESH_ADDR_TEXT_MAX];

    int n = snprintf(text, MESH_ADDR_TEXT_MAX + 16, "PURGE from %s", mesh_addr_text(&x->viewer->from, addr));
    return slice_of(text, (size_t)n);
}

static bool is_soft(const struct http_request *q)
{
    const struct field *f = fields_find(&q->fields, SLICE_LIT("hedgerow-soft-purge"));

    return f != NULL && (slice_eq(f->value, SLICE_LIT("1")) || slice_eq_nocase(f->value, SLICE_LIT("true")));
}

static bool may(const struct exchange *x, const struct http_request *q)
{
    const struct node_config *cfg = x->worker->cfg;
    const struct field *f = fields_find(&q->fields, SLICE_LIT("authorization"));

    if (purge_from_has(&cfg->purge_from, &x->viewer->from))
        return true;
    return cfg->purge_from.token && f != NULL && token_given(cfg->admin_token, f->value);
}

static void say(struct exchange *x, unsigned status, const char *text)
{
    struct answer_page page = { .status = status, .text = text };

    exchange_refused(x, access_refused(status));
    exchange_page(x, &page);
}

static void refuse(struct exchange *x, int err)
{
    switch (err) {
    case MESH_E_STATE:
        say(x, 503, "This node does not know yet what was purged while it was away. Try again in a few seconds.");
        break;
    case MESH_E_FULL: say(x, 503, "This node's disk does not take what was purged before."); break;
    case MESH_E_NOMEM: say(x, 503, "This node is out of memory."); break;
    default: say(x, 400, "This URL cannot be purged: it is not well formed."); break;
    }
}

bool purge_method_is(const struct exchange *x, const struct http_request *q)
{
    const struct node_config *cfg = x->worker->cfg;

    return slice_eq(q->method_text, SLICE_LIT("PURGE")) &&
           (purge_from_any(&cfg->purge_from) || !methods_admit(&cfg->methods, q->method_text));
}

void purge_method(struct exchange *x, const struct http_request *q, struct slice path)
{
    char who[MESH_ADDR_TEXT_MAX + 16], id[PURGE_ID_MAX];
    struct purge_target target = { .kind = PURGE_URL };
    struct purge_order order = { .soft = is_soft(q), .targets = &target, .targets_n = 1 };
    struct buf value = BUF_EMPTY, name = BUF_EMPTY;
    struct slice host;
    const char *why;

    if (!may(x, q)) {
        say(x, 403, "Who may purge here, the node's --purge-from says.");
        return;
    }
    int err = purge_read(&value, PURGE_URL, path, &why);
    if (err == 0)
        err = key_host(&name, q->host);
    target.value = buf_slice(&value);
    host = buf_slice(&name);
    order.hosts = &host;
    order.who = caller(x, who);
    if (err == 0)
        err = buf_ok(&value) && buf_ok(&name) ? engine_purge(x->worker->engine, x->worker->now, &order, id)
                                              : MESH_E_NOMEM;
    buf_free(&value);
    buf_free(&name);
    if (err != 0) {
        refuse(x, err);
        return;
    }
    x->status = 202;
    x->here = true;
    x->page_at = answer_purge(&x->out, id, &x->to);
}
