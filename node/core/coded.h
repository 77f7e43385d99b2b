/* coded.h - an object's body in one content coding, made once and kept with the object: its bytes count as the
 * object's. It is made leaf by leaf as the body comes. Not thread safe.
 *
 * gzip and Brotli are made by coders, in the same pieces whenever they are made, so that one coded stream continues
 * another that began with the same bytes. zstd is one frame for each leaf (RFC 8878 section 3.1: frames in a row are
 * one body): the packed one that nodes exchange, or, where that does not pay, the raw leaf with a head before it. Both
 * are lent from the object, so its leaves must not go before it does. Other nodes may have packed the same leaf
 * otherwise: what was begun in one copy goes on in another at a leaf's end. */
#ifndef HEDGEROW_CORE_CODED_H
#define HEDGEROW_CORE_CODED_H

#include "node/coding/coder.h"
#include "node/core/object.h"

#define CODERS_MAX 32 /* at work at a time; each holds up to some MiB besides what it makes */

/* Which of an engine's coded bodies have a piece to do, and what its coders did. */
struct coders {
    struct list turns; /* of struct coded; the first has its turn next */
    size_t n;          /* coders at work */
    uint64_t bytes_in, bytes_out;
};
void coders_init(struct coders *cs);

struct coded_piece {
    uint8_t *data;
    uint32_t len, cap;
};

/* How far a body was read. Zeroed: nothing of it. */
struct coded_place {
    uint32_t leaf; /* of zstd: in this one's frame; else 0 */
    uint64_t at;   /* bytes of that frame, or of all */
};

struct coded {
    enum coding coding;
    struct object *object; /* which holds us */
    struct coders *coders;
    struct coder *coder; /* NULL: done, or zstd */
    struct list turn;    /* in coders->turns */
    uint64_t in;         /* body bytes taken */
    uint64_t length;     /* bytes made */
    bool done;
    struct coded_piece *pieces; /* none of zstd */
    uint32_t pieces_n, pieces_cap;
    uint8_t head_full[ZPACK_RAW_HEAD], head_last[ZPACK_RAW_HEAD]; /* of zstd: before leaves that are not packed */
};

/* coded_of lends |o|'s body in |coding|; NULL: it was not begun. */
struct coded *coded_of(const struct object *o, enum coding coding);

/* coded_no_gain: it turned out not to be smaller than the body. */
bool coded_no_gain(const struct object *o, enum coding coding);

/* coded_open begins it unless it was begun. |o|'s length is known. NULL: out of memory, or one more coder would be too
 * many, which |anyway| passes over. */
struct coded *coded_open(struct coders *cs, struct object *o, enum coding coding, bool anyway);

/* coded_grew queues those of |o| that have something to do now. */
void coded_grew(struct object *o);

/* coded_ready: is there a piece to be done? coded_step does it: a leaf of input; of zstd, besides, all that were packed
 * before. 0 or MESH_E_NOMEM: it is then to be dropped. */
bool coded_ready(const struct coded *c);
int coded_step(struct coded *c, struct zpack *z);

/* coded_read lends up to |max| pieces from |at| on; returns how many. coded_take moves |at| on by |n| bytes of them.
 * coded_seen: a copy in which the rest is to be read must have the same body up to this byte. coded_over: |at| is the
 * end of it all. */
size_t coded_read(const struct coded *c, struct coded_place at, struct slice *pieces, size_t max);
void coded_take(const struct coded *c, struct coded_place *at, size_t n);
uint64_t coded_seen(const struct coded *c, struct coded_place at);
bool coded_over(const struct coded *c, struct coded_place at);

/* coded_leave: the rest is read in another copy, from |at| on. What has to come before it, the rest of a zstd frame, is
 * appended to |rest|. */
void coded_leave(const struct coded *c, struct coded_place *at, struct buf *rest);

/* coded_drop forgets one (NULL is fine), coded_drop_all all of |o|'s. */
void coded_drop(struct coded *c);
void coded_drop_all(struct object *o);

#endif
