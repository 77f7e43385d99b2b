/* tls_world.h - TLS without sockets: certificates that are right and wrong, and a client and a server in memory that
 * talk. */
#ifndef HEDGEROW_TESTS_TLS_WORLD_H
#define HEDGEROW_TESTS_TLS_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <time.h>

#include "tests/unit/certificates.h"

#define NAMES(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define ROOM       (64u << 10)

static struct made root, other_root, middle, site, star, by_middle, rsa, expired, early, self_made, address;
static struct buf why;

static inline int make_all(void **state)
{
    struct make a = { .ca = true };

    (void)state;
    made_new(&root, &a);
    made_new(&other_root, &a);
    a.issuer = &root;
    made_new(&middle, &a);
    struct make how = { .names = NAMES("example.com", "www.example.com"), .issuer = &root };
    made_new(&site, &how);
    made_new(&self_made, &(struct make){ .names = how.names, .ca = true });
    made_new(&expired, &(struct make){ .names = how.names, .issuer = &root, .from_s = -7200, .until_s = -60 });
    made_new(&early, &(struct make){ .names = how.names, .issuer = &root, .from_s = 7200 });
    made_new(&star, &(struct make){ .names = NAMES("*.example.net"), .issuer = &root });
    made_new(&by_middle, &(struct make){ .names = NAMES("exact.example.net"), .issuer = &middle });
    made_new(&rsa, &(struct make){ .names = NAMES("rsa.example.com"), .issuer = &root, .rsa = true });
    made_new(&address, &(struct make){ .names = NAMES("#192.0.2.7"), .issuer = &root });
    return 0;
}

static inline int free_all(void **state)
{
    struct made *all[] = { &root, &other_root, &middle, &site,      &star,   &by_middle,
                           &rsa,  &expired,    &early,  &self_made, &address };

    (void)state;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        made_free(all[i]);
    buf_free(&why);
    return 0;
}

static inline struct tls_certs *certs_of(enum tls_policy policy, const struct tls_certs *before, size_t n,
                                         const struct made *const *made)
{
    struct tls_pem pems[8];

    for (size_t i = 0; i < n; i++)
        pems[i] = made_show(made[i]);
    buf_clear(&why);
    return tls_certs_new(pems, n, policy, before, (int64_t)time(NULL), &why);
}

static inline struct tls_certs *one(const struct made *m)
{
    struct tls_certs *certs = certs_of(TLS_INTERMEDIATE, NULL, 1, &m);

    assert_non_null(certs);
    return certs;
}

static inline struct tls_trust *trust_in(const struct made *m, enum tls_policy policy)
{
    struct tls_trust *trust = tls_trust_new(buf_slice(&m->chain), "root.crt", NULL, policy, &why);

    assert_non_null(trust);
    return trust;
}

/* ---- two ends ---- */

struct ends {
    struct tls *client, *server;
    struct buf to_client, to_server; /* plaintext that arrived */
    size_t step;                     /* ciphertext goes in pieces of so many bytes */
};

static inline bool carry(struct tls *from, struct tls *to, struct buf *plain, size_t step)
{
    struct slice out = slice_head(tls_out(from), step), rest = out;
    static uint8_t room[ROOM + (16u << 10)];

    if (out.len == 0)
        return false;
    buf_add(plain, room, tls_read(to, &rest, room, sizeof(room)));
    assert_int_equal(rest.len, 0);
    tls_sent(from, out.len);
    return true;
}

static inline void talk(struct ends *e)
{
    size_t step = e->step != 0 ? e->step : ROOM;
    bool more = true;

    while (more) {
        more = carry(e->client, e->server, &e->to_server, step);
        more = carry(e->server, e->client, &e->to_client, step) || more;
    }
}

static inline struct ends meet_for(struct tls_certs *certs, struct tls_trust *trust, const char *name,
                                   struct slice session, size_t step)
{
    struct tls_want want = { slice_str(name), session };
    struct ends e = { .client = tls_client(trust, &want), .server = tls_server(certs), .step = step };

    assert_non_null(e.client);
    assert_non_null(e.server);
    talk(&e);
    return e;
}

static inline struct ends meet(struct tls_certs *certs, struct tls_trust *trust, const char *name)
{
    return meet_for(certs, trust, name, SLICE_EMPTY, 0);
}

static inline void part(struct ends *e)
{
    tls_free(e->client);
    tls_free(e->server);
    buf_free(&e->to_client);
    buf_free(&e->to_server);
}

static inline void say(struct ends *e, struct tls *from, const char *text)
{
    struct slice piece = slice_str(text);

    assert_int_equal(tls_write(from, &piece, 1), piece.len);
    talk(e);
}

static inline void check_open(struct ends *e)
{
    assert_int_equal(tls_state(e->client), TLS_OPEN);
    assert_int_equal(tls_state(e->server), TLS_OPEN);
}

static inline void check_text(struct buf *b, const char *text)
{
    assert_int_equal(b->len, strlen(text));
    assert_memory_equal(b->data, text, b->len);
    buf_clear(b);
}

#endif
