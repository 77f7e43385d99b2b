/* load.h - a scenario as options say: its file, what is drawn, and the settings on the command line. */
#ifndef HEDGEROW_SIM_DOOR_LOAD_H
#define HEDGEROW_SIM_DOOR_LOAD_H

#include "sim/options.h"

#define EXIT_BROKEN 1
#define EXIT_USAGE  2
#define EXIT_CONFIG 78

/* load_scenario fills |sc|, with all that the seed draws; |seed|, unless NULL, wins over what is said. 0, or an exit
 * code, when it has said why on the error stream. |sc| is the caller's to free either way. */
int load_scenario(const struct options *o, const uint64_t *seed, struct scenario *sc);

/* load_file appends a whole file, at most |most| bytes; false: it cannot be read, or is longer. */
bool load_file(const char *path, size_t most, struct buf *out);
/* load_save writes one; false, with a message on the error stream: it cannot be written. */
bool load_save(const char *path, const struct buf *text);

#endif
