/* health.h - what a node thinks of itself and of its links, judged by how its own probes
 * fare (Dadgar, Phillips, Currey, "Lifeguard", 2018: local health). Pure arithmetic, no
 * clock; not thread safe. */
#ifndef HEDGEROW_GOSSIP_HEALTH_H
#define HEDGEROW_GOSSIP_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/base/time.h"

#define HEALTH_WORST    4  /* score: timeouts are at most five times as long */
#define HEALTH_VAIN_MAX 32 /* pings in vain that are ever asked for */

struct health {
    unsigned score; /* 0: well */
    uint32_t lost;  /* smoothed share of the pings of living members that failed, of 65,536 */
};

void health_init(struct health *h);

/* health_ping: a first ping of somebody who turned out to live was in time, or |lost|. */
void health_ping(struct health *h, bool lost);

/* health_silence: a probe failed for which |asked| others were asked, and |denied| said
 * that they had no answer either. Where most of them are silent too, it is rather us. */
void health_silence(struct health *h, unsigned asked, unsigned denied);

/* health_answer: a probe succeeded. health_worse: we were frozen, or had to refute a doubt in us. */
void health_answer(struct health *h);
void health_worse(struct health *h);

/* health_span is |span| as long as our state makes it. */
mesh_ns health_span(const struct health *h, mesh_ns span);

/* health_vain is how many pings in vain it takes to believe in a death: so many that it
 * happens to the living once in 10^8 times, by the measured loss and a margin. */
unsigned health_vain(const struct health *h);

#endif
