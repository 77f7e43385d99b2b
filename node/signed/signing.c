#include "node/signed/signing.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>

#include "node/signed/b64.h"
#include "node/signed/credential.h"
#include "node/signed/policy.h"
#include "node/signed/url_token.h"
#include "proto/base/err.h"

struct signing_key {
    gnutls_privkey_t key;
    enum signer_kind kind;
};

static int no_memory(struct buf *why)
{
    buf_add_str(why, "there is no memory left");
    return MESH_E_NOMEM;
}

static struct signing_key *empty_key(void)
{
    struct signing_key *k = calloc(1, sizeof(*k));

    if (k != NULL && gnutls_privkey_init(&k->key) != 0) {
        free(k);
        k = NULL;
    }
    return k;
}

int signing_key_new(struct signing_key **out, enum signer_kind kind)
{
    static const struct {
        gnutls_pk_algorithm_t algorithm;
        unsigned bits;
    } kinds[] = { [SIGNER_RSA] = { GNUTLS_PK_RSA, SIGNERS_RSA_BITS },
                  [SIGNER_P256] = { GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1) },
                  [SIGNER_ED25519] = { GNUTLS_PK_EDDSA_ED25519, 0 } };
    struct signing_key *k = empty_key();

    *out = NULL;
    if (k == NULL || gnutls_privkey_generate(k->key, kinds[kind].algorithm, kinds[kind].bits, 0) != 0) {
        signing_key_free(k);
        return MESH_E_NOMEM;
    }
    k->kind = kind;
    *out = k;
    return 0;
}

void signing_key_free(struct signing_key *k)
{
    if (k == NULL)
        return;
    gnutls_privkey_deinit(k->key);
    free(k);
}

enum signer_kind signing_key_kind(const struct signing_key *k)
{
    return k->kind;
}

int signing_key_pem(const struct signing_key *k, struct buf *secret, struct buf *public)
{
    gnutls_datum_t one = { NULL, 0 }, two = { NULL, 0 };
    gnutls_x509_privkey_t exported = NULL;
    gnutls_pubkey_t half = NULL;
    int err = MESH_E_NOMEM;

    if (gnutls_privkey_export_x509(k->key, &exported) == 0 &&
        gnutls_x509_privkey_export2_pkcs8(exported, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &one) == 0 &&
        gnutls_pubkey_init(&half) == 0 && gnutls_pubkey_import_privkey(half, k->key, 0, 0) == 0 &&
        gnutls_pubkey_export2(half, GNUTLS_X509_FMT_PEM, &two) == 0) {
        buf_add(secret, one.data, one.size);
        buf_add(public, two.data, two.size);
        err = buf_ok(secret) && buf_ok(public) ? 0 : MESH_E_NOMEM;
    }
    if (one.data != NULL)
        gnutls_memset(one.data, 0, one.size);
    gnutls_free(one.data);
    gnutls_free(two.data);
    if (exported != NULL)
        gnutls_x509_privkey_deinit(exported);
    if (half != NULL)
        gnutls_pubkey_deinit(half);
    return err;
}

/* Its public half has to be one that is taken. */
static int kind_of(struct signing_key *k, struct buf *why)
{
    struct buf secret = BUF_EMPTY, public = BUF_EMPTY;
    struct slice id = SLICE_LIT("k");
    struct signers *s = signers_new();
    int err = s != NULL ? signing_key_pem(k, &secret, &public) : MESH_E_NOMEM;

    if (err != 0)
        no_memory(why);
    else if ((err = signers_add(s, id, buf_slice(&public), why)) == 0 && (err = signers_group(s, id, &id, 1, why)) == 0)
        k->kind = signer_kind(signers_find(s, &id, 1, id));
    if (secret.data != NULL)
        gnutls_memset(secret.data, 0, secret.len);
    buf_free(&secret);
    buf_free(&public);
    signers_free(s);
    return err;
}

int signing_key_read(struct signing_key **out, struct slice pem, struct buf *why)
{
    gnutls_datum_t text = { (unsigned char *)(uintptr_t)pem.data, (unsigned)pem.len };
    struct signing_key *k = empty_key();
    int err = 0;

    *out = NULL;
    if (k == NULL)
        return no_memory(why);
    if (gnutls_privkey_import_x509_raw(k->key, &text, GNUTLS_X509_FMT_PEM, NULL, 0) != 0) {
        buf_add_str(why, "is no private key in PEM form, or has a password, or is damaged");
        err = MESH_E_SYNTAX;
    } else {
        err = kind_of(k, why);
    }
    if (err != 0)
        signing_key_free(k);
    else
        *out = k;
    return err;
}

