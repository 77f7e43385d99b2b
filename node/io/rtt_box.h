/* rtt_box.h - round-trip times of viewers, as the kernel measured them, on their way from the worker that has the
 * connection to worker 0, which has the engine. */
#ifndef HEDGEROW_IO_RTT_BOX_H
#define HEDGEROW_IO_RTT_BOX_H

#include <pthread.h>

#include "proto/base/addr.h"
#include "proto/base/time.h"

#define RTT_BOX_MAX 1024    /* what is more in a second is dropped */
#define RTT_AGAIN   SEC(10) /* a connection in use is looked at so often, at most */
#define RTT_NEVER   INT64_MAX

struct rtt_sample {
    struct mesh_addr viewer;
    uint32_t us;
};

struct rtt_box {
    pthread_mutex_t lock;
    unsigned n; /* under it, as what follows */
    struct rtt_sample samples[RTT_BOX_MAX];
};

void rtt_box_init(struct rtt_box *b);
void rtt_box_fini(struct rtt_box *b);

/* rtt_box_put: dropped when it is full. rtt_box_take moves all to |out| and returns how many. Any thread. */
void rtt_box_put(struct rtt_box *b, const struct mesh_addr *viewer, uint32_t us);
unsigned rtt_box_take(struct rtt_box *b, struct rtt_sample out[RTT_BOX_MAX]);

/* rtt_measured: the shortest round trip that the kernel has seen on the TCP connection lately, or, where it does not
 * keep that, its smoothed one; in microseconds. 0: not known. */
uint32_t rtt_measured(int fd);

#endif
