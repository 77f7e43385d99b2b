#include "node/core/handoff.h"

#include <stdlib.h>

#include "node/core/warm.h"

#define NOTES       4096     /* a power of two */
#define PATH_MAX_   512      /* of what is remembered */
#define STEP        64       /* notes looked at in one step */
#define WAITING     32       /* to be told; what becomes warm meanwhile finds room */
#define FORMER_TIME SEC(600) /* after a change, or after we came: then what is asked for was asked for */
#define UPSET_TIME  SEC(180) /* after a ring has changed that had stood for ... */
#define STOOD       SEC(30)  /* ... so long, and others after it: then what is warm has been handed over */
#define HOT_USES    2        /* of what is handed over first */

/* Something warm. */
struct note {
    struct digest key;
    uint16_t host_len, path_len;
    bool https;
    uint8_t text[]; /* host and path */
};

struct handoff {
    struct note *notes[NOTES]; /* NULL: nothing is noted here */
    size_t notes_n;
    mesh_ns changed; /* the ring, last; 0: never */
    mesh_ns upset;   /* a ring that had stood; 0: never */
    size_t at;       /* of two rounds: of what is hot, then of the rest; 2 * NOTES: it is over */
};

struct handoff *handoff_new(void)
{
    struct handoff *h = calloc(1, sizeof(*h));

    if (h != NULL)
        h->at = 2 * NOTES;
    return h;
}

void handoff_free(struct handoff *h)
{
    for (size_t i = 0; h != NULL && i < NOTES; i++)
        free(h->notes[i]);
    free(h);
}

/* ---- what is warm ---- */

static struct object *object_of(const struct engine *e, mesh_ns now, const struct note *n)
{
    struct object *o = n != NULL ? cache_peek(e->cache, now, &n->key, NULL) : NULL;

    return o != NULL && o->state == OBJECT_COMPLETE && !o->varies ? o : NULL;
}

static void forget(struct handoff *h, struct note **at)
{
    h->notes_n -= *at != NULL;
    free(*at);
    *at = NULL;
}

/* 0: it is not here any more. */
static unsigned heat(const struct engine *e, mesh_ns now, const struct note *n)
{
    const struct object *o = object_of(e, now, n);

    return o != NULL ? 1u + evict_uses(&o->evict) : 0;
}

void handoff_note(struct engine *e, mesh_ns now, const struct aim *aim)
{
    struct handoff *h = e->warm->handoff;
    size_t slot = (size_t)(aim->key.bytes[0] << 8 | aim->key.bytes[1]) % NOTES;
    struct note **a = &h->notes[slot], **b = &h->notes[slot ^ 1], **at;

    if (ring_size(mesh_ring(e->mesh)) < 2 || aim->path.len > PATH_MAX_ || aim->host.len > MSG_HOST_MAX)
        return; /* a node that is alone has nobody to hand anything to */
    if ((*a != NULL && digest_eq(&(*a)->key, &aim->key)) || (*b != NULL && digest_eq(&(*b)->key, &aim->key)))
        return;
    at = heat(e, now, *a) <= heat(e, now, *b) ? a : b;
    struct note *n = malloc(sizeof(*n) + aim->host.len + aim->path.len);
    if (n == NULL)
        return;
    *n = (struct note){ aim->key, (uint16_t)aim->host.len, (uint16_t)aim->path.len, aim->route.https };
    if (aim->host.len > 0)
        memcpy(n->text, aim->host.data, aim->host.len);
    memcpy(n->text + aim->host.len, aim->path.data, aim->path.len);
    forget(h, at);
    *at = n;
    h->notes_n++;
}

/* ---- handing over ---- */

static bool is_we(const struct engine *e, const struct ring_member *m)
{
    return node_id_eq(&m->id, &e->cfg.mesh.self->cert.id);
}

bool handoff_begin(struct engine *e, mesh_ns now)
{
    struct handoff *h = e->warm->handoff;
    const struct ring *before = mesh_ring_before(e->mesh);

    if (h->changed > 0 && now - h->changed >= STOOD)
        h->upset = now;
    h->changed = now;
    h->at = before != NULL && ring_size(before) > 0 && !e->leaving && h->notes_n > 0 ? 0 : 2 * NOTES;
    return h->at < 2 * NOTES;
}

