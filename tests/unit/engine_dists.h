/* engine_dists.h - distributions made by hand, in force at the engines of a world. */
#ifndef HEDGEROW_TESTS_ENGINE_DISTS_H
#define HEDGEROW_TESTS_ENGINE_DISTS_H

#include "engine_stage.h"

#define S(text)         SLICE_LIT(text)
#define LIST(name, ...) static const struct slice name[] = { __VA_ARGS__ }
#define LISTED(list)                                        \
    {                                                       \
        DIST_LISTED, list, sizeof(list) / sizeof((list)[0]) \
    }
#define ALL_BUT(list)                                        \
    {                                                        \
        DIST_ALL_BUT, list, sizeof(list) / sizeof((list)[0]) \
    }

/* usual: what holds where nothing is said, for |path|. */
static inline struct dist_behaviour usual(const char *path)
{
    struct dist_behaviour b;

    dist_behaviour_default(&b);
    b.path = slice_str(path);
    return b;
}

static inline struct dist_origin origin_called(const char *id, const char *url)
{
    struct dist_origin o;

    dist_origin_default(&o);
    o.id = slice_str(id);
    o.url = slice_str(url);
    return o;
}

/* apply puts the distributions in force at all nodes that run. */
static inline void apply(const struct dist *dists, size_t n)
{
    struct dist_set *set = dist_set_of(dists, n);

    assert_non_null(set);
    for (int i = 0; i < w->n; i++) {
        if (w->nodes[i].engine != NULL)
            assert_int_equal(engine_configure(engine_of(w, i), w->now, set), 0);
    }
    dist_set_unref(set);
}

/* apply_one: one distribution for any host, of origin "o", with |n| behaviours. */
static inline struct dist one_dist(const struct dist_behaviour *b, size_t n)
{
    static struct dist_origin o;

    o = origin_called("o", "http://o");
    return (struct dist){ .name = S("default"),
                          .enabled = true,
                          .any_host = true,
                          .origins = &o,
                          .origins_n = 1,
                          .behaviours = b,
                          .behaviours_n = n };
}

static inline void apply_one(const struct dist_behaviour *b, size_t n)
{
    struct dist d = one_dist(b, n);
    apply(&d, 1);
}

/* ask_with: |lines|, "Name: value\n" ..., go along, by https or not. */
static inline struct viewer *ask_with(int n, const char *host, const char *path, const char *lines, bool https)
{
    struct viewer *v = viewer_new(w, n, path);
    struct slice rest = slice_str(lines), line, name;

    while (slice_split(&rest, '\n', &line)) {
        if (line.len == 0)
            continue;
        slice_split(&line, ':', &name);
        assert_int_equal(fields_add(&v->fields, name, slice_trim(line)), 0);
    }
    v->r.host = slice_str(host);
    v->r.https = https;
    viewer_ask(v);
    return v;
}

/* got: asked for now, and answered within a second: its status. */
static inline unsigned got(int n, const char *host, const char *path, const char *lines)
{
    struct viewer *v = ask_with(n, host, path, lines, false);

    world_run(w, SEC(1));
    return v->status;
}

#endif
