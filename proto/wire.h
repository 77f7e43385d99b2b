/* wire.h - messages as msgpack maps with small unsigned keys, ascending. Reading
 * passes our own bounded scan before the library sees the bytes: depth, string
 * sizes, one cumulative element budget, declared counts never above the bytes left.
 * Map keys are unsigned, ascending and so unique; nil, floats and extensions are
 * refused. Unknown keys are ignored. Not thread safe; one wire per message. */
#ifndef HEDGEROW_PROTO_WIRE_H
#define HEDGEROW_PROTO_WIRE_H

#include "proto/base/buf.h"

#define WIRE_DEPTH_MAX    8    /* containers inside each other */
#define WIRE_ELEMENTS_MAX 8192 /* values inside containers, keys included, all told */

/* Writing: values appended in msgpack's shortest form. */
void wire_put_map(struct buf *b, uint32_t pairs);
void wire_put_array(struct buf *b, uint32_t n);
void wire_put_u64(struct buf *b, uint64_t v);
void wire_put_i64(struct buf *b, int64_t v);
void wire_put_bool(struct buf *b, bool v);
void wire_put_bin(struct buf *b, struct slice s);
void wire_put_str(struct buf *b, struct slice s);
/* wire_put_raw appends bytes that are msgpack already. */
void wire_put_raw(struct buf *b, struct slice s);

/* wire_scan checks one whole value at the start of |s|; its length goes to |*used|.
 * With |canonical| each value must also have its shortest form, as the writers above
 * make it: then equal values are equal bytes. 0, MESH_E_SHORT (cut), MESH_E_RANGE
 * (a limit), MESH_E_SYNTAX. Allocates nothing. */
int wire_scan(struct slice s, bool canonical, size_t *used);

typedef struct msgpack_object wire_value;

struct wire {
    void *zone;             /* msgpack's, freed by wire_close */
    const wire_value *root; /* lent until wire_close */
};

/* wire_open scans and decodes exactly |s|. The values lend from |s| and from |w|.
 * On an error |w| is closed. Same codes as wire_scan, MESH_E_NOMEM, and
 * MESH_E_SYNTAX when bytes follow. wire_close on a zeroed wire is fine. */
int wire_open(struct wire *w, struct slice s, bool canonical);

/* wire_open_pair does that, canonically, with an array of two of |max| bytes at most: a map, and a binary string of
 * |len| bytes, which is a signature of the first. MESH_E_TYPE, MESH_E_RANGE; what ends too soon is MESH_E_SYNTAX. */
int wire_open_pair(struct wire *w, struct slice s, size_t max, size_t len);
void wire_close(struct wire *w);

/* A field of a map. MESH_E_MISSING, MESH_E_TYPE (also when |map| is no map);
 * on an error |*out| is unchanged. wire_i64: MESH_E_RANGE above INT64_MAX. */
int wire_u64(const wire_value *map, uint64_t key, uint64_t *out);
int wire_i64(const wire_value *map, uint64_t key, int64_t *out);
int wire_bool(const wire_value *map, uint64_t key, bool *out);
int wire_bin(const wire_value *map, uint64_t key, struct slice *out);
int wire_str(const wire_value *map, uint64_t key, struct slice *out);
/* wire_fixed copies a bin of exactly |len| bytes; else MESH_E_RANGE. */
int wire_fixed(const wire_value *map, uint64_t key, void *out, size_t len);
/* wire_array lends an array field and its length; wire_at its |i|th value. */
int wire_array(const wire_value *map, uint64_t key, const wire_value **array, size_t *n);
const wire_value *wire_at(const wire_value *array, size_t i);

/* A bare value (an element of an array). 0 or MESH_E_TYPE. */
int wire_as_u64(const wire_value *v, uint64_t *out);
int wire_as_bin(const wire_value *v, struct slice *out);
int wire_as_str(const wire_value *v, struct slice *out);
int wire_as_bool(const wire_value *v, bool *out);
/* wire_as_array: the array's length, or MESH_E_TYPE (negative). */
int64_t wire_as_array(const wire_value *v);

#endif
