/* options.h - the command line of hedgerow-sim. */
#ifndef HEDGEROW_SIM_OPTIONS_H
#define HEDGEROW_SIM_OPTIONS_H

#include "proto/base/buf.h"
#include "sim/scenario.h"

enum option_command {
    COMMAND_RUN,
    COMMAND_MEMBERS,
    COMMAND_ROUTING,
    COMMAND_HUNT,
    COMMAND_SHRINK,
    COMMAND_SWEEP,
    COMMAND_REPORT,
    COMMAND_BISECT,
    COMMAND_DIFF,
    COMMAND_HELP,
    COMMAND_VERSION
};

#define OPTION_LOGS_MAX 64

struct options {
    enum option_command command;
    const char *scenario, *trace, *report, *csv; /* files; NULL: none */
    const char *topology;                        /* a mesh's status */
    const char *logs[OPTION_LOGS_MAX + 1];       /* that are replayed; NULL behind the last one */
    bool force;                                  /* though memory may not do */
    bool json, print, cost;
    bool swarm;                     /* what is not said is drawn from the seed */
    bool coverage, first;           /* of a hunt: it must have covered all; it ends with the first failing seed */
    uint64_t seeds, from, jobs;     /* 0: not said */
    uint64_t span;                  /* of a hunt's own time, in ns; 0: not said */
    const char *answers;            /* file for a line a request */
    const char *node_files;         /* folder for a file a node */
    const char *out, *svg;          /* files that shrink writes */
    const char *with;               /* bisect's other program */
    bool baselines;                 /* of members: with --report, beside SWIM and Lifeguard */
    const char *vary[4];            /* sweep's, as they are written; one more than there may be */
    const char *files[7];           /* diff's two, report's; NULL behind the last one */
    const struct vocabulary *words; /* of the command */
    int argc;
    char **argv; /* of the command, its settings among them */
};

/* options_parse reads argv. 0, or MESH_E_SYNTAX with a message in |wrong|. */
int options_parse(struct options *o, int argc, char **argv, struct buf *wrong);
/* options_apply changes |sc| by the settings among the arguments. Same codes. */
int options_apply(const struct options *o, struct scenario *sc, struct buf *wrong);
void options_help(const struct options *o, struct buf *out);
/* The command line that gives this run again. */
void options_again(const struct options *o, const struct scenario *sc, struct buf *out);

#endif
