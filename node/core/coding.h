/* coding.h - content coding to viewers (RFC 9110 sections 8.4 and 12.5.3): which of ours a request prefers, and which
 * answers may have one. Pure functions. */
#ifndef HEDGEROW_CORE_CODING_H
#define HEDGEROW_CORE_CODING_H

#include "node/coding/coder.h"
#include "node/core/head.h"

#define CODING_LENGTH_MIN 1000
#define CODING_LENGTH_MAX 10000000

/* coding_choose: what |request|'s Accept-Encoding likes best of those not |off| (CODING_BITs); of those it likes alike
 * Brotli, then zstd, then gzip. Identity where it says nothing that we understand, and where it allows nothing. */
enum coding coding_choose(const struct fields *request, unsigned off);

/* coding_choose_as_before is coding_choose, which it asks only when Accept-Encoding is not what it was last time: |m| is
 * zeroed at first, and always used with the same |off|. */
struct coding_memo {
    enum coding coding;
    uint8_t len; /* 0: nothing is kept */
    uint8_t text[47];
};
enum coding coding_choose_as_before(struct coding_memo *m, const struct fields *request, unsigned off);

/* coding_head: may an answer with |head| be coded, its length apart? It may when its status and type are such and
 * nothing in it speaks against. */
bool coding_head(const struct head *head);

/* coding_length: may a body of |length| bytes? */
bool coding_length(uint64_t length);

#endif
