/* distribution_call.h - what the distribution commands say to a node's admin address: they read its configuration, and
 * hand in a change of it, signed here or by the node. */
#ifndef HEDGEROW_CLI_DISTRIBUTION_CALL_H
#define HEDGEROW_CLI_DISTRIBUTION_CALL_H

#include <jansson.h>

#include "node/cli/admin_call.h"
#include "proto/config_doc.h"

struct distribution_options {
    struct admin_call call;
    const char *operator_file; /* NULL: the node signs */
    const char *who;
    mesh_ns wait;
    bool dry_run, json;
};

struct distribution_options distribution_usual(void);

/* A configuration as a node has it. */
struct distribution_now {
    struct buf text;                       /* canonical */
    char version[CONFIG_VERSION_TEXT_MAX]; /* "0": there is none */
    json_t *about;                         /* GET /distributions/versions; owned */
};

/* Each returns an exit code, having said what is wrong. distribution_now_free follows in any case. */
int distribution_read(const struct distribution_options *o, const char *command, struct distribution_now *now);
void distribution_now_free(struct distribution_now *now);

/* distribution_version appends the text of an old version. */
int distribution_version(const struct distribution_options *o, const char *command, const char *version,
                         struct buf *text);

/* distribution_change makes |text| the configuration, if |now| is in force still, and waits until all nodes have it.
 * With
 * --dry-run it is only looked at. */
int distribution_change(const struct distribution_options *o, const char *command, const struct distribution_now *now,
                        struct slice text);

#endif
