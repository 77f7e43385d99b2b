/* addr.h - an IP address and port as plain data, so that cores can hold one
 * without any socket header. IPv4 is kept as ::ffff:a.b.c.d. */
#ifndef HEDGEROW_BASE_ADDR_H
#define HEDGEROW_BASE_ADDR_H

#include "proto/base/slice.h"

struct mesh_addr {
    uint8_t ip[16];
    uint16_t port; /* host order; 0 = no address */
};

#define MESH_ADDR_TEXT_MAX 56

struct mesh_addr mesh_addr_v4(uint32_t ip_host_order, uint16_t port);
bool mesh_addr_is_v4(const struct mesh_addr *a);
bool mesh_addr_is_loopback(const struct mesh_addr *a);
bool mesh_addr_eq(const struct mesh_addr *a, const struct mesh_addr *b);

/* mesh_addr_text writes "1.2.3.4:80" or "[::1]:80" and returns |text|. */
const char *mesh_addr_text(const struct mesh_addr *a, char text[MESH_ADDR_TEXT_MAX]);

/* mesh_addr_parse reads a numeric "IP:PORT" ("[v6]:PORT"). 0 or MESH_E_SYNTAX. */
int mesh_addr_parse(struct slice text, struct mesh_addr *out);

#endif
