#include "sim/sweep/axes.h"

#include <stdio.h>

#include "proto/base/err.h"
#include "sim/scenario_value.h"

void axes_init(struct axes *a, const struct vocabulary *words)
{
    memset(a, 0, sizeof(*a));
    a->words = words;
}

static size_t setting_named(const struct vocabulary *words, struct slice name)
{
    size_t i = 0;

    while (i < words->settings_n && !slice_eq(name, slice_str(words->settings[i].name)))
        i++;
    return i;
}

/* One more value of the newest axis: judged by the scenario's own reader, and shown as that would write it. */
static int add_value(struct axes *a, struct slice name, struct slice text, struct buf *wrong)
{
    struct setting_axis *x = &a->axis[a->n];
    struct scenario_error err;
    struct scenario probe;
    struct buf shown = BUF_EMPTY;
    int result;

    if (x->n == AXIS_VALUES_MAX) {
        buf_addf(wrong, "--vary %.*s: more than %d values", SLICE_FMT(name), AXIS_VALUES_MAX);
        return MESH_E_RANGE;
    }
    scenario_init(&probe, a->words);
    if ((result = scenario_setting(&probe, name, text, &err)) != 0) {
        buf_addf(wrong, "--vary %.*s, value %zu, \"%.*s\": %s", SLICE_FMT(name), x->n + 1, SLICE_FMT(text), err.text);
        scenario_fini(&probe);
        return result;
    }
    struct axis_value *v = &x->values[x->n];
    x->setting = setting_named(a->words, name);
    v->value = *setting_of(&probe, x->setting);
    scenario_fini(&probe);
    scenario_put_value(&shown, a->words->settings[x->setting].kind, v->value);
    snprintf(v->text, sizeof(v->text), "%.*s", SLICE_FMT(buf_slice(&shown)));
    buf_free(&shown);
    for (size_t i = 0; i < x->n; i++) {
        if (x->values[i].value == v->value) {
            buf_addf(wrong, "--vary %.*s: %s is there twice", SLICE_FMT(name), v->text);
            return MESH_E_EXISTS;
        }
    }
    x->n++;
    return 0;
}

int axes_add(struct axes *a, const char *text, struct buf *wrong)
{
    struct slice rest = slice_str(text), name, part;
    int result = 0;

    slice_split(&rest, '=', &name);
    if (rest.data == NULL || name.len == 0) {
        buf_addf(wrong, "--vary \"%s\": say a setting and its values, such as memory=64MiB,128MiB", text);
        return MESH_E_SYNTAX;
    }
    if (slice_eq(name, SLICE_LIT("seed")) || slice_eq(name, SLICE_LIT("seeds"))) {
        buf_addf(wrong, "--vary %.*s: that is not for varying; --seeds N says how many seeds each value is run with",
                 SLICE_FMT(name));
        return MESH_E_SYNTAX;
    }
    for (size_t i = 0; i < a->n; i++) {
        if (slice_eq(name, slice_str(axis_name(a, i)))) {
            buf_addf(wrong, "--vary %.*s is there twice: give all its values at once", SLICE_FMT(name));
            return MESH_E_EXISTS;
        }
    }
    if (a->n == AXES_MAX) {
        buf_addf(wrong, "--vary: more than %d settings", AXES_MAX);
        return MESH_E_RANGE;
    }
    memset(&a->axis[a->n], 0, sizeof(a->axis[a->n]));
    while (result == 0 && slice_split(&rest, ',', &part))
        result = add_value(a, name, part, wrong);
    if (result != 0)
        return result;
    a->n++;
    if (axes_combinations(a) > COMBINATIONS_MAX) {
        buf_addf(wrong, "--vary: more than %d combinations", COMBINATIONS_MAX);
        return MESH_E_RANGE;
    }
    return 0;
}

size_t axes_combinations(const struct axes *a)
{
    size_t n = a->n > 0;

    for (size_t i = 0; i < a->n; i++)
        n *= a->axis[i].n;
    return n;
}

size_t axes_at(const struct axes *a, size_t combination, size_t axis)
{
    for (size_t i = a->n - 1; i > axis; i--)
        combination /= a->axis[i].n;
    return combination % a->axis[axis].n;
}

void axes_name(const struct axes *a, size_t combination, struct buf *out)
{
    for (size_t i = 0; i < a->n; i++)
        buf_addf(out, "%s%s %s", i > 0 ? ", " : "", axis_name(a, i),
                 a->axis[i].values[axes_at(a, combination, i)].text);
}

bool axis_has_words(const struct axes *a, size_t axis)
{
    enum setting_kind kind = a->words->settings[a->axis[axis].setting].kind;
    return kind == SETTING_FLAG || kind == SETTING_MODE || kind == SETTING_EVICTION;
}
