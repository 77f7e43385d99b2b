/* options.h - the command line of hedgerow-sim. */
#ifndef HEDGEROW_SIM_OPTIONS_H
#define HEDGEROW_SIM_OPTIONS_H

#include "proto/base/buf.h"
#include "sim/scenario.h"

enum option_command { COMMAND_RUN, COMMAND_MEMBERS, COMMAND_ROUTING, COMMAND_HELP, COMMAND_VERSION };

struct options {
    enum option_command command;
    const char *scenario, *trace; /* files; NULL: none */
    bool json, print, cost;
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
