/* frame.h - writing and reading a backbone frame whose body is a msgpack map: what
 * msg.c is made of. A number that is 0, a boolean that is false and bytes that are
 * none are left out, and read back as such. Thread safe. */
#ifndef HEDGEROW_PROTO_FRAME_H
#define HEDGEROW_PROTO_FRAME_H

#include "proto/wire.h"

#define FRAME_PAIRS_MAX 31

/* A frame being written at the end of |b|. Errors wait for frame_end. */
struct frame_out {
    struct buf *b;
    size_t start;
    size_t map; /* where the map's header is; 0: there is no map */
    unsigned n; /* its pairs */
    bool bad;   /* a field is out of range: the caller may say so too */
};

/* frame_begin writes type and stream; frame_map begins a map besides, of up to
 * FRAME_PAIRS_MAX pairs, to be put in ascending order of their keys. */
struct frame_out frame_begin(struct buf *b, uint8_t type, uint32_t stream);
struct frame_out frame_map(struct buf *b, uint8_t type, uint32_t stream);

/* frame_end: 0, MESH_E_NOMEM, or MESH_E_RANGE (bad, or longer than RECORD_PLAIN_MAX)
 * with the buf cut back to where the frame began. */
int frame_end(struct frame_out *o);

/* frame_put_key begins a pair; its value is the caller's to put. The frame_opt_ ones
 * leave zero, false and empty out. More than |max| bytes are bad. */
void frame_put_key(struct frame_out *o, uint64_t key);
void frame_put_u64(struct frame_out *o, uint64_t key, uint64_t v);
void frame_opt_u64(struct frame_out *o, uint64_t key, uint64_t v);
void frame_opt_bool(struct frame_out *o, uint64_t key, bool v);
void frame_put_bin(struct frame_out *o, uint64_t key, struct slice s, size_t max);
void frame_opt_bin(struct frame_out *o, uint64_t key, struct slice s, size_t max);
void frame_opt_str(struct frame_out *o, uint64_t key, struct slice s, size_t max);

/* A map being read: the first error sticks, and all later fields come out as zero. */
struct frame_in {
    struct wire *w;
    int err;
};

struct frame_in frame_open(struct wire *w, struct slice body);

/* frame_close returns the error and closes the wire on one; and always if |all|,
 * when nothing of the map is lent on. */
int frame_close(struct frame_in *in, bool all);

/* frame_took takes up the outcome |err| of reading one field. True: it is there. */
bool frame_took(struct frame_in *in, int err, bool needed);

/* The _need_ ones: the field must be there, and be neither 0 nor empty. MESH_E_RANGE above |max|. */
uint64_t frame_get_u64(struct frame_in *in, uint64_t key, uint64_t max);
uint64_t frame_need_u64(struct frame_in *in, uint64_t key, uint64_t max);
bool frame_get_bool(struct frame_in *in, uint64_t key);
struct slice frame_get_bin(struct frame_in *in, uint64_t key, size_t max);
struct slice frame_need_bin(struct frame_in *in, uint64_t key, size_t max);
struct slice frame_get_str(struct frame_in *in, uint64_t key, size_t max);
struct slice frame_need_str(struct frame_in *in, uint64_t key, size_t max);
void frame_need_fixed(struct frame_in *in, uint64_t key, void *out, size_t len);

#endif
