/* resolve.h - names to addresses, by getaddrinfo on a thread of the resolver's own, since it
 * may block for long. Questions of one resolver are answered in their order; give what must
 * not wait for one another a resolver each. Not thread safe besides that. */
#ifndef HEDGEROW_IO_RESOLVE_H
#define HEDGEROW_IO_RESOLVE_H

#include "proto/base/addr.h"

#define RESOLVE_ADDRS_MAX 8

struct ev_loop;
struct resolver;

/* NULL: out of memory. resolver_free forgets all questions: no answer comes after it. It does
 * not wait for a look-up under way. NULL is fine. */
struct resolver *resolver_new(struct ev_loop *loop);
void resolver_free(struct resolver *r);

/* |n| addresses, lent for the call; 0 with |error|, a text for people. */
typedef void resolve_done(void *ctx, const struct mesh_addr *addrs, size_t n, const char *error);

/* resolver_ask looks |host| (copied) up and calls |done| from the loop, never from inside
 * this call. MESH_E_NOMEM: it will not be called. */
int resolver_ask(struct resolver *r, struct slice host, uint16_t port, resolve_done *done, void *ctx);

/* resolve_numeric: is |host| an address, without brackets? Then no look-up is needed. */
bool resolve_numeric(struct slice host, uint16_t port, struct mesh_addr *out);

/* resolve_now does it at once, blocking. Returns how many; 0 with |*error| set. */
size_t resolve_now(struct slice host, uint16_t port, struct mesh_addr addrs[RESOLVE_ADDRS_MAX], const char **error);

#endif
