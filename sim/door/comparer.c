#include "sim/door/comparer.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/door/load.h"
#include "sim/sweep/compare.h"

#define FILE_MAX (1u << 20)

static uint64_t number_of(const json_t *v)
{
    json_int_t n = json_is_integer(v) ? json_integer_value(v) : -1;
    return n < 0 ? FIGURE_NEVER : (uint64_t)n;
}

static size_t numbers_of(const json_t *array, uint64_t *out, size_t most)
{
    size_t n = json_array_size(array) < most ? json_array_size(array) : most;

    for (size_t i = 0; i < n; i++)
        out[i] = number_of(json_array_get(array, i));
    return n;
}

static void take_times(const json_t *root, struct compare_run *r)
{
    const json_t *t = json_object_get(root, "over_time");
    uint64_t step = number_of(json_object_get(t, "step_ms"));

    for (size_t i = 0; i < REPORT_QUANTILES; i++)
        r->first_byte_us[i] = FIGURE_NEVER;
    numbers_of(json_object_get(root, "first_byte_us"), r->first_byte_us, REPORT_QUANTILES);
    if (t == NULL || step == 0 || step > UINT32_MAX)
        return;
    r->step_ms = step;
    size_t n = numbers_of(json_object_get(t, "requests"), r->requests, SERIES_BUCKETS_MAX);
    size_t fetches = numbers_of(json_object_get(t, "origin_fetches"), r->fetches, SERIES_BUCKETS_MAX);
    r->steps = n < fetches ? n : fetches;
    for (size_t i = 0; i < r->steps; i++) {
        if (r->requests[i] > UINT32_MAX || r->fetches[i] > UINT32_MAX)
            r->steps = i; /* nobody counted that far in a step */
    }
}

/* false, when it has been said why. */
static bool read_run(const char *path, struct compare_run *r)
{
    struct buf text = BUF_EMPTY;
    json_error_t err;
    const char *slash = strrchr(path, '/'), *command;

    if (!load_file(path, FILE_MAX, &text)) {
        fprintf(stderr, "hedgerow-sim: %s cannot be read, or is too long\n", path);
        buf_free(&text);
        return false;
    }
    json_t *root = json_loadb(text.data != NULL ? (const char *)text.data : "", text.len, 0, &err);
    buf_free(&text);
    if (root == NULL) {
        fprintf(stderr, "%s:%d:%d: %s\n", path, err.line, err.column, err.text);
        return false;
    }
    const json_t *figures = json_object_get(root, "figures");
    bool ok = json_is_object(figures) && json_is_array(json_object_get(root, "checks"));
    if (!ok) {
        fprintf(stderr, "hedgerow-sim: %s is not what `hedgerow-sim run --json` writes%s\n", path,
                json_object_get(root, "kind") != NULL ? ": sweep --report makes the page of a sweep" : "");
    } else {
        memset(r, 0, sizeof(*r));
        snprintf(r->name, sizeof(r->name), "%s", slash != NULL ? slash + 1 : path);
        command = json_string_value(json_object_get(root, "command"));
        snprintf(r->command, sizeof(r->command), "%s", command != NULL ? command : "");
        r->ok = json_is_true(json_object_get(root, "ok"));
        uint64_t *at = (uint64_t *)(void *)&r->figures;
        for (size_t i = 0; i < words_of_run.figures_n; i++)
            at[i] = number_of(json_object_get(figures, words_of_run.figures[i]));
        take_times(root, r);
    }
    json_decref(root);
    return ok;
}

int comparer_run(const struct options *o)
{
    struct compare_run *runs = calloc(COMPARE_RUNS, sizeof(*runs));
    struct buf out = BUF_EMPTY;
    size_t n = 0;
    bool ok = runs != NULL;

    while (ok && n < COMPARE_RUNS && o->files[n] != NULL) {
        ok = read_run(o->files[n], &runs[n]);
        n += ok;
    }
    if (!ok) {
        free(runs);
        return EXIT_USAGE;
    }
    compare_text(&out, runs, n);
    ok = buf_ok(&out) && fwrite(out.data, 1, out.len, stdout) == out.len && fflush(stdout) == 0;
    buf_free(&out);
    if (o->report != NULL) {
        compare_page(&out, runs, n);
        ok = load_save(o->report, &out) && ok;
        buf_free(&out);
    }
    free(runs);
    return ok ? EXIT_SUCCESS : EXIT_BROKEN;
}
