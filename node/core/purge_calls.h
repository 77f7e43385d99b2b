/* purge_calls.h - purges as people ask for them at this node, and who has confirmed them. Part of engine.h. */
#ifndef HEDGEROW_CORE_PURGE_CALLS_H
#define HEDGEROW_CORE_PURGE_CALLS_H

#include "node/core/purge_text.h"
#include "proto/base/time.h"

struct engine;

#define PURGE_ORDER_MAX 3000 /* targets of one order */
#define PURGE_ONCE_MAX  64   /* bytes of |once| */
#define PURGE_CALLS_MAX 100  /* the last ones can be asked about */

/* purge_read appends what |text|, as people write it, means: of a URL ("https://host/path?query" or "/path") its normal
 * path, of a prefix the same without a final asterisk, of a tag its lower case.
 * 0; else |*why| is a sentence without its end, and |out| is as before. */
int purge_read(struct buf *out, enum purge_kind kind, struct slice text, const char **why);
/* purge_host appends the host that a URL names, in normal form, nothing where it names none; as purge_read. */
int purge_host(struct buf *out, struct slice text, const char **why);

struct purge_order {
    bool soft;
    struct slice who; /* for people: purge_who_ok */
    struct slice
        once; /* not empty: an order that bears it was given before, if it is among those that can be asked about */
    const struct purge_target *targets;
    size_t targets_n;
    struct slice distribution; /* whose they are; empty: of the hosts', ... */
    const struct slice *hosts; /* ... of each target, in normal form; NULL, or an empty one: of all distributions */
};

/* engine_purge: it is in force here at once, and on its way to all others. |id| is what it is asked about by. 0;
 * MESH_E_STATE: we may not know yet what was purged before (see engine_ready); MESH_E_RANGE: no targets, too many, or
 * not ok; MESH_E_EXISTS: it was ordered before, and |id| is that
 * call's; MESH_E_FULL: what was purged before cannot be kept on this node's disk; MESH_E_NOMEM (some of it may be in
 * force). */
int engine_purge(struct engine *e, mesh_ns now, const struct purge_order *order, char id[PURGE_ID_MAX]);

struct purge_call;

/* engine_purge_call lends the call of that id, engine_purge_calls the |i|th, latest first. NULL: there is none. */
const struct purge_call *engine_purge_call(const struct engine *e, struct slice id);
const struct purge_call *engine_purge_calls(const struct engine *e, size_t i);

struct purge_state {
    char id[PURGE_ID_MAX];
    char who[PURGE_WHO_MAX + 1];
    int64_t at_s;
    bool soft;
    size_t targets, members; /* members: that were not known to be dead, ourselves first */
    size_t acknowledged, waiting, unreachable;
    bool complete; /* all have acknowledged that were alive then and have not left since */
};
void purge_call_state(const struct engine *e, const struct purge_call *c, struct purge_state *out);

enum purge_progress { PURGE_ACKNOWLEDGED, PURGE_WAITING, PURGE_UNREACHABLE };
struct purge_member {
    struct node_id id;
    char name[CERT_NAME_MAX + 1];
    enum purge_progress progress;
    bool asked; /* it was alive when the purge was called for: the call waits for it */
    /* Of who has acknowledged: */
    struct purge_receipt receipt;
    uint8_t sig[SIGNATURE_BYTES];
};
/* purge_call_member: |i| < members of the state. False: it has left since, and nobody waits for it. */
bool purge_call_member(const struct engine *e, const struct purge_call *c, size_t i, struct purge_member *out);

#endif
