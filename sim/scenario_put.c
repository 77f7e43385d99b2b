#include "sim/figures.h"
#include "sim/scenario_value.h"

void scenario_put_action(struct buf *out, const struct scenario *sc, const struct action *a)
{
    const struct setting *settings = sc->words->settings;
    size_t sets = 0, counts = 0, spans = 0;

    buf_add_str(out, "at ");
    scenario_put_value(out, SETTING_TIME, (uint64_t)a->at);
    buf_addf(out, " %s", action_words[a->kind].word);
    for (const char *arg = action_words[a->kind].args; *arg != '\0'; arg++) {
        buf_add_u8(out, ' ');
        switch (*arg) {
        case 'N': nodes_put(out, sets++ == 0 ? &a->a : &a->b); break;
        case 'T': scenario_put_value(out, SETTING_TIME, (uint64_t)a->spans[spans++]); break;
        case 'C': scenario_put_value(out, SETTING_COUNT, a->numbers[counts++]); break;
        case 'B': scenario_put_value(out, SETTING_SIZE, a->numbers[counts++]); break;
        case 'S':
            buf_addf(out, "%s ", settings[a->setting].name);
            scenario_put_value(out, settings[a->setting].kind, a->value);
            break;
        case 'O': buf_add_str(out, origin_words[a->origin]); break;
        }
    }
}

static void put_setting(struct buf *out, const struct scenario *sc, size_t i)
{
    const struct setting *settings = sc->words->settings;
    uint64_t value = *(const uint64_t *)(const void *)((const char *)sc + settings[i].offset);

    if (value == settings[i].def || strcmp(settings[i].name, "faults") == 0 ||
        strcmp(settings[i].name, "purges") == 0 || strcmp(settings[i].name, "configs") == 0)
        return;
    buf_addf(out, "%s ", settings[i].name);
    scenario_put_value(out, settings[i].kind, value);
    buf_add_u8(out, '\n');
}

void scenario_put(struct buf *out, const struct scenario *sc)
{
    struct buf absent = BUF_EMPTY;

    for (size_t i = 0; i < sc->words->settings_n; i++)
        put_setting(out, sc, i);
    nodes_put(&absent, &sc->absent);
    if (absent.len > 0)
        buf_addf(out, "absent %.*s\n", SLICE_FMT(buf_slice(&absent)));
    buf_free(&absent);
    for (size_t i = 0; i < sc->actions_n; i++) {
        scenario_put_action(out, sc, &sc->actions[i]);
        buf_add_u8(out, '\n');
    }
    for (size_t i = 0; i < sc->expectations_n; i++) {
        const struct expectation *x = &sc->expectations[i];
        buf_addf(out, "expect %s %s %llu\n", sc->words->figures[x->figure],
                 x->op == '<'   ? "<="
                 : x->op == '>' ? ">="
                                : "=",
                 (unsigned long long)x->value);
    }
}

size_t scenario_unmet(struct buf *out, const struct scenario *sc, const void *figures)
{
    size_t unmet = 0;

    for (size_t i = 0; i < sc->expectations_n; i++) {
        const struct expectation *x = &sc->expectations[i];
        const char *name = sc->words->figures[x->figure];
        uint64_t is = figure_of(figures, x->figure);
        bool met = x->op == '<' ? is <= x->value : x->op == '>' ? is >= x->value && is != FIGURE_NEVER : is == x->value;
        if (met)
            continue;
        unmet++;
        if (is == FIGURE_NEVER)
            buf_addf(out, "  line %u: %s did not happen\n", x->line, name);
        else
            buf_addf(out, "  line %u: %s is %llu, not %s %llu\n", x->line, name, (unsigned long long)is,
                     x->op == '<'   ? "at most"
                     : x->op == '>' ? "at least"
                                    : "just",
                     (unsigned long long)x->value);
    }
    return unmet;
}
