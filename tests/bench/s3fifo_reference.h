/* s3fifo_reference.h - S3-FIFO once more, to compare with: written from algorithm 1 of the paper (Yang et al., SOSP
 * 2023) alone, with exact ghosts and no thought of speed. One line is from the authors' simulator, libCacheSim: until
 * the first eviction what is beyond the small queue's share begins in the main queue. */
#ifndef HEDGEROW_BENCH_S3FIFO_REFERENCE_H
#define HEDGEROW_BENCH_S3FIFO_REFERENCE_H

#include <stdbool.h>
#include <stdint.h>

struct s3fifo;

/* Objects are numbered from 0 to |objects| - 1. Stops without memory. */
struct s3fifo *s3fifo_new(uint64_t limit, uint32_t objects);
void s3fifo_free(struct s3fifo *c);

/* s3fifo_read: was |id|, of |size| bytes, there? It is now, unless it is larger than all. */
bool s3fifo_read(struct s3fifo *c, uint32_t id, uint64_t size);

#endif
