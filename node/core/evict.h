/* evict.h - what a cache is to lose next. Pure policy over nodes that its caller embeds in what it keeps: no
 * allocation and no look-up per use, sizes in bytes, and the ones who read write to a node only while its counter is
 * below its cap. Not thread safe, but for evict_use_shared.
 *
 * S3-FIFO: Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023, algorithm 1. Newcomers enter a
 * small queue; what was used there goes on to the main queue, what was not leaves early and is a ghost for a while,
 * which enters the main queue at once when it comes back. Until the first eviction the main queue takes what is beyond
 * the small one's share, as in its authors' simulator. The size rule, ours, asks less of what is small (evict.c), and
 * what is away has a share of its own: more of it stays only while there is room.
 * SIEVE: Zhang et al., "SIEVE is simpler than LRU", NSDI 2024. */
#ifndef HEDGEROW_CORE_EVICT_H
#define HEDGEROW_CORE_EVICT_H

#include <stdatomic.h>

#include "node/core/ghosts.h"
#include "proto/base/list.h"

/* X(name, word): the first one is the default */
#define EVICT_POLICIES(X)           \
    X(S3_FIFO_SIZE, "s3-fifo-size") \
    X(S3_FIFO, "s3-fifo")           \
    X(SIEVE, "sieve")               \
    X(LRU, "lru")
enum evict_policy {
#define X(name, word) EVICT_##name,
    EVICT_POLICIES(X)
#undef X
        EVICT_POLICIES_N
};
extern const char *const evict_policy_words[EVICT_POLICIES_N];

/* What the policy knows of one object: 32 bytes. */
struct evict_node {
    struct list link;
    uint64_t bytes;
    uint32_t fingerprint;
    _Atomic uint8_t uses; /* counted up to a cap; of two counts at a time one may be lost */
    bool in_small : 1;
    bool lapped : 1; /* it had its lap for nothing */
    bool used : 1;   /* since it came in */
    bool away : 1;   /* others keep it, too: the caller says so before evict_add */
    uint16_t note;   /* the caller's own */
};

struct evict_queue {
    struct list nodes; /* oldest first */
    uint64_t bytes, count;
};

struct evict {
    enum evict_policy policy;
    uint8_t uses_max;
    bool full;                         /* something was evicted */
    uint64_t limit;                    /* in bytes, of both queues */
    struct evict_queue small, main;    /* SIEVE and LRU have one queue alone, the latter */
    struct evict_queue away;           /* ours */
    struct ghosts ghosts;              /* as many as there are in the main queue, at most */
    struct list *hand;                 /* SIEVE's: the node to be looked at next; NULL: the oldest */
    uint64_t asked_bytes, asked_count; /* sizes of what was asked for lately */
};

/* evict_init: |limit| is what the caller means to keep. 0 or MESH_E_NOMEM. evict_fini forgets all nodes. */
int evict_init(struct evict *e, enum evict_policy policy, uint64_t limit);
void evict_fini(struct evict *e);

/* evict_add takes |n| (but for |away| and |note| anything may be in it) into a queue, as |bytes| with the hash |hash|
 * of its name. */
void evict_add(struct evict *e, struct evict_node *n, uint64_t bytes, uint64_t hash);

static inline uint32_t evict_fingerprint(uint64_t hash)
{
    return (uint32_t)(hash >> 32);
}

/* evict_grew: |n|, which is in, has |by| more bytes, or fewer. */
void evict_grew(struct evict *e, struct evict_node *n, int64_t by);

/* evict_own: |n|, which is in, is not away any more. */
void evict_own(struct evict *e, struct evict_node *n);

/* evict_remove takes out what is in and goes for another reason than room: it becomes no ghost. */
void evict_remove(struct evict *e, struct evict_node *n);

/* evict_victim takes out what is to go next, and lends it; NULL: nothing is in. */
struct evict_node *evict_victim(struct evict *e);

/* evict_each calls |visit|, which may remove |n|, for all that are in. */
void evict_each(struct evict *e, void (*visit)(void *ctx, struct evict_node *n), void *ctx);

/* evict_renew is LRU's part of evict_use. */
void evict_renew(struct evict *e, struct evict_node *n);

static inline uint8_t evict_uses(const struct evict_node *n)
{
    return atomic_load_explicit(&n->uses, memory_order_relaxed);
}

/* evict_use_shared: |n| was used, as any thread may say, where |uses_max| is the policy's. LRU is not told. */
static inline bool evict_use_shared(uint8_t uses_max, struct evict_node *n)
{
    uint8_t uses = evict_uses(n);

    if (uses >= uses_max)
        return false;
    atomic_store_explicit(&n->uses, (uint8_t)(uses + 1), memory_order_relaxed);
    return true;
}

/* evict_use: |n|, which is in, was used. */
static inline void evict_use(struct evict *e, struct evict_node *n)
{
    bool counted = evict_use_shared(e->uses_max, n);

    if (counted) {
        n->used = true;
    } else if (e->policy == EVICT_LRU) {
        n->used = true;
        evict_renew(e, n);
    }
}

#endif
