#include "node/signed/network.h"

#include <stdio.h>

#include "proto/base/err.h"

int network_read(struct network *out, struct slice text)
{
    struct slice host, rest = text;
    char with_port[MESH_ADDR_TEXT_MAX];
    struct mesh_addr a;
    uint64_t bits;

    if (text.len == 0)
        return MESH_E_SYNTAX;
    slice_split(&rest, '/', &host);
    bool v6 = host.len > 0 && memchr(host.data, ':', host.len) != NULL;
    uint64_t most = v6 ? 128 : 32;
    bits = most;
    int n = host.len < 46 ? snprintf(with_port, sizeof(with_port), v6 ? "[%.*s]:0" : "%.*s:0", SLICE_FMT(host)) : -1;
    if (n < 0 || mesh_addr_parse(slice_of(with_port, (size_t)n), &a) != 0)
        return MESH_E_SYNTAX;
    if (rest.data != NULL && (rest.len > 3 || slice_u64(rest, &bits) != 0 || bits > most))
        return MESH_E_SYNTAX;
    memcpy(out->ip, a.ip, sizeof(out->ip));
    out->bits = (uint8_t)(bits + 128 - most);
    return 0;
}

bool network_has(const struct network *n, const struct mesh_addr *address)
{
    unsigned whole = n->bits / 8, rest = n->bits % 8;

    return memcmp(n->ip, address->ip, whole) == 0 &&
           (rest == 0 || (n->ip[whole] ^ address->ip[whole]) >> (8 - rest) == 0);
}
