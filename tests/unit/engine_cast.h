/* engine_cast.h - who and what the engines' stories are about: identities that are the same in
 * each run, and what the origin has. */
#ifndef HEDGEROW_TESTS_ENGINE_CAST_H
#define HEDGEROW_TESTS_ENGINE_CAST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "fake_mesh.h"
#include "node/core/cache.h"
#include "node/core/engine.h"
#include "node/core/key.h"
#include "node/core/range.h"
#include "proto/base/err.h"
#include "proto/base/rand.h"

#define NODES     4
#define CONNS_MAX 8192
#define SITES_MAX 16
#define WALL      INT64_C(1800000000)

/* ---- randomness that repeats ---- */

static struct rand source;

static inline const char *source_name(void)
{
    return "test";
}

static inline uint32_t source_u32(void)
{
    return (uint32_t)rand_u64(&source);
}

static inline void source_buf(void *const out, const size_t len)
{
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)out)[i] = (uint8_t)rand_u64(&source);
}

static struct randombytes_implementation repeatable = { source_name, source_u32, NULL, NULL, source_buf, NULL };
static struct authority authority;
static struct identity identities[NODES];

static inline int setup(void **state)
{
    (void)state;
    source = rand_of(1, 1, 1);
    randombytes_set_implementation(&repeatable);
    assert_int_equal(crypto_start(), 0);
    authority_make(&authority, MESH_ARC_BITS_MIN);
    for (int i = 0; i < NODES; i++) {
        char name[8];
        snprintf(name, sizeof(name), "n%d", i);
        const struct admission what = { .name = slice_str(name),
                                        .roles = i < NODES - 1 ? CERT_ROLE_NODE | CERT_ROLE_OPERATOR : CERT_ROLE_NODE,
                                        .zone = SLICE_LIT("eu/z"),
                                        .not_after_s = WALL + 86400 };
        assert_int_equal(authority_admit(&identities[i], &authority, &what), 0);
    }
    return 0;
}

/* ---- what the origin has ---- */

struct site {
    const char *path;
    const char *origin; /* id of the one that has it; NULL: any */
    uint64_t length;
    bool chunked;       /* the length is not announced */
    uint64_t announced; /* not 0: the length that is announced, true or not */
    uint16_t status;
    const char *lines;      /* more fields: "Name: value\n" ... */
    uint64_t version;       /* of its bytes, told in X-Version */
    bool tagged;            /* its ETag is its version */
    bool wordless;          /* nothing in its head changes with its version, as far as HTTP goes */
    bool by_variant;        /* the version is what the request's X-Variant says */
    bool ranges;            /* it knows Range ... */
    bool deaf;              /* ... but not If-Range */
    uint64_t most;          /* ... and sends no more than so many bytes at a time; 0: all */
    const char *validator;  /* who asks with this If-None-Match gets 304 */
    uint64_t changed_at;    /* bytes from here on depend on the version */
    bool text;              /* bytes that can be packed */
    mesh_ns head_after;     /* from the request on */
    mesh_ns every;          /* a piece ... */
    uint64_t piece;         /* ... of so many bytes */
    uint64_t cut_at;        /* the connection ends here, with ... */
    int cut_err;            /* ... this; at 0: before a head */
    bool stuck;             /* never says more than it has said */
    unsigned fetches, open; /* begun; under way */
    unsigned validated;     /* of the fetches: answered with 304 */
    uint64_t sent;          /* body bytes given out */
    char last_range[64];    /* what the last request wanted of it */
    char last_path[100];    /* the last request's */
    char last_from[100];    /* the last request's host and id */
    char last_method[36];   /* the last request's; empty: GET */
    char last_fields[512];  /* what the last request carried: "name: value|" ... */
};

/* site_bytes writes |len| bytes of a version, from byte |at| on. */
static inline void site_bytes(const struct site *s, uint64_t version, uint64_t at, uint8_t *out, size_t len)
{
    static const char words[] = "Under the hedge the small roads meet, and nobody asks twice. ";
    uint64_t word = 0;

    for (size_t i = 0; i < len; i++, at++) {
        uint64_t v = at < s->changed_at ? 0 : version;
        if (s->text) {
            out[i] = (uint8_t)words[(at + v) % (sizeof(words) - 1)];
            continue;
        }
        if (i == 0 || at % 8 == 0 || at == s->changed_at)
            word = rand_mix((at / 8) * 1000003 + v + s->length);
        out[i] = (uint8_t)(word >> 8 * (at % 8));
    }
}

/* site_is: is |tag| the ETag that it would say now? */
static inline bool site_is(const struct site *s, struct slice tag)
{
    return strncmp(s->lines, "ETag: ", 6) == 0 && strlen(s->lines) > 6 + tag.len && s->lines[6 + tag.len] == '\n' &&
           memcmp(s->lines + 6, tag.data, tag.len) == 0;
}

static inline bool site_has(const struct site *s, uint64_t version, uint64_t at, struct slice bytes)
{
    static uint8_t want[LEAF_BYTES];

    assert_true(bytes.len <= sizeof(want));
    site_bytes(s, version, at, want, bytes.len);
    return memcmp(bytes.data, want, bytes.len) == 0;
}

/* site_became: bytes up to |at| are those of |*version|, and |bytes| behind them are not. Are all of them those of
 * another version, which nothing in the head tells apart? They are one answer then: all of it is that version's. */
static inline bool site_became(const struct site *s, uint64_t *version, uint64_t at, struct slice bytes)
{
    if (!s->wordless || at > s->changed_at) /* what was read is one version's alone */
        return false;
    for (uint64_t other = 1; other <= s->version; other++) {
        if (site_has(s, other, at, bytes)) {
            *version = other;
            return true;
        }
    }
    return false;
}

#endif