/* Of the former owners the best that can still speak for the key does so. */
static bool speaks(const struct engine *e, mesh_ns now, const struct ring_member *const *was, size_t n)
{
    for (size_t i = 0; i < n && i < 2; i++) {
        if (is_we(e, was[i]))
            return true;
        if (warm_reached(e, now, &was[i]->id))
            return false;
    }
    return false;
}

static bool among_first(const struct ring_member *const *owners, size_t n, const struct node_id *id)
{
    for (size_t i = 0; i < n && i < 2; i++) {
        if (node_id_eq(&owners[i]->id, id))
            return true;
    }
    return false;
}

static void hand_over(struct engine *e, mesh_ns now, const struct ring *before, const struct note *n)
{
    const struct ring_member *was[RING_OWNERS], *is[RING_OWNERS];
    const struct ring *ring = mesh_ring(e->mesh);
    size_t was_n = ring_owners(before, ring_arc(before, &n->key), was);
    size_t is_n = ring_size(ring) > 0 ? ring_owners(ring, ring_arc(ring, &n->key), is) : 0;
    struct aim aim = { .key = n->key,
                       .route = { .https = n->https },
                       .host = slice_of(n->text, n->host_len),
                       .path = slice_of(n->text + n->host_len, n->path_len) };

    if (!speaks(e, now, was, was_n))
        return;
    for (size_t i = 0; i < is_n && i < 2; i++) {
        if (!is_we(e, is[i]) && !among_first(was, was_n, &is[i]->id) && warm_reached(e, now, &is[i]->id))
            (void)warm_tell(e, &is[i]->id, &aim, TAKE_HANDED); /* a hint, as all of them */
    }
}

bool handoff_step(struct engine *e, mesh_ns now)
{
    struct handoff *h = e->warm->handoff;
    const struct ring *before = mesh_ring_before(e->mesh);

    if (before == NULL) /* the next ring is being made: it begins anew then */
        h->at = 2 * NOTES;
    for (unsigned looked = 0; looked < STEP && h->at < 2 * NOTES && warm_waiting(e) < WAITING; h->at++) {
        struct note **at = &h->notes[h->at % NOTES];
        if (*at == NULL)
            continue;
        unsigned uses = heat(e, now, *at);
        looked++;
        if (uses == 0)
            forget(h, at);
        else if ((uses > HOT_USES) == (h->at < NOTES))
            hand_over(e, now, before, *at);
    }
    return h->at < 2 * NOTES;
}

/* ---- asking who had it before ---- */

static bool is_source(const struct flight *f, const struct node_id *id)
{
    for (size_t i = 0; i < f->sources_n; i++) {
        if (node_id_eq(&f->sources[i], id))
            return true;
    }
    return false;
}

/* The best of |owners| that can be asked, unless that is us, or to be asked already. |but_us|: of the others. */
static void add_best(struct engine *e, mesh_ns now, struct flight *f, const struct ring_member *const *owners, size_t n,
                     bool but_us)
{
    for (size_t i = 0; i < n; i++) {
        const struct node_id *id = &owners[i]->id;
        if (is_we(e, owners[i])) {
            if (but_us)
                continue;
            return;
        }
        if (is_source(f, id))
            return;
        if (!warm_reached(e, now, id))
            continue;
        if (f->sources_n < FLIGHT_SOURCES)
            f->sources[f->sources_n++] = *id;
        return;
    }
}

void handoff_former(struct engine *e, mesh_ns now, const struct digest *place, struct flight *f)
{
    const struct ring *ring = mesh_ring(e->mesh), *before = mesh_ring_before(e->mesh);
    const struct handoff *h = e->warm->handoff;
    const struct ring_member *owners[RING_OWNERS];
    bool late = mesh_came_late(e->mesh) && now - e->started < FORMER_TIME;
    bool upset = h->upset > 0 && now - h->upset < UPSET_TIME; /* the table before the last one may say nothing */

    if (ring_size(ring) < 2 || mesh_behind(e->mesh, now))
        return;
    if (before != NULL && ring_size(before) > 0 && now - h->changed < FORMER_TIME)
        add_best(e, now, f, owners, ring_owners(before, ring_arc(before, place), owners), false);
    if (late || upset)
        add_best(e, now, f, owners, ring_owners(ring, ring_arc(ring, place), owners), true);
}
