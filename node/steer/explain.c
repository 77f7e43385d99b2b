#include <assert.h>
#include <stdlib.h>

#include "node/steer/expect.h"

const char *steer_basis_word(enum steer_basis b)
{
#define X(name, word) [STEER_BY_##name] = word,
    static const char *const words[] = { STEER_BASES(X) };
#undef X

    return words[b];
}

const char *steer_reason_word(enum steer_reason r)
{
#define X(name, word) [STEER_REASON_##name] = word,
    static const char *const words[] = { STEER_REASONS(X) };
#undef X

    return words[r];
}

struct line {
    uint64_t key;
    struct steer_pick pick;
};

static int by_key(const void *a, const void *b)
{
    const struct line *x = a, *y = b;

    return (x->key > y->key) - (x->key < y->key);
}

size_t steer_explain(const struct steer_view *v, const struct steer_ask *ask, struct steer_pick *out, size_t cap)
{
    static_assert(STEER_REASON_OK == 0 && STEER_REASON_FULL == 8, "the later a reason comes, the less weighty it is");
    struct line lines[STEER_EDGES_MAX];
    struct asker a;
    struct steer_ask same = *ask;
    struct steer_choice choice;

    same.draw = 0; /* it tries nothing */
    asker_init(&a, v, &same);
    steer_choose(v, &same, &choice);
    for (size_t i = 0; i < v->edges_n; i++) {
        struct expectation e;
        enum steer_reason reason = asker_reason(&a, (uint16_t)i);
        asker_expect(&a, (uint16_t)i, &e);
        uint64_t weight = reason == STEER_REASON_OK ? 0 : (uint64_t)STEER_REASON_FULL + 1 - reason;
        lines[i].key = weight << 48 | (uint64_t)e.us << 16 | v->briefs[i].rank;
        if (choice.n > 0 && choice.picks[0].edge == i) /* the one it stays at, or what is left */
            lines[i].key = 0;
        lines[i].pick = (struct steer_pick){ (uint16_t)i, e.us, e.basis, reason };
    }
    qsort(lines, v->edges_n, sizeof(lines[0]), by_key);
    size_t n = v->edges_n < cap ? v->edges_n : cap;
    for (size_t i = 0; i < n; i++)
        out[i] = lines[i].pick;
    return n;
}
