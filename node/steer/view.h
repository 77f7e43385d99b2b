/* view.h - what a node knows of edges and of how far viewers are from them, at one moment: immutable, counted, so that
 * any thread may choose by it. Made by steer.h, at most a few times a second. Pure data; no floating point. */
#ifndef HEDGEROW_STEER_VIEW_H
#define HEDGEROW_STEER_VIEW_H

#include "node/steer/coordinate.h"
#include "node/steer/prefix.h"
#include "proto/base/addr.h"
#include "proto/cert.h"

#define STEER_EDGES_MAX 1024
#define STEER_ADDRS_MAX 4 /* viewer addresses of an edge, IPv4 and IPv6 together */

/* What an edge says of itself to viewers' ends: its own datagrams say it, nobody passes it on. */
struct steer_facts {
    struct mesh_addr addrs[STEER_ADDRS_MAX]; /* where viewers reach it; the port is not used */
    size_t addrs_n;
    uint16_t http, https; /* the ports there; 0: it does not */
    uint16_t dns;         /* the port at which it answers for the mesh's domain; 0: it does not */
    bool ready, draining;
    uint16_t load_permille; /* of its capacity, smoothed; may be above 1,000 */
    uint16_t shed_permille; /* of its prefixes, so many are to go elsewhere: its own controller says so (steer.h) */
    struct coordinate at;   /* in the space of round-trip times */
    bool located;           /* it knows where on the globe it stands: */
    int32_t lat_e4, lon_e4; /* degrees times 10,000 */
};

struct steer_edge {
    struct node_id id;
    char name[CERT_NAME_MAX + 1];
    char zone[CERT_ZONE_MAX + 1];
    char label[STEER_LABEL_MAX + 1]; /* its name as one label of DNS: steer_label */
    bool self, alive; /* alive: a member in peace, and its links are well. Who is not is never answered */
    mesh_ns heard;    /* when its facts came; 0: never. Without facts it is no candidate */
    struct steer_facts facts;
};

/* A prefix, or a country, or all: figures of up to STEER_ROW_EDGES edges, nearest first. */
#define STEER_ROW_EDGES 12
struct steer_figure {
    uint16_t edge; /* in steer_view.edges */
    uint16_t rtt;  /* in units of 100 us, smoothed */
    uint16_t age_s;
};
struct steer_row {
    struct steer_prefix prefix;
    uint16_t home; /* the edge that it is sent to, kept until another one is enough better; UINT16_MAX: none yet */
    uint8_t n;
    bool has_parts; /* there are rows of finer networks in it */
    bool moved;     /* it was seen to move, not long ago: it is not where its neighbours are */
    struct steer_figure figures[STEER_ROW_EDGES];
};

struct steer_view {
    _Atomic uint32_t refs;
    mesh_ns made;
    uint64_t number; /* each view made by one steer has the next one */
    struct steer_edge *edges;
    size_t edges_n;
    struct steer_row *rows;
    size_t rows_n;
    /* Private, for steer_view_row, steer_view_label and the choice; made by view_impl.h. */
    struct steer_brief *briefs; /* of each edge */
    uint16_t *regions;          /* of each region, its first edge */
    size_t regions_n;
    uint32_t *slots, *labels; /* hash tables of rows and of edges */
    size_t slots_mask, labels_mask, edges_max, rows_max;
    bool has[STEER_ALL + 1]; /* there are rows of this kind */
    bool located;            /* some edges are */
    uint8_t hash_key[16];
};

struct steer_view *steer_view_ref(struct steer_view *v);
void steer_view_unref(struct steer_view *v); /* NULL is fine; any thread */

/* steer_view_row finds the row of exactly |p|; NULL: nothing was measured of it. */
const struct steer_row *steer_view_row(const struct steer_view *v, const struct steer_prefix *p);

/* steer_view_label finds the edge with this label (any case), dead or alive; NULL: there is none. */
const struct steer_edge *steer_view_label(const struct steer_view *v, struct slice label);

#endif
