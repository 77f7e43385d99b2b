/* status.h - what a node says of itself: gathered once, as plain data, then written as JSON
 * for /status or as text for /metrics. */
#ifndef HEDGEROW_ADMIN_STATUS_H
#define HEDGEROW_ADMIN_STATUS_H

#include "node/io/runtime.h"

#define STATUS_REGIONS_MAX  32 /* named; the parent region is right also beyond them */
#define STATUS_NETWORKS_MAX 20 /* of viewers, the busiest */
#define STATUS_SCHEMA       1  /* goes up when a field goes away or changes its meaning */

struct status_member {
    struct node_id id;
    char name[CERT_NAME_MAX + 1], zone[CERT_ZONE_MAX + 1];
    struct slice region; /* of |zone|, or static text */
    struct mesh_addr addr;
    enum member_state state;
    mesh_ns rtt;      /* 0: not known */
    bool has_session; /* that its asks go over now: */
    bool dialled;     /* by us */
    mesh_ns session_age;
    mesh_ns distrusted;  /* it lied, and is not asked for so much longer; 0: trusted */
    mesh_ns passed_over; /* it failed again and again, and is passed over for so much longer; 0: it is asked */
    const char *suite;   /* static text */
    uint64_t serial;     /* of its certificate, and who signed that */
    uint8_t authority[SIGN_KEY_BYTES];
    uint32_t weight, arcs; /* arcs: of how many it is the first owner */
};

struct status {
    bool ready, drained;
    const char *why_not;
    mesh_ns uptime;
    unsigned workers;
    const struct mesh_addr *http, *https; /* where it listens for viewers; NULL: nowhere */
    uint64_t view_digest, ring_epoch, config_digest;
    uint32_t arcs;
    struct status_member *members; /* ourselves first */
    size_t members_n;
    /* Regions by name, how far the origin is from them, and which is the parent; names are lent by the mesh. */
    struct parent_region regions[STATUS_REGIONS_MAX];
    size_t regions_n;
    struct slice parent; /* empty: none */
    bool parent_measured;
    size_t parent_nodes; /* in its ring, as we know it; 0: it is our own region */
    struct engine_counters engine;
    struct mesh_counters mesh;
    struct gossip_counters gossip;
    struct node_counters node;
    const struct mesh_addr *dns_addrs; /* at which DNS is answered; lent by the node */
    size_t dns_n;
    uint32_t dns_serial;
    struct dns_server_counters dns;
    struct engine_usage usage;
    struct engine_purges purges;
    struct engine_configs configs;
    size_t configs_behind;   /* members that are up and have said that they have an earlier version */
    const struct roll *roll; /* lent by the mesh */
    bool behind, roll_forked;
    struct cert cert; /* our own */
    struct refusals refusals;
    struct steer_view *view; /* a reference; NULL: there was no memory */
    struct steer_size steer_size;
    struct steer_counters steer;
    struct steer_use busiest[STATUS_NETWORKS_MAX];
    size_t busiest_n;
    uint32_t alarms; /* ALARM_BIT */
    mesh_ns alarmed_at[ALARMS_N];
    mesh_ns now;
};

/* status_gather fills |out|; status_free gives its memory back. 0 or MESH_E_NOMEM. */
int status_gather(struct status *out, struct node *n);
void status_free(struct status *s);

/* status_json appends one JSON object, with a line end. 0 or MESH_E_NOMEM. */
int status_json(struct buf *out, const struct status *s);

/* status_metrics appends Prometheus' text format (version 0.0.4). */
void status_metrics(struct buf *out, const struct status *s);

#endif
