#include "node/core/spread.h"

#include <stdlib.h>

#include "node/core/warm.h"

#define SPAN_US    INT64_C(10000000) /* what was answered lately: in about so long */
#define UNIT       1000              /* of an answer */
#define HEARD      SEC(30)           /* what a peer said of itself counts so long */
#define PART_EVERY SEC(1)
#define FLOOR      2000 /* answers in that span are never too many, unless it is said otherwise */
#define OVER_PART  5    /* a fifth over our part may be answered */
#define HOT        256  /* objects whose takers are known; a power of two */
#define TAKERS     8

/* Who has lately got a copy from here. */
struct takers {
    struct digest key;
    mesh_ns born; /* of the copy that they got */
    struct node_id at[TAKERS];
    unsigned n, next;
};

struct spread {
    uint64_t sum; /* UNITs of answers, losing a part of itself as time goes by */
    mesh_ns at;
    uint64_t part; /* that would be ours of what we and those heard answered, then */
    mesh_ns part_at;
    unsigned turn;
    struct takers hot[HOT];
};

struct spread *spread_new(void)
{
    return calloc(1, sizeof(struct spread));
}

void spread_free(struct spread *s)
{
    free(s);
}

/* ---- how much ---- */

static uint64_t lately(const struct spread *s, mesh_ns now)
{
    int64_t us = (now - s->at) / US(1);

    return us >= SPAN_US ? 0 : s->sum - s->sum * (uint64_t)us / (uint64_t)SPAN_US;
}

void spread_answered(struct engine *e, mesh_ns now)
{
    struct spread *s = e->spread;

    s->sum = lately(s, now) + UNIT;
    s->at = now;
}

uint32_t spread_load(const struct engine *e, mesh_ns now)
{
    uint64_t n = lately(e->spread, now) / UNIT;

    return n < UINT32_MAX ? (uint32_t)n + 1 : UINT32_MAX;
}

void spread_heard(struct link *l, mesh_ns now, uint32_t load)
{
    l->load = load;
    l->load_at = now;
}

/* The mean, more for who has more of the ring. */
static uint64_t part(struct engine *e, mesh_ns now)
{
    struct spread *s = e->spread;
    const struct ring *ring = mesh_ring(e->mesh);
    uint64_t sum = spread_load(e, now), n = 1;

    if (s->part_at > 0 && now - s->part_at < PART_EVERY)
        return s->part;
    LIST_EACH (at, &e->links) {
        const struct link *l = OBJ_OF(at, struct link, link);
        if (l->load == 0 || now - l->load_at > HEARD || (link_is_open(l) && shield_far(e, l))) /* another ring's */
            continue;
        sum += l->load;
        n++;
    }
    s->part = sum * ring_size(ring) * ring_share(ring, &e->cfg.mesh.self->cert.id) / ring_arcs(ring) / n;
    s->part_at = now;
    return s->part;
}

/* ---- elsewhere ---- */

static struct takers *slot(const struct engine *e, const struct digest *key)
{
    return &e->spread->hot[key->bytes[DIGEST_BYTES - 1] % HOT];
}

void spread_taken(struct engine *e, const struct object *o, const struct node_id *peer)
{
    struct takers *t = slot(e, &o->key);

    if (o->varies || o->uncacheable || o->pass_through || o->lifetime == 0)
        return;
    if (!digest_eq(&t->key, &o->key) || t->born != o->born)
        *t = (struct takers){ .key = o->key, .born = o->born };
    t->at[t->next] = *peer;
    t->next = (t->next + 1) % TAKERS;
    t->n += t->n < TAKERS;
}

static uint64_t never_too_many(const struct engine *e)
{
    return e->cfg.spread_floor > 0 ? e->cfg.spread_floor : FLOOR;
}

bool spread_elsewhere(struct engine *e, mesh_ns now, const struct link *l, const struct msg_ask *m,
                      const struct object *o, struct node_id *other)
{
    const struct takers *t = slot(e, &o->key);
    uint64_t load = spread_load(e, now);

    /* Who asks us as the parent comes for all of its region. */
    if (m->load == 0 || (m->flags & (ASK_NO_ORIGIN | ASK_INSIST)) != 0 || load <= never_too_many(e) || t->n == 0 ||
        shield_far(e, l) || !digest_eq(&t->key, &o->key) || t->born != o->born || o->state != OBJECT_COMPLETE ||
        load <= part(e, now) + part(e, now) / OVER_PART)
        return false;
    for (unsigned i = 0; i < t->n; i++) {
        const struct node_id *id = &t->at[e->spread->turn++ % t->n];
        if (node_id_eq(id, &l->peer) || !warm_reached(e, now, id))
            continue;
        *other = *id;
        e->counters.asks_spread++;
        return true;
    }
    return false;
}

void spread_hint(struct flight *f, const struct node_id *other)
{
    if (f->hinted || f->sources_n == FLIGHT_SOURCES)
        return;
    memmove(&f->sources[f->source_at + 1], &f->sources[f->source_at],
            (f->sources_n - f->source_at) * sizeof(f->sources[0]));
    f->sources[f->source_at] = *other;
    f->sources_n++;
    f->hinted = true;
    f->hint_at = f->source_at;
}
