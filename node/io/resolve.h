/* resolve.h - names to addresses, by c-ares on the loop: nothing waits for it. A and AAAA are asked for side by side,
 * and who is first is told first (RFC 8305 section 3). What the system's hosts file says comes before DNS, whose
 * servers and search list are those of the system's resolv.conf, read again when it has changed. Not thread safe: one
 * resolver belongs to one loop. */
#ifndef HEDGEROW_IO_RESOLVE_H
#define HEDGEROW_IO_RESOLVE_H

#include "proto/base/addr.h"
#include "proto/base/time.h"

#define RESOLVE_FAMILY_MAX 8 /* addresses of one family; what is beyond is not looked at */
#define RESOLVE_ADDRS_MAX  (2 * RESOLVE_FAMILY_MAX)
/* How long an answer holds: what DNS says, but no less and no more than so long (RFC 8767 section 4 has an upper bound,
 * too); that there is none holds for the lower one. */
#define RESOLVE_TTL_MIN SEC(5)
#define RESOLVE_TTL_MAX SEC(3600)

struct ev_loop;
struct resolver;
struct resolve_query;

/* resolver_new: |servers| are "ADDR:PORT,ADDR:PORT" (lent), NULL: the system's. |patience|: a server that is silent so
 * long is asked once more, or the next one is. NULL: out of memory, or c-ares does not come up. resolver_free forgets
 * all questions: no answer comes after it. NULL is fine. */
struct resolver *resolver_new(struct ev_loop *loop, const char *servers, mesh_ns patience);
void resolver_free(struct resolver *r);

struct resolve_answer {
    const struct mesh_addr *addrs; /* lent for the call: AAAA before A, each in the order of the answer */
    size_t n;
    mesh_ns ttl;
    bool whole;        /* nothing more comes, and the query is gone; else another call follows, with these and more */
    bool absent;       /* n == 0: DNS says so, for certain; else it could not be asked */
    bool timed_out;    /* n == 0: no server answered */
    const char *error; /* n == 0: a text for people */
};
typedef void resolve_done(void *ctx, const struct resolve_answer *a);

/* resolver_ask looks |host| (copied) up and calls |done| from the loop, once or twice, never from inside this call.
 * NULL: out of memory, or no name at all. resolve_forget: |q|, which had no whole answer yet, is gone, and so is its
 * answer. */
struct resolve_query *resolver_ask(struct resolver *r, struct slice host, uint16_t port, resolve_done *done, void *ctx);
void resolve_forget(struct resolve_query *q);

/* resolve_numeric: is |host| an address, without brackets? Then no look-up is needed. */
bool resolve_numeric(struct slice host, uint16_t port, struct mesh_addr *out);

/* resolve_now does it at once, blocking, as the C library does it. Returns how many; 0 with |*error| set. */
size_t resolve_now(struct slice host, uint16_t port, struct mesh_addr addrs[RESOLVE_ADDRS_MAX], const char **error);

/* resolve_servers_ok: is |text| "ADDR:PORT" once or, with commas, up to four times? */
bool resolve_servers_ok(struct slice text);

#endif
