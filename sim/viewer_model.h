/* viewer_model.h - the viewers: who asks for which key at which node and when, and what
 * they got. Each compares every byte of its answer as it reads. */
#ifndef HEDGEROW_SIM_VIEWER_MODEL_H
#define HEDGEROW_SIM_VIEWER_MODEL_H

#include "sim/edge.h"
#include "sim/viewers/times.h"

enum viewer_end {
    VIEWER_SERVED,
    VIEWER_FAILED, /* an error of the node's own, or broken off */
    VIEWER_CUT,    /* its node stopped */
    VIEWER_GONE,   /* it went itself */
};

struct viewers {
    struct event arrive;
    uint64_t asked, to_ask, begun, ended, under_way, keys_asked;
    uint64_t ends[4];     /* by enum viewer_end */
    uint64_t *popularity; /* cumulative, where popularity differs */
    uint8_t *key_asked;
    uint64_t bytes;
    struct times first_byte_ns, last_byte_ns, by_result_ns[6]; /* of those served */
};

struct viewers *viewers_new(struct world *w);
void viewers_free(struct viewers *v);
void viewers_begin(struct world *w);
/* viewers_one: somebody at that node asks for |key| now. viewers_flash: |n| do, spread over all nodes. */
void viewers_one(struct world *w, uint64_t node, uint64_t key);
void viewers_flash(struct world *w, uint64_t key, uint64_t n);
void viewers_node_stops(struct edge *e);

void viewer_news(struct edge *e, struct request *r);

#endif
