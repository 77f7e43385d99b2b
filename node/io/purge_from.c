#include "node/io/purge_from.h"

#include <stdio.h>

#include "proto/base/err.h"
#include "proto/digest.h"

static int read_net(struct purge_from *out, struct slice word)
{
    struct slice rest = word, host;
    char text[MESH_ADDR_TEXT_MAX];
    struct mesh_addr a;
    uint64_t bits = 128;

    slice_split(&rest, '/', &host);
    bool v6 = memchr(host.data, ':', host.len) != NULL;
    int n = host.len < 46 ? snprintf(text, sizeof(text), v6 ? "[%.*s]:1" : "%.*s:1", SLICE_FMT(host)) : -1;
    if (n < 0 || mesh_addr_parse(slice_of(text, (size_t)n), &a) != 0)
        return MESH_E_SYNTAX;
    if (rest.data != NULL && (slice_u64(rest, &bits) != 0 || bits > (v6 ? 128 : 32)))
        return MESH_E_SYNTAX;
    if (rest.data != NULL && !v6)
        bits += 96;
    if (out->n == PURGE_FROM_MAX)
        return MESH_E_FULL;
    memcpy(out->nets[out->n].ip, a.ip, sizeof(a.ip));
    out->nets[out->n++].bits = (uint8_t)bits;
    return 0;
}

int purge_from_parse(struct purge_from *out, struct slice text, const char **why)
{
    struct purge_from p = { .n = 0 };
    struct slice word;

    while (slice_split(&text, ',', &word)) {
        if (slice_eq(word, SLICE_LIT("token"))) {
            p.token = true;
            continue;
        }
        int err = read_net(&p, word);
        if (err != 0) {
            *why = err == MESH_E_FULL
                       ? "These are too many addresses: 16 are the limit"
                       : "must be addresses, networks and the word token: 10.0.0.7,192.168.0.0/16,fd00::/8,token";
            return err;
        }
    }
    *out = p;
    return 0;
}

bool purge_from_any(const struct purge_from *p)
{
    return p->n > 0 || p->token;
}

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;

    return memcmp(a, b, whole) == 0 && (rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0);
}

bool purge_from_has(const struct purge_from *p, const struct mesh_addr *from)
{
    for (size_t i = 0; from->port != 0 && i < p->n; i++) {
        if (same_bits(p->nets[i].ip, from->ip, p->nets[i].bits))
            return true;
    }
    return false;
}

/* Compared as hashes, so that how long it takes says nothing of the token. */
bool token_given(const char *token, struct slice authorization)
{
    struct slice scheme = slice_head(authorization, sizeof("Bearer ") - 1);
    struct digest want, got;

    if (token == NULL || token[0] == 0 || !slice_eq_nocase(scheme, SLICE_LIT("Bearer ")))
        return false;
    digest_one(&want, slice_str(token));
    digest_one(&got, slice_trim(slice_from(authorization, scheme.len)));
    return digest_eq(&want, &got);
}
