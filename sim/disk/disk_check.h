/* disk_check.h - what disks must hold and must not, judged by the world's own book: it reads in each write, as it is
 * told, which things are put there and which are removed.
 *
 * What a store says there is after a start is among what was written and not removed: a removal counts that had got to
 * the file, or, where the host went, was synced. A removal is told together with its sync, all else is synced in time,
 * and the limit is kept. And an answer is at least as old as it really is, whichever disks it has lain on. */
#ifndef HEDGEROW_SIM_DISK_CHECK_H
#define HEDGEROW_SIM_DISK_CHECK_H

#include "sim/disk/disk_model.h"

struct disk_book;

struct disk_book *disk_book_new(void);
void disk_book_free(struct disk_book *b);
void disk_book_clear(struct disk_book *b); /* of another disk */

/* ---- what happens ---- */
void disk_check_told(struct disk_model *d, const struct store_op *op);
void disk_check_done(struct disk_model *d, const struct store_op *op, int err);
/* Of |op|, a write, |bytes| got there, and its node has ended. */
void disk_check_cut(struct disk_model *d, const struct store_op *op, size_t bytes);
/* A write that did not get there whole was told as done; a fault of the disk begins. */
void disk_check_torn(struct disk_model *d);
void disk_check_troubled(struct disk_model *d);
void disk_check_stopped(struct disk_model *d); /* its node has ended */
/* What was not synced may be lost; |back|: segments that were removed may be there again. */
void disk_check_lost(struct disk_model *d, bool back);
/* disk_check_given_up: the store has had |segment| removed, in this life of its node. */
bool disk_check_given_up(const struct disk_model *d, uint32_t segment);

/* ---- what is judged ---- */
/* A store was opened; |sound|: all that was read for it is what lies there. */
void disk_check_opened(struct disk_model *d, bool sound);
/* All is told that the engine wants done now; |memory_short|: but for what it had no memory for. */
void disk_check_pumped(struct disk_model *d, bool memory_short);
void disk_check_sample(struct world *w);
bool disk_check_settled(const struct world *w);
void disk_check_end(struct world *w);

/* The origin says when it sent a head, in a field of its own, where there are disks. disk_check_answer judges the age
 * of |r|'s answer by that. */
#define DISK_SENT "X-Sent-Ms"
void disk_check_answer(struct edge *e, uint64_t key, struct request *r);

#endif
