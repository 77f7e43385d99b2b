/* notes.h - what the trace says of viewers, without printf: it is much of what a run writes. */
#ifndef HEDGEROW_SIM_VIEWERS_NOTES_H
#define HEDGEROW_SIM_VIEWERS_NOTES_H

#include "sim/viewer_model.h"
#include "sim/world.h"

/* Each is a line about viewer |number| of node |node|. |result|: enum request_result, -1: it does not count. */
void viewer_note_ask(struct world *w, uint32_t node, uint64_t number, struct slice target);
void viewer_note_answer(struct world *w, uint32_t node, uint64_t number, uint64_t status, enum request_result result);
void viewer_note_read(struct world *w, uint32_t node, uint64_t number, uint64_t bytes);
void viewer_note_end(struct world *w, uint32_t node, uint64_t number, enum viewer_end how, int result, uint64_t at);

#endif
