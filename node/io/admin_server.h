/* admin_server.h - HTTP/1.x for the admin address: small whole answers from the handler of the
 * configuration. Refuses names in Host, so that a web page cannot reach it by letting its own
 * name resolve to this address (DNS rebinding). */
#ifndef HEDGEROW_IO_ADMIN_SERVER_H
#define HEDGEROW_IO_ADMIN_SERVER_H

#include "node/io/timeouts.h"
#include "proto/base/addr.h"

struct worker;

struct admin_server {
    struct worker *worker;
    struct list all;
    size_t n;
    struct timeouts quiet;
};

void admin_init(struct admin_server *s, struct worker *w);
void admin_close(struct admin_server *s);
void admin_accepted(struct worker *w, int fd, const struct mesh_addr *from);

/* admin_host_ok: may |host| (without its port) be asked for? An address, "localhost", or none. */
bool admin_host_ok(struct slice host);

mesh_ns admin_deadline(const struct admin_server *s);
void admin_run(struct admin_server *s, mesh_ns now);

#endif
