/* presets.h - words that stand for several settings: `network bad`, `workload cdn`. What is said besides, before or
 * after, wins. Pure data. */
#ifndef HEDGEROW_SIM_PRESETS_H
#define HEDGEROW_SIM_PRESETS_H

#include "sim/scenario.h"

/* preset_is: is |name| one of the two, and |words|' command one that takes it? preset_apply sets what |word| stands
 * for. 0, or MESH_E_SYNTAX with |err|'s text filled: there is no such word. */
bool preset_is(const struct vocabulary *words, struct slice name);
int preset_apply(struct scenario *sc, struct slice name, struct slice word, struct scenario_error *err);

/* The words with what they stand for, for --help. */
void preset_help(struct buf *out);

#endif
