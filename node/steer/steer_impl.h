/* steer_impl.h - what the files behind steer.h share. */
#ifndef HEDGEROW_STEER_STEER_IMPL_H
#define HEDGEROW_STEER_STEER_IMPL_H

#include "node/steer/expect.h"
#include "node/steer/shed.h"
#include "node/steer/steer.h"
#include "proto/base/heap.h"
#include "proto/base/list.h"
#include "proto/base/map.h"
#include "proto/base/obj.h"
#include "proto/base/rand.h"
#include "proto/wire.h"

#define STEER_MAGIC     0x73746565u
#define STEER_ROUND     64      /* members that get figures in one period */
#define STEER_NEWS_KEPT 3       /* news is told in so many datagrams to a member, as some of them are lost */
#define STEER_UNIT_NS   US(100) /* of round-trip times as they are told and kept */
#define STEER_RTT_MAX   SEC(10)
#define STEER_LIFE_S    ((uint32_t)STEER_OLD_S) /* of a figure: as long as it counts */
#define STEER_SELF      0                       /* our own slot */
#define STEER_NOBODY    UINT16_MAX

/* ---- own.c: what we measure ourselves ---- */

struct own_figure {
    struct map_node in_map;
    struct list in_changed;
    struct steer_prefix prefix;
    uint32_t srtt_us, rttvar_us;
    uint32_t off_us;    /* the sum of |off_n| samples in a row that were far off, */
    int8_t off_n;       /* all above (counted up) or all below (down) */
    uint8_t young;      /* samples since it began, up to OWN_YOUNG */
    uint32_t before_us; /* the time before the path changed; 0: it never has */
    uint16_t told;      /* the time that was news last, in units; 0: nobody is to know of it yet */
    uint32_t uses;      /* samples, halved each OWN_HALF_S; as of |uses_at| such times */
    uint32_t uses_at;
    uint32_t at_s;    /* of the last sample */
    uint64_t changed; /* the number of the last change that was news */
};

struct own_pool {
    struct own_figure *all;
    size_t n, max;
};

struct own {
    struct own_pool fine, coarse; /* the finest networks; coarser ones, countries, all */
    struct map map;
    struct list changed; /* all that are told, the one whose last news is oldest first */
    uint64_t changes;    /* news counted */
};

int own_init(struct own *o, size_t max, const uint8_t hash_key[16]);
void own_fini(struct own *o);
void own_sample(struct steer *s, const struct mesh_addr *viewer, const char *country, mesh_ns rtt);
size_t own_count(const struct own *o);
const struct own_figure *own_at(const struct own *o, size_t i); /* in any order that lasts while none is added */
uint16_t own_units(const struct own_figure *f);
uint32_t own_uses(const struct own_figure *f, uint32_t now_s);

/* ---- rows.c: what is known of all edges ---- */

struct known {
    uint16_t slot, rtt; /* in units */
    uint32_t at_s;
};

struct row {
    struct map_node in_map;
    struct list in_owner; /* the rows of its owner, the one that it told longest ago first; or free ones */
    struct steer_prefix prefix;
    uint16_t owner;   /* the slot of the edge on whose account it lies here; STEER_NOBODY: free */
    uint16_t home;    /* a slot; kept from view to view */
    uint32_t moved_s; /* what was measured before does not count: the network is somewhere else; 0: it was not seen to
                         move */
    uint8_t n;
    struct known known[STEER_ROW_EDGES]; /* nearest first */
};

struct rows {
    struct row *all;
    size_t used, max, n; /* |used| were ever taken, |n| are now */
    size_t sweep;
    struct list free;
    struct map map;
};

int rows_init(struct rows *r, size_t max, const uint8_t hash_key[16]);
void rows_fini(struct rows *r);
void rows_set(struct steer *s, uint16_t slot, const struct steer_prefix *p, uint16_t rtt, uint32_t at_s);
bool rows_moved(const struct rows *r, const struct steer_prefix *p, uint32_t since_s); /* did its network move? */
struct row *rows_find(const struct rows *r, const struct steer_prefix *p);
void rows_forget(struct steer *s, uint16_t slot); /* all figures of an edge that is gone */
void rows_sweep(struct steer *s);                 /* figures that are too old, of a part of the rows */

/* ---- edges.c: the members, ourselves among them ---- */

struct edge {
    struct node_id id;
    struct map_node in_map;
    char name[CERT_NAME_MAX + 1], zone[CERT_ZONE_MAX + 1];
    uint16_t slot;
    bool alive;
    mesh_ns heard;
    struct steer_facts facts;
    struct list rows; /* that lie on its account */
    size_t rows_n;
    /* What is said to it. */
    struct heap_node due;
    struct list in_ready;
    mesh_ns facts_at, figures_at; /* when it gets something at the latest, and figures at the earliest */
    bool figures;                 /* it is to get them now */
    uint16_t told_shed;
    uint64_t told[STEER_NEWS_KEPT]; /* |changes| as of the last datagrams with figures, the latest first */
    size_t owed;                    /* so many of them are still to be told at the full pace */
    size_t refresh;                 /* where the figures go on that are no news */
};

struct edge *edge_find(const struct steer *s, const struct node_id *id);
struct edge *edge_add(struct steer *s, const struct node_id *id); /* NULL: out of memory, or no slot is left */
void edge_remove(struct steer *s, struct edge *e);
size_t edges_share(const struct steer *s); /* of the rows, for each edge */

/* ---- news.c: the datagram ---- */

/* The figures for |e|: those that changed of late, the latest first, then the next ones of the round. */
void news_write(struct steer *s, struct edge *e, bool figures, struct buf *out);
bool news_for(const struct steer *s, const struct edge *e);

/* One that was read; |figures| lends from |w|. */
struct news {
    struct wire *w;
    struct steer_facts facts;
    struct slice figures;
};
struct news_figure {
    struct steer_prefix prefix;
    uint16_t rtt;
    uint32_t age_s;
};
int news_read(struct wire *w, struct slice bytes, struct news *out); /* on success |w| is open */
size_t news_figures(const struct news *n);
void news_figure(const struct news *n, size_t i, struct news_figure *out);

/* ---- steer.c ---- */

struct steer {
    uint32_t magic;
    struct steer_config cfg;
    mesh_ns now;
    struct own own;
    struct rows rows;
    struct edge *edges[STEER_EDGES_MAX]; /* by slot; NULL: free */
    size_t slots, edges_n;
    struct map by_id;
    struct heap due;
    struct list ready; /* edges that get a datagram at the next poll */
    struct buf out;
    struct shed shed;
    mesh_ns second; /* when the next one begins: shedding, sweeping */
    struct rand rand;
    struct steer_view *view;
    uint64_t views;
    bool changed, state_changed; /* since |view| */
    mesh_ns silent_at;           /* when facts in |view| cease to count */
    struct steer_counters counters;
};

/* Seconds, counted so that what was measured before we began has a time too. */
static inline uint32_t steer_seconds(mesh_ns now)
{
    return STEER_LIFE_S + (uint32_t)(now / SEC(1));
}

/* ---- view_make.c ---- */

struct steer_view *view_make(struct steer *s);
size_t view_bytes(const struct steer_view *v);

#endif
