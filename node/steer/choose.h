/* choose.h - which edges a viewer is sent to, nearest first: a pure function of a view and of who asks, by which DNS
 * answers, redirects, the lists for players and the simulator go alike.
 *
 * The expected round-trip time to an edge is, of these, the first one there is: measured from the viewer's own network;
 * from the coarser one; told by the edges that were measured from there and the coordinates of all; measured from
 * its country; by the distance on the globe; what all viewers have to that edge; the zone's order of names.
 *
 * Candidates are live, ready, not draining, fresh in their facts, have the wanted kind of address and port, and are in
 * a region that the owner allows. Where nobody is left the rules go, one by one: shedding, regions, draining; never
 * life. Of an edge that sheds, just so many prefixes go to the next one, the same ones at each node, so nothing swings.
 */
#ifndef HEDGEROW_STEER_CHOOSE_H
#define HEDGEROW_STEER_CHOOSE_H

#include "node/steer/view.h"

#define STEER_PICKS 4

/* Where a figure is from; X(name, word for people). */
#define STEER_BASES(X)           \
    X(MEASURED, "measured")      \
    X(COARSE, "measured nearby") \
    X(TOLD, "by coordinates")    \
    X(COUNTRY, "by country") X(GLOBE, "by distance") X(AVERAGE, "of all viewers") X(NONE, "not known")
enum steer_basis {
#define X(name, word) STEER_BY_##name,
    STEER_BASES(X)
#undef X
};
const char *steer_basis_word(enum steer_basis b);

/* Why an edge is not a candidate, or not the first; X(name, word for people). */
#define STEER_REASONS(X)                                                                                      \
    X(OK, "in order")                                                                                         \
    X(DEAD, "not alive")                                                                                      \
    X(SILENT, "says nothing to viewers")                                                                      \
    X(NOT_READY, "not ready")                                                                                 \
    X(DRAINING, "draining") X(NO_ADDRESS, "no address of this kind") X(NO_PORT, "does not serve this scheme") \
        X(REGION, "its region is left out") X(FULL, "full: this network goes elsewhere")
enum steer_reason {
#define X(name, word) STEER_REASON_##name,
    STEER_REASONS(X)
#undef X
};
const char *steer_reason_word(enum steer_reason r);

enum steer_family { STEER_ANY_FAMILY, STEER_IPV4, STEER_IPV6 };

struct steer_ask {
    struct mesh_addr client; /* the viewer, or its network (RFC 7871), or its resolver */
    unsigned client_bits;    /* of it that are known: 32 for a whole IPv4 address, 128 for IPv6; 0: nothing is */
    char country[3];         /* "": not known */
    bool located;            /* by a file of places: */
    int32_t lat_e4, lon_e4;
    enum steer_family family;    /* of the addresses that are wanted */
    bool http, https;            /* served is wanted; neither: any */
    const struct slice *regions; /* of edges that are wanted, or with |regions_not| that are not; see cert_region */
    size_t regions_n;
    bool regions_not;
    uint64_t draw; /* random: one in STEER_EXPLORE_IN of them is to try the second best where its time is old, and all
                    * or some of them what is likely to be better, or may be, by what is told of it; 0 tries nothing */
};
#define STEER_EXPLORE_IN 32

struct steer_pick {
    uint16_t edge; /* in view->edges */
    uint32_t us;   /* expected; UINT32_MAX: not known */
    enum steer_basis basis;
    enum steer_reason reason;
};

struct steer_choice {
    struct steer_pick picks[STEER_PICKS]; /* the first is the answer, the others are near it: within 25 % or 10 ms */
    size_t n;                             /* 0: nobody is left alive */
    uint32_t ttl_s;                       /* 5 to 20: short while little is known of the network, or much changes */
    uint8_t scope_bits;                   /* of the client's address that made a difference (RFC 7871 section 7.2.1) */
    bool explored;                        /* one whose time is not known well was put first */
    bool relaxed;                         /* a rule had to go: regions or draining */
};

void steer_choose(const struct steer_view *v, const struct steer_ask *ask, struct steer_choice *out);

/* steer_explain: all edges in the order that |ask| has of them, those that are no candidates last, with figures and
 * reasons; at most |cap|. Returns how many. Without exploring. */
size_t steer_explain(const struct steer_view *v, const struct steer_ask *ask, struct steer_pick *out, size_t cap);

#endif
