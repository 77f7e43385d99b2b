#include "node/core/evict.h"

#include "proto/base/err.h"

#define SMALL_SHARE 10        /* the small queue is a tenth of the limit */
#define AWAY_SHARE  4         /* what is away may have a quarter while there is too little room for all */
#define STEPS_MAX   1000      /* second chances for one victim: what is hot must not make a newcomer wait */
#define ASKED_MAX   (1 << 16) /* so many uses are the mean's memory; then they count half */

const char *const evict_policy_words[EVICT_POLICIES_N] = {
#define X(name, word) word,
    EVICT_POLICIES(X)
#undef X
};

static const uint8_t uses_max[EVICT_POLICIES_N] = {
    [EVICT_S3_FIFO_SIZE] = 7, [EVICT_S3_FIFO] = 3, [EVICT_SIEVE] = 1, [EVICT_LRU] = 0
};

static bool has_ghosts(const struct evict *e)
{
    return e->policy == EVICT_S3_FIFO_SIZE || e->policy == EVICT_S3_FIFO;
}

int evict_init(struct evict *e, enum evict_policy policy, uint64_t limit)
{
    *e = (struct evict){ .policy = policy, .uses_max = uses_max[policy], .limit = limit };
    list_init(&e->small.nodes);
    list_init(&e->main.nodes);
    list_init(&e->away.nodes);
    return has_ghosts(e) ? ghosts_init(&e->ghosts) : 0;
}

void evict_fini(struct evict *e)
{
    ghosts_fini(&e->ghosts);
}

/* Others may count meanwhile: one use more or less. */
static void set_uses(struct evict_node *n, uint8_t uses)
{
    atomic_store_explicit(&n->uses, uses, memory_order_relaxed);
}

/* ---- queues ---- */

static struct evict_node *node_of(struct list *at)
{
    return at != NULL ? OBJ_OF(at, struct evict_node, link) : NULL;
}

static struct evict_node *first(const struct evict_queue *q)
{
    return node_of(list_first(&q->nodes));
}

static struct evict_queue *queue_of(struct evict *e, const struct evict_node *n)
{
    return n->away ? &e->away : n->in_small ? &e->small : &e->main;
}

static void enter(struct evict *e, struct evict_node *n, bool small)
{
    n->in_small = small;
    struct evict_queue *q = queue_of(e, n);
    q->bytes += n->bytes;
    q->count++;
    list_push_back(&q->nodes, &n->link);
}

static void leave(struct evict *e, struct evict_node *n)
{
    struct evict_queue *q = queue_of(e, n);

    if (e->hand == &n->link)
        e->hand = n->link.next != &q->nodes ? n->link.next : NULL;
    q->bytes -= n->bytes;
    q->count--;
    list_remove(&n->link);
}

/* To the end of the main queue. */
static void enter_main(struct evict *e, struct evict_node *n)
{
    leave(e, n);
    enter(e, n, false);
}

/* Does a newcomer begin in the small queue? */
static bool begins_small(const struct evict *e, const struct evict_node *n)
{
    if (!has_ghosts(e) || (!e->full && e->small.bytes >= e->limit / SMALL_SHARE))
        return false;
    return !ghosts_has(&e->ghosts, n->fingerprint, e->main.count);
}

void evict_add(struct evict *e, struct evict_node *n, uint64_t bytes, uint64_t hash)
{
    n->bytes = bytes;
    n->fingerprint = evict_fingerprint(hash);
    n->lapped = false;
    n->away = n->away && has_ghosts(e);
    set_uses(n, 0);
    enter(e, n, !n->away && begins_small(e, n));
}

void evict_grew(struct evict *e, struct evict_node *n, int64_t by)
{
    n->bytes += (uint64_t)by;
    queue_of(e, n)->bytes += (uint64_t)by;
}

void evict_remove(struct evict *e, struct evict_node *n)
{
    leave(e, n);
}

void evict_renew(struct evict *e, struct evict_node *n)
{
    enter_main(e, n);
}

void evict_own(struct evict *e, struct evict_node *n)
{
    if (!n->away)
        return;
    leave(e, n);
    n->away = false;
    enter(e, n, false);
}

