/* exchange_log.h - what an exchange tells the access log. All but the line itself is for formats that want more than
 * JSON (access_more_wanted): an exchange has a struct exchange_log then, unless there was no memory for it. */
#ifndef HEDGEROW_IO_EXCHANGE_LOG_H
#define HEDGEROW_IO_EXCHANGE_LOG_H

#include "node/io/access_line.h"
#include "node/io/exchange.h"

struct exchange_log {
    struct access_more
        more; /* its slices are lent from the request, until exchange_log_keep, or from |kept| and |type| */
    struct buf kept, type, domain;
};

/* exchange_log_begin takes what the request says, whose head had |head_bytes|. */
void exchange_log_begin(struct exchange *x, const struct http_request *q, size_t head_bytes);

/* exchange_log_dist takes the name of its distribution: the first that is no wildcard. */
void exchange_log_dist(struct exchange_log *l, const struct dist *d);

/* exchange_log_keep copies what was lent. False: out of memory. */
bool exchange_log_keep(struct exchange_log *l);

/* exchange_log_head takes what an answer's head says. exchange_log_wrote: |n| bytes more were handed to the kernel;
 * call it before x->spoke is set. */
void exchange_log_head(struct exchange_log *l, struct slice head);
void exchange_log_wrote(struct exchange *x, size_t n);

/* exchange_log_line writes the line, of what was counted as |result|. |unanswered|: the viewer left before an answer.
 */
void exchange_log_line(struct exchange *x, enum request_result result, bool unanswered);

/* exchange_log_clear makes |l| ready for the next request, exchange_log_free lets it go (NULL is fine). */
void exchange_log_clear(struct exchange_log *l);
void exchange_log_free(struct exchange_log *l);

#endif
