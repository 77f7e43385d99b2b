#include "sim/viewers/notes.h"

#include "sim/digits.h"

#define NOTE_MAX 160

static void note(struct world *w, enum note kind, uint32_t node, const char *text, const char *end)
{
    world_note(w, kind, node, slice_of(text, (size_t)(end - text)));
}

void viewer_note_ask(struct world *w, uint32_t node, uint64_t number, struct slice target)
{
    char text[NOTE_MAX], *at = digits_put(text, number);

    *at++ = ' ';
    note(w, NOTE_ASK, node, text, digits_word(at, target));
}

void viewer_note_answer(struct world *w, uint32_t node, uint64_t number, uint64_t status, enum request_result result)
{
    char text[NOTE_MAX], *at = digits_put(text, number);

    *at++ = ' ';
    at = digits_put(at, status);
    *at++ = ' ';
    note(w, NOTE_ANSWER, node, text, digits_word(at, slice_str(request_result_word(result))));
}

void viewer_note_read(struct world *w, uint32_t node, uint64_t number, uint64_t bytes)
{
    char text[NOTE_MAX], *at = digits_put(text, number);

    *at++ = ' ';
    note(w, NOTE_READ, node, text, digits_put(at, bytes));
}

void viewer_note_end(struct world *w, uint32_t node, uint64_t number, enum viewer_end how, int result, uint64_t at)
{
    char text[NOTE_MAX], *to = digits_put(text, number);

    *to++ = ' ';
    to = digits_put(to, (uint64_t)how);
    *to++ = ' ';
    to = result >= 0 ? digits_put(to, (uint64_t)result) : digits_word(to, SLICE_LIT("-1"));
    *to++ = ' ';
    note(w, NOTE_ASK_END, node, text, digits_put(to, at));
}
