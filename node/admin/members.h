/* members.h - GET /members/addresses: where all members are now, for who lets them in: an origin's firewall. As JSON,
 * and as /members/addresses.txt one address a line, each once, in order, without ports. */
#ifndef HEDGEROW_ADMIN_MEMBERS_H
#define HEDGEROW_ADMIN_MEMBERS_H

#include "node/io/runtime.h"

/* Those that are dead or have left are not among them. */
unsigned members_addresses(struct node *n, struct buf *body, const char **type);
unsigned members_addresses_text(struct node *n, struct buf *body, const char **type);

#endif