/* ---- what is wished for ---- */

struct url_parts {
    struct slice scheme, host, target, path;
};

static int url_wrong(struct buf *why, const char *what)
{
    buf_add_str(why, what);
    return MESH_E_SYNTAX;
}

static int read_url(struct url_parts *out, struct slice url, struct buf *why)
{
    bool https = slice_eq(slice_head(url, 8), SLICE_LIT("https://"));
    struct buf room = BUF_EMPTY;
    struct credential c;

    if (!https && !slice_eq(slice_head(url, 7), SLICE_LIT("http://")))
        return url_wrong(why, "the URL has to begin with http:// or https://");
    for (size_t i = 0; i < url.len; i++) {
        uint8_t b = url.data[i];
        if (b <= 0x20 || b >= 0x7f || b == '"' || b == '\\' || b == '#')
            return url_wrong(why, "the URL has a fragment, or a byte that has to be percent-encoded");
    }
    out->scheme = slice_head(url, https ? 5 : 4);
    struct slice rest = slice_from(url, out->scheme.len + 3);
    const uint8_t *slash = rest.len > 0 ? memchr(rest.data, '/', rest.len) : NULL;
    if (slash == NULL || slash == rest.data)
        return url_wrong(why, "the URL has to have a host, and a path behind it: https://HOST/");
    out->host = slice_head(rest, (size_t)(slash - rest.data));
    out->target = slice_from(rest, out->host.len);
    struct slice query = out->target;
    slice_split(&query, '?', &out->path);
    int err = credential_read(&c, out->target, NULL, 0, &room);
    bool taken = c.of_url;
    buf_free(&room);
    if (err == MESH_E_NOMEM)
        return no_memory(why);
    return taken ? url_wrong(why, "the URL has a parameter of a name that signing uses: Expires, Policy, Signature, "
                                  "Key-Pair-Id, Hash-Algorithm or Hedgerow")
                 : 0;
}

static struct buf *part(struct signing_made *m, const char *name)
{
    m->part[m->n].name = name;
    return &m->part[m->n++].value;
}

/* Appends the signature of |text| as it stands in a URL. */
static int sign(struct buf *out, const struct signing_key *k, bool sha256, struct slice text)
{
    static const gnutls_sign_algorithm_t algorithms[][2] = {
        [SIGNER_RSA] = { GNUTLS_SIGN_RSA_SHA1, GNUTLS_SIGN_RSA_SHA256 },
        [SIGNER_P256] = { GNUTLS_SIGN_ECDSA_SHA1, GNUTLS_SIGN_ECDSA_SHA256 },
        [SIGNER_ED25519] = { GNUTLS_SIGN_EDDSA_ED25519, GNUTLS_SIGN_EDDSA_ED25519 },
    };
    gnutls_datum_t data = { (unsigned char *)(uintptr_t)text.data, (unsigned)text.len }, made;
    unsigned flags = k->kind == SIGNER_P256 ? GNUTLS_PRIVKEY_FLAG_REPRODUCIBLE : 0;

    if (gnutls_privkey_sign_data2(k->key, algorithms[k->kind][sha256], flags, &data, &made) != 0)
        return MESH_E_NOMEM;
    b64_put(out, slice_of(made.data, made.size), k->kind == SIGNER_ED25519 ? B64_URL : B64_CLOUDFRONT);
    gnutls_free(made.data);
    return buf_ok(out) ? 0 : MESH_E_NOMEM;
}

