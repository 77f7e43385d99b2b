#include "node/admin/admin.h"

#include <stdio.h>

#include "node/admin/change.h"
#include "node/admin/distributions.h"
#include "node/admin/members.h"
#include "node/admin/prove.h"
#include "node/admin/purge.h"
#include "node/admin/route.h"
#include "node/admin/status.h"
#include "proto/digest.h"

static const char type_json[] = "application/json";
static const char type_metrics[] = "text/plain; version=0.0.4; charset=utf-8";
static const char type_html[] = "text/html; charset=utf-8";

typedef unsigned page(struct node *n, struct buf *body, const char **type);

static unsigned from_status(struct node *n, struct buf *body, bool json)
{
    struct status s;
    int err = status_gather(&s, n);

    if (err == 0 && json)
        err = status_json(body, &s);
    else if (err == 0)
        status_metrics(body, &s);
    status_free(&s);
    if (err != 0) {
        buf_clear(body);
        buf_add_str(body, "out of memory\n");
        return 503;
    }
    return 200;
}

static unsigned answer_status(struct node *n, struct buf *body, const char **type)
{
    *type = type_json;
    return from_status(n, body, true);
}

static unsigned answer_metrics(struct node *n, struct buf *body, const char **type)
{
    *type = type_metrics;
    return from_status(n, body, false);
}

static unsigned answer_livez(struct node *n, struct buf *body, const char **type)
{
    (void)n;
    (void)type;
    buf_add_str(body, "alive\n");
    return 200;
}

static unsigned answer_readyz(struct node *n, struct buf *body, const char **type)
{
    const char *why_not = NULL;

    (void)type;
    if (node_ready(n, &why_not)) {
        buf_add_str(body, "ready\n");
        return 200;
    }
    buf_addf(body, "%s\n", why_not != NULL ? why_not : "not ready");
    return 503;
}

/* Only what carries this answer's nonce may run or style the page (its policy is in the
 * page itself). */
static unsigned answer_page(struct node *n, struct buf *body, const char **type)
{
    char nonce[33];

    (void)n;
    snprintf(nonce, sizeof(nonce), "%016llx%016llx", (unsigned long long)secret_random_u64(),
             (unsigned long long)secret_random_u64());
    admin_page_put(body, nonce);
    *type = type_html;
    return 200;
}

static const struct {
    const char *path;
    page *answer;
} pages[] = {
    { "/status", answer_status },
    { "/metrics", answer_metrics },
    { "/livez", answer_livez },
    { "/readyz", answer_readyz },
    { "/", answer_page },
    { "/members/addresses", members_addresses },
    { "/members/addresses.txt", members_addresses_text },
};

unsigned admin_answer(void *ctx, struct node *n, const struct node_admin_request *req, struct buf *body,
                      const char **content_type)
{
    (void)ctx;
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        if (!slice_eq(req->path, slice_str(pages[i].path)))
            continue;
        if (!slice_eq(req->method, SLICE_LIT("GET")) && !slice_eq(req->method, SLICE_LIT("HEAD"))) {
            buf_addf(body, "%s is there to be read: GET or HEAD.\n", pages[i].path);
            return 405;
        }
        return pages[i].answer(n, body, content_type);
    }
    if (distributions_find(req->path))
        return distributions_answer(n, req, body, content_type);
    bool reads = slice_eq(req->method, SLICE_LIT("GET")) || slice_eq(req->method, SLICE_LIT("HEAD"));
    if (reads && slice_eq(req->path, SLICE_LIT("/prove")))
        return prove_answer(n, req, body, content_type);
    if (reads && slice_eq(req->path, SLICE_LIT("/route")))
        return route_answer(n, req, body, content_type);
    if (purge_find(req->path) && !slice_eq(req->method, SLICE_LIT("POST")))
        return purge_show(n, req, body, content_type);
    if (change_find(req->path))
        return change_answer(n, req, body, content_type);
    buf_add_str(body, "not here. There is:\n");
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++)
        buf_addf(body, "  %s\n", pages[i].path);
    buf_add_str(body, "  /distributions  /distributions/versions\n");
    change_list(body);
    return 404;
}
