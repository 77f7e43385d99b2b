/* short_memory.h - memory that an engine asks for and does not get. The linker hands the simulator's programs, and them
 * alone, each malloc, calloc, realloc and aligned_alloc of their own code here; nothing is refused but within calls on
 * an engine whose node is short of memory (fault.h). */
#ifndef HEDGEROW_SIM_SHORT_MEMORY_H
#define HEDGEROW_SIM_SHORT_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/* short_memory_within: from now on an engine's code asks, and the |*left|-th piece is refused (0: none is), which is
 * counted in |*refused|; both lent until short_memory_over. */
void short_memory_within(uint64_t *left, uint64_t *refused);
void short_memory_over(void);

/* Memory of the world's own, at whatever moment: calloc, never refused. */
void *short_memory_spared(size_t bytes);

#endif