static int make_token(struct signing_made *out, const struct signing_key *k, const struct signing_wish *w,
                      const struct url_parts *url, struct buf *why)
{
    struct buf *value = part(out, URL_TOKEN_NAME);
    struct url_token t;
    int err;

    if (w->resource.len > 0)
        return url_wrong(why,
                         "a token of an Ed25519 key is for one URL or for a prefix, not for a resource with wildcards");
    if (!slice_eq(slice_head(url->path, w->prefix.len), w->prefix))
        return url_wrong(why, "the URL's path does not begin with the prefix");
    url_token_head(value, w->key_id, w->ends_s, w->starts_s, w->prefix.len > 0 ? w->prefix.len : SIZE_MAX, w->net);
    buf_add_u8(value, '~');
    if (url_token_read(&t, buf_slice(value)) != 0)
        return url_wrong(why,
                         "a token's key id has 1 to 24 letters, digits, - and _, and its prefix 99,999 bytes at most");
    if ((err = url_token_text(&out->policy, &t, url->host, url->target)) != 0)
        return err == MESH_E_NOMEM ? no_memory(why) : url_wrong(why, "a path with /./ or /../ fits no prefix");
    return (err = sign(value, k, true, buf_slice(&out->policy))) != 0 ? no_memory(why) : 0;
}

static int make_policy(struct signing_made *out, const struct signing_key *k, const struct signing_wish *w,
                       const struct url_parts *url, struct buf *why)
{
    bool custom = w->starts_s >= 0 || w->net.len > 0 || w->resource.len > 0;
    struct policy p;
    char end[24];
    int err;

    int len = snprintf(end, sizeof(end), "%lld", (long long)w->ends_s);
    if (custom)
        err = policy_custom(&out->policy, w->resource.len > 0 ? w->resource : w->url, w->ends_s, w->starts_s, w->net);
    else
        err = policy_canned(&out->policy, url->scheme, url->host, url->target, slice_of(end, (size_t)len));
    if (err == MESH_E_NOMEM)
        return no_memory(why);
    if (err != 0 || policy_read(&p, buf_slice(&out->policy)) != 0)
        return url_wrong(why,
                         "the resource is longer than 2,048 bytes or has a quotation mark, or the address is none: "
                         "192.0.2.0/24");
    struct buf *stated = part(out, custom ? "Policy" : "Expires");
    if (custom)
        b64_put(stated, buf_slice(&out->policy), B64_CLOUDFRONT);
    else
        buf_add(stated, end, (size_t)len);
    if (sign(part(out, "Signature"), k, w->sha256, buf_slice(&out->policy)) != 0)
        return no_memory(why);
    buf_add_slice(part(out, "Key-Pair-Id"), w->key_id);
    if (w->sha256)
        buf_add_str(part(out, "Hash-Algorithm"), "SHA256");
    return 0;
}

int signing_make(struct signing_made *out, const struct signing_key *k, const struct signing_wish *w, struct buf *why)
{
    struct url_parts url;
    struct network net;

    *out = (struct signing_made){ .n = 0 };
    int err = read_url(&url, w->url, why);
    if (err != 0)
        return err;
    if (w->ends_s < 1 || w->ends_s > POLICY_TIME_MAX || w->starts_s >= w->ends_s) {
        buf_add_str(why, "it has to end after it starts, and before the year 2286");
        return MESH_E_RANGE;
    }
    if (w->net.len > 0 && network_read(&net, w->net) != 0)
        return url_wrong(why, "the address has to be an IP address or a network: 192.0.2.0/24, 2001:db8::/32");
    if (k->kind == SIGNER_ED25519)
        return make_token(out, k, w, &url, why);
    if (w->prefix.len > 0)
        return url_wrong(why,
                         "a prefix is for tokens, which Ed25519 keys sign; a resource with wildcards does it here");
    return make_policy(out, k, w, &url, why);
}

void signing_fini(struct signing_made *m)
{
    for (size_t i = 0; i < m->n; i++)
        buf_free(&m->part[i].value);
    buf_free(&m->policy);
}

void signing_url(struct buf *out, struct slice url, const struct signing_made *m)
{
    bool query = memchr(url.data, '?', url.len) != NULL;

    buf_add_slice(out, url);
    for (size_t i = 0; i < m->n; i++) {
        buf_addf(out, "%c%s=", i > 0 || query ? '&' : '?', m->part[i].name);
        buf_add_slice(out, buf_slice(&m->part[i].value));
    }
}

void signing_cookie(struct buf *out, const struct signing_made *m, size_t i)
{
    buf_addf(out, "%s%s=", strcmp(m->part[i].name, URL_TOKEN_NAME) == 0 ? "" : "CloudFront-", m->part[i].name);
    buf_add_slice(out, buf_slice(&m->part[i].value));
}
