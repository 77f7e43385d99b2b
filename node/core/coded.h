/* coded.h - an object's body in one content coding, made once and kept with the object: its bytes count as the
 * object's. It is made leaf by leaf as the body comes, in the same pieces whenever it is made, so that one coded
 * stream continues another that began with the same bytes. Not thread safe. */
#ifndef HEDGEROW_CORE_CODED_H
#define HEDGEROW_CORE_CODED_H

#include "node/coding/coder.h"
#include "node/core/object.h"

#define CODERS_MAX 32 /* at work at a time; each holds up to some MiB besides what it makes */

/* An engine's coders: which have a piece to do, and what they did. */
struct coders {
    struct list turns; /* of struct coded; the first has its turn next */
    size_t n;          /* at work */
    uint64_t bytes_in, bytes_out;
};
void coders_init(struct coders *cs);

struct coded_piece {
    uint8_t *data;
    uint32_t len, cap; /* cap 0: the object's own packed leaf, lent */
};

struct coded {
    enum coding coding;
    struct object *object; /* which holds us */
    struct coders *coders;
    struct coder *coder; /* NULL: not begun, or done */
    struct list turn;    /* in coders->turns */
    uint64_t in;         /* body bytes taken */
    uint64_t length;     /* bytes made */
    bool done;
    struct coded_piece *pieces;
    uint32_t pieces_n, pieces_cap;
};

/* coded_of lends |o|'s body in |coding|; NULL: it was not begun. */
struct coded *coded_of(const struct object *o, enum coding coding);

/* coded_no_gain: it turned out not to be smaller than the body. */
bool coded_no_gain(const struct object *o, enum coding coding);

/* coded_open begins it unless it was begun. |o|'s length is known. NULL: out of memory, or too many coders are at work,
 * which |anyway| passes over. */
struct coded *coded_open(struct coders *cs, struct object *o, enum coding coding, bool anyway);

/* coded_grew queues those of |o| that have something to do now. */
void coded_grew(struct object *o);

/* coded_ready: is there a piece to be done? coded_step does it: a leaf of input. 0 or MESH_E_NOMEM: it is then to be
 * dropped. |z| is for bodies of one leaf, whose packed form is a zstd frame already. */
bool coded_ready(const struct coded *c);
int coded_step(struct coded *c, struct zpack *z);

/* coded_read lends up to |max| pieces from byte |at| on; returns how many. */
size_t coded_read(const struct coded *c, uint64_t at, struct slice *pieces, size_t max);

/* coded_drop forgets one (NULL is fine), coded_drop_all all of |o|'s. */
void coded_drop(struct coded *c);
void coded_drop_all(struct object *o);

#endif
