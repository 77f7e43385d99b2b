/* body.h - what the origin has: each key's size, bytes and ways, as pure functions of
 * (scenario, key), so that any byte can be checked anywhere without keeping it. Keys
 * count from 1; what a replayed log says of them holds. Of a key's *versions*, from 0 on, only the bytes differ. */
#ifndef HEDGEROW_SIM_BODY_H
#define HEDGEROW_SIM_BODY_H

#include "proto/base/slice.h"
#include "sim/scenario.h"

uint64_t body_size(const struct scenario *sc, uint64_t key);
bool body_chunked(const struct scenario *sc, uint64_t key);    /* sent without a length */
bool body_no_store(const struct scenario *sc, uint64_t key);   /* may not be cached */
mesh_ns body_max_age(const struct scenario *sc, uint64_t key); /* of what may */

void body_fill(const struct scenario *sc, uint64_t key, uint64_t version, uint64_t at, uint8_t *out, size_t n);
bool body_same(const struct scenario *sc, uint64_t key, uint64_t version, uint64_t at, struct slice got);

bool body_dated(const struct scenario *sc, uint64_t key); /* says when it was changed, too */

#define BODY_PATH_MAX 32
/* body_path writes the path of |key|; body_key reads one, 0 when it is no such path. */
struct slice body_path(uint64_t key, char path[BODY_PATH_MAX]);
uint64_t body_key(const struct scenario *sc, struct slice path);

#define BODY_ETAG_MAX 72
/* body_etag writes the validator of a key's version; body_version reads the version from one. 0, or MESH_E_SYNTAX: it
 * is not one of |key|. */
struct slice body_etag(const struct scenario *sc, uint64_t key, uint64_t version, char text[BODY_ETAG_MAX]);
int body_version(const struct scenario *sc, uint64_t key, struct slice etag, uint64_t *version);

/* By which keys are purged together. body_tag_text writes a tag's name. */
#define BODY_TAGS 8
uint64_t body_tag(uint64_t key);
struct slice body_tag_text(uint64_t tag, char text[BODY_PATH_MAX]);

#endif
