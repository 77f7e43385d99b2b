/* demo.h - the demo's mesh while it runs: its processes, its ports, its folder. */
#ifndef HEDGEROW_CLI_DEMO_H
#define HEDGEROW_CLI_DEMO_H

#include <sys/types.h>

#include "node/cli/demo_origin.h"
#include "proto/base/addr.h"

#define DEMO_NODES_MAX 9
#define DEMO_PATH_MAX  512

struct demo_node {
    char name[32], zone[16];
    struct mesh_addr http, mesh, admin;
    pid_t pid; /* 0: not running */
    int ready; /* its standard output; -1: closed */
};

struct demo {
    struct demo_node nodes[DEMO_NODES_MAX];
    size_t nodes_n;
    struct mesh_addr origin;
    pid_t origin_pid;
    struct demo_origin_counts *counts; /* shared with the origin's process */
    struct demo_site site;
    char folder[DEMO_PATH_MAX]; /* empty: none */
    bool check;
};

/* Each of these returns true; or false, having said what is wrong, unless interrupted. */

/* demo_origin_start makes the site and forks the origin's process. */
bool demo_origin_start(struct demo *d);

/* demo_node_start starts one node, joining through the first one if it is another;
 * demo_node_wait waits for its word that it is ready. */
bool demo_node_start(struct demo *d, size_t i);
bool demo_node_wait(struct demo *d, size_t i);

/* demo_mesh_wait waits until every node sees all others, with a share of the ring for each. */
bool demo_mesh_wait(struct demo *d);

/* demo_check fetches every file through every node and compares. */
bool demo_check(struct demo *d);

/* demo_interrupted tells that a signal is waiting (they are blocked): stop what is under way. */
bool demo_interrupted(void);

/* demo_stop ends every process, the nodes first, and removes the folder. */
void demo_stop(struct demo *d);

#endif
