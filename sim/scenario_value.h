/* scenario_value.h - single values of a scenario's line: numbers with units, nodes, and
 * the nearest word to a mistyped one. Pure functions. */
#ifndef HEDGEROW_SIM_SCENARIO_VALUE_H
#define HEDGEROW_SIM_SCENARIO_VALUE_H

#include "sim/scenario.h"

/* value_parse reads |text| as |kind|. 0, MESH_E_SYNTAX, MESH_E_RANGE; |*out| is then as before. */
int value_parse(enum setting_kind kind, struct slice text, uint64_t *out);
/* What such a value looks like, for a message. */
const char *value_kind_text(enum setting_kind kind);

/* nodes_parse reads "3", "n3", "2-5,9", "all", "zone:2", "region:2", "owner:17". 0, MESH_E_SYNTAX, MESH_E_RANGE. */
int nodes_parse(struct slice text, struct node_set *out);
void nodes_put(struct buf *out, const struct node_set *s);

/* Words of actions (by enum action_kind) with their arguments, and of the origin's states. */
struct action_word {
    const char *word, *args, *commands;
};
extern const struct action_word action_words[];
extern const char *const origin_words[];

/* The nearest of |n| words by edits, NULL if none is near. A word may be NULL: passed over. */
typedef const char *(*word_name)(const struct vocabulary *words, size_t i);
const char *word_near(struct slice text, word_name word, const struct vocabulary *words, size_t n);

#endif