void evict_each(struct evict *e, void (*visit)(void *ctx, struct evict_node *n), void *ctx)
{
    struct evict_queue *queues[] = { &e->away, &e->small, &e->main };

    for (size_t i = 0; i < sizeof(queues) / sizeof(queues[0]); i++) {
        LIST_EACH_SAFE (at, &queues[i]->nodes)
            visit(ctx, node_of(at));
    }
}

/* ---- S3-FIFO ---- */

/* |n| was asked for so many times more: what the mean of sizes is made of. Told here, where queues are worked off, so
 * that those who read share no sum. */
static void asked(struct evict *e, const struct evict_node *n, unsigned times)
{
    if (e->asked_count >= ASKED_MAX) {
        e->asked_count /= 2;
        e->asked_bytes /= 2;
    }
    e->asked_count += times;
    e->asked_bytes += n->bytes * times;
}

/* The size rule. A small object costs so little room that one use is enough for the main queue, where it gets a lap for
 * nothing besides those that it was used for; a tiny one needs no use. */
struct terms {
    uint8_t uses; /* that are wanted for the main queue */
    bool lap;     /* for nothing there */
};
#define SMALL_PART 2 /* below half of the mean of what was asked for */
#define TINY_PART  64

static struct terms terms_of(const struct evict *e, const struct evict_node *n)
{
    static const struct terms tiny = { 0, true }, small = { 1, true }, others = { 2, false };

    if (e->policy != EVICT_S3_FIFO_SIZE || e->asked_count == 0)
        return others;
    uint64_t mean = e->asked_bytes / e->asked_count;
    return n->bytes < mean / TINY_PART ? tiny : n->bytes < mean / SMALL_PART ? small : others;
}

/* Does |n|, the oldest of its queue, go on to the end of the main queue? What that costs it is taken. */
static bool goes_on(struct evict *e, struct evict_node *n)
{
    struct terms terms = terms_of(e, n);
    uint8_t uses = evict_uses(n);

    if (n->in_small) {
        asked(e, n, 1 + uses);
        if (uses < terms.uses)
            return false;
        set_uses(n, 0);
    } else if (uses > 0) {
        asked(e, n, 1);
        set_uses(n, uses - 1);
    } else {
        if (!terms.lap || n->lapped)
            return false;
        n->lapped = true;
    }
    return true;
}

/* Of what is away: each use buys another lap. */
static struct evict_node *away_victim(struct evict *e)
{
    struct evict_node *n = first(&e->away);

    for (unsigned steps = 0; evict_uses(n) > 0 && steps < STEPS_MAX; steps++, n = first(&e->away)) {
        set_uses(n, evict_uses(n) - 1);
        leave(e, n);
        enter(e, n, false);
    }
    leave(e, n);
    return n;
}

static struct evict_node *s3_victim(struct evict *e)
{
    struct evict_node *n;

    e->full = true;
    if (e->away.count > 0 && (e->away.bytes > e->limit / AWAY_SHARE || e->small.count + e->main.count == 0))
        return away_victim(e);
    for (unsigned steps = 0;; steps++) {
        bool small = e->small.count > 0 && (e->main.count == 0 || e->small.bytes >= e->limit / SMALL_SHARE);
        n = first(small ? &e->small : &e->main);
        if (n == NULL)
            return NULL;
        if (!goes_on(e, n) || steps == STEPS_MAX)
            break;
        enter_main(e, n);
    }
    if (n->in_small) {
        ghosts_room(&e->ghosts, e->main.count);
        ghosts_add(&e->ghosts, n->fingerprint);
    }
    leave(e, n);
    return n;
}

/* ---- the others ---- */

static struct evict_node *sieve_victim(struct evict *e)
{
    struct list *at = e->hand != NULL ? e->hand : list_first(&e->main.nodes);
    struct evict_node *n;

    while ((n = node_of(at)) != NULL && evict_uses(n) > 0) {
        set_uses(n, 0);
        at = at->next != &e->main.nodes ? at->next : at->next->next;
    }
    e->hand = at;
    return n;
}

struct evict_node *evict_victim(struct evict *e)
{
    if (has_ghosts(e))
        return s3_victim(e);
    struct evict_node *n = e->policy == EVICT_SIEVE ? sieve_victim(e) : first(&e->main);
    if (n != NULL)
        leave(e, n);
    return n;
}
