/* purge_from.h - who may purge with the PURGE method on the viewers' port. Pure functions. */
#ifndef HEDGEROW_IO_PURGE_FROM_H
#define HEDGEROW_IO_PURGE_FROM_H

#include "proto/base/addr.h"

#define PURGE_FROM_MAX 16

struct purge_from {
    struct {
        uint8_t ip[16];
        uint8_t bits;
    } nets[PURGE_FROM_MAX];
    size_t n;
    bool token; /* whoever has the node's admin token, too */
};

/* purge_from_parse reads "ADDRESS", "ADDRESS/BITS" and "token", between commas. 0, or MESH_E_SYNTAX, MESH_E_FULL with a
 * static text in |*why|. */
int purge_from_parse(struct purge_from *out, struct slice text, const char **why);

/* purge_from_any: is there anybody who may? purge_from_has: may |from|, by its address? */
bool purge_from_any(const struct purge_from *p);
bool purge_from_has(const struct purge_from *p, const struct mesh_addr *from);

/* token_given: is |token| what an Authorization field says, "Bearer TOKEN"? NULL and an empty one are nobody's. */
bool token_given(const char *token, struct slice authorization);

#endif
