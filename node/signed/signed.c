#include "node/signed/signed.h"

#include "node/signed/b64.h"
#include "node/signed/credential.h"
#include "node/signed/resource.h"
#include "node/signed/url_token.h"
#include "proto/base/err.h"

const char *signed_detail(enum signed_reason r)
{
    static const char *const texts[] = {
#define X(name, detail, sentence) [SIGNED_##name] = (detail),
        SIGNED_REASONS(X)
#undef X
    };
    return texts[r];
}

const char *signed_sentence(enum signed_reason r)
{
    static const char *const texts[] = {
#define X(name, detail, sentence) [SIGNED_##name] = (sentence),
        SIGNED_REASONS(X)
#undef X
    };
    return texts[r];
}

void signed_work_fini(struct signed_work *w)
{
    buf_free(&w->room);
    buf_free(&w->text);
    buf_free(&w->signature);
}

static struct slice scheme_of(const struct signed_request *r)
{
    return r->https ? SLICE_LIT("https") : SLICE_LIT("http");
}

/* Of the key itself, not its id: one that took the place of another has verified nothing yet. */
static void memory_of(struct digest *out, const struct signed_work *w, const struct signer *k, bool sha256)
{
    uint8_t kind = sha256 ? 1 : 0;
    uint8_t len[4];

    be32_put(len, (uint32_t)w->signature.len);
    const struct slice parts[] = { SLICE_OF(signer_print(k)->bytes), slice_of(&kind, 1), SLICE_OF(len),
                                   buf_slice(&w->signature), buf_slice(&w->text) };
    digest_of(out, parts, sizeof(parts) / sizeof(parts[0]));
}

/* w->signature, of w->text, by |k|? */
static enum signed_reason verify(struct signed_work *w, const struct signer *k, bool sha256, struct signed_verdict *v)
{
    struct digest d;

    memory_of(&d, w, k, sha256);
    v->from_memory = verified_has(&w->verified, &d);
    if (v->from_memory)
        return SIGNED_OK;
    if (!signer_verified(k, sha256, buf_slice(&w->text), buf_slice(&w->signature)))
        return SIGNED_WRONG;
    verified_add(&w->verified, &d);
    return SIGNED_OK;
}

static enum signed_reason times(int64_t now_s, int64_t ends_s, int64_t starts_s)
{
    if (now_s >= ends_s)
        return SIGNED_EXPIRED;
    return starts_s >= 0 && now_s <= starts_s ? SIGNED_EARLY : SIGNED_OK;
}

static enum signed_reason canned(struct signed_work *w, const struct signer *k, const struct signed_request *r,
                                 const struct credential *c, struct signed_verdict *v)
{
    int64_t ends_s;
    int err = policy_time(c->expires, &ends_s) ? 0 : MESH_E_SYNTAX;

    if (err == 0)
        err = policy_canned(&w->text, scheme_of(r), r->host, c->target, c->expires);
    if (err != 0)
        return err == MESH_E_NOMEM ? SIGNED_NOMEM : SIGNED_MALFORMED;
    enum signed_reason reason = verify(w, k, c->sha256, v);
    return reason == SIGNED_OK ? times(r->wall_s, ends_s, -1) : reason;
}

static enum signed_reason covers(const struct policy *p, const struct signed_request *r, struct slice target)
{
    struct resource_url url = { .scheme = scheme_of(r), .host = r->host };
    struct slice pattern = slice_of(p->resource, p->resource_len);
    enum signed_reason reason = times(r->wall_s, p->ends_s, p->starts_s);

    if (reason != SIGNED_OK)
        return reason;
    url.query = target;
    slice_split(&url.query, '?', &url.path);
    if (!p->any && (!resource_fits(pattern, &url) || (resource_wild(pattern) && resource_dots(url.path))))
        return SIGNED_RESOURCE;
    return p->has_net && !network_has(&p->net, &r->address) ? SIGNED_ADDRESS : SIGNED_OK;
}

static enum signed_reason custom(struct signed_work *w, const struct signer *k, const struct signed_request *r,
                                 const struct credential *c, struct signed_verdict *v)
{
    int err = b64_read(&w->text, c->policy, B64_CLOUDFRONT);

    if (err != 0)
        return err == MESH_E_NOMEM ? SIGNED_NOMEM : SIGNED_MALFORMED;
    enum signed_reason reason = verify(w, k, c->sha256, v);
    if (reason != SIGNED_OK)
        return reason;
    return policy_read(&w->policy, buf_slice(&w->text)) == 0 ? covers(&w->policy, r, c->target) : SIGNED_POLICY;
}

static enum signed_reason token(struct signed_work *w, const struct signer *k, const struct signed_request *r,
                                const struct url_token *t, struct slice target, struct signed_verdict *v)
{
    int err = url_token_text(&w->text, t, r->host, target);

    if (err != 0)
        return err == MESH_E_NOMEM ? SIGNED_NOMEM : SIGNED_RESOURCE;
    enum signed_reason reason = verify(w, k, true, v);
    if (reason == SIGNED_OK)
        reason = times(r->wall_s, t->ends_s, t->starts_s);
    return reason == SIGNED_OK && t->has_net && !network_has(&t->net, &r->address) ? SIGNED_ADDRESS : reason;
}

static enum signed_reason judge(struct signed_work *w, const struct signers *s, const struct signed_request *r,
                                const struct credential *c, struct signed_verdict *v)
{
    bool short_form = c->kind == CREDENTIAL_TOKEN;
    struct url_token t;

    v->key_id = c->key_id;
    if (short_form) {
        if (url_token_read(&t, c->token) != 0)
            return SIGNED_MALFORMED;
        v->key_id = t.key_id;
    }
    const struct signer *k = signers_find(s, r->groups, r->groups_n, v->key_id);
    if (k == NULL || (signer_kind(k) == SIGNER_ED25519) != short_form)
        return SIGNED_UNKNOWN_KEY;
    if (!short_form && !c->sha256 && r->sha1_forbidden)
        return SIGNED_SHA1;
    buf_clear(&w->text);
    buf_clear(&w->signature);
    int err = b64_read(&w->signature, short_form ? t.signature : c->signature, short_form ? B64_URL : B64_CLOUDFRONT);
    if (err != 0)
        return err == MESH_E_NOMEM ? SIGNED_NOMEM : SIGNED_MALFORMED;
    if (short_form)
        return token(w, k, r, &t, c->target, v);
    return c->kind == CREDENTIAL_CUSTOM ? custom(w, k, r, c, v) : canned(w, k, r, c, v);
}

bool signed_check(struct signed_work *w, const struct signers *s, const struct signed_request *r,
                  struct signed_verdict *v)
{
    struct credential c;

    *v = (struct signed_verdict){ .reason = SIGNED_OK, .target = r->target };
    if (r->groups_n == 0)
        return true;
    int err = credential_read(&c, r->target, r->cookies, r->cookies_n, &w->room);
    v->target = c.target;
    if (err != 0)
        v->reason = err == MESH_E_NOMEM ? SIGNED_NOMEM : SIGNED_MALFORMED;
    else if (c.kind == CREDENTIAL_NONE)
        v->reason = SIGNED_UNSIGNED;
    else
        v->reason = judge(w, s, r, &c, v);
    return v->reason == SIGNED_OK;
}
