/* command.h - how the relay is told what to do: each fault has one name, used as a flag at the
 * start ("--loss-pct 20") and as a command on standard input ("loss 20"). Pure functions. */
#ifndef HEDGEROW_RELAY_COMMAND_H
#define HEDGEROW_RELAY_COMMAND_H

#include "tests/relay/faults.h"

/* command_apply carries out one command, words separated by blanks:
 *   delay MS · jitter MS · loss PCT · reorder PCT · duplicate PCT · rate KBPS
 *   flip COUNT [PER_MB]     COUNT more bit flips ("always": for ever), PER_MB in a MiB (1,000)
 *   cut up|down|both · half-open · heal
 * 0; MESH_E_UNKNOWN: no such command; MESH_E_SYNTAX, MESH_E_RANGE: its words are wrong. On an
 * error nothing has changed. */
int command_apply(struct faults *f, struct slice line);

/* command_flag does the same for a flag without its dashes: delay-ms, jitter-ms, loss-pct,
 * reorder-pct, duplicate-pct, rate-kbps, bitflip-per-mb, bitflip-count, one-way (the way that
 * still passes), half-open (which has no value). Flags for bit flips may come in any order. */
int command_flag(struct faults *f, struct slice name, struct slice value);
bool command_flag_has_value(struct slice name);

#endif
