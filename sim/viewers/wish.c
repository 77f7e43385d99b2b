#include "sim/viewers/wish.h"

#include <stdio.h>

#include "sim/net/link_model.h"
#include "sim/purge_model.h"

/* ---- conditions ---- */

/* The version that there is now, mostly; one before it, or the one that comes next. */
static uint64_t some_version(const struct world *w, uint64_t key, struct rand *r)
{
    uint64_t now = purge_version(w, key);

    switch (rand_below(r, 8)) {
    case 0: return 0;
    case 1: return rand_below(r, now + 1);
    case 2: return now + 1;
    default: return now;
    }
}

static void put_tags(struct wish *x, const struct world *w, uint64_t key, struct rand *r)
{
    size_t at = 0;

    for (size_t i = 0; i < x->has_n; i++) {
        char tag[BODY_ETAG_MAX];
        struct slice s = body_etag(&w->sc, key, x->has[i], tag);
        at += (size_t)snprintf(x->if_none_match + at, sizeof(x->if_none_match) - at, "%s%s%.*s", i > 0 ? ", " : "",
                               rand_below(r, 3) == 0 ? "W/" : "", SLICE_FMT(s));
    }
}

static void draw_condition(struct wish *x, const struct world *w, uint64_t key, struct rand *r)
{
    uint64_t kind = rand_below(r, 10);

    if (kind == 0) {
        x->has_any = true;
        snprintf(x->if_none_match, sizeof(x->if_none_match), "*");
    }
    if (kind > 0 && (kind < 7 || !body_dated(&w->sc, key))) {
        x->has_n = kind < 5 ? 1 : 1 + rand_below(r, WISH_TAGS_MAX);
        for (size_t i = 0; i < x->has_n; i++)
            x->has[i] = some_version(w, key, r);
        put_tags(x, w, key, r);
    }
    if (kind > 4 && body_dated(&w->sc, key)) { /* beside a tag it says nothing */
        x->since = true;
        x->since_s = purge_version_made(w, some_version(w, key, r)) + (int64_t)rand_below(r, 3) - 1;
        date_format(x->since_s, x->if_modified_since);
    }
}

/* ---- ranges ---- */

static void put_ranges(struct wish *x)
{
    size_t at = (size_t)snprintf(x->range, sizeof(x->range), "bytes=");

    for (size_t i = 0; i < x->at_n; i++) {
        const struct wish_range *one = &x->at[i];
        at += (size_t)snprintf(x->range + at, sizeof(x->range) - at, "%s", i > 0 ? "," : "");
        if (!one->suffix)
            at += (size_t)snprintf(x->range + at, sizeof(x->range) - at, "%llu", (unsigned long long)one->first);
        at += (size_t)snprintf(x->range + at, sizeof(x->range) - at, "-");
        if (one->suffix || one->last < UINT64_MAX)
            at += (size_t)snprintf(x->range + at, sizeof(x->range) - at, "%llu",
                                   (unsigned long long)(one->suffix ? one->first : one->last));
    }
}

/* Two or three, in order and with gaps between them; the last one may lie behind the end. */
static void draw_several(struct wish *x, uint64_t size, struct rand *r)
{
    uint64_t at = rand_below(r, size / 3 + 1);

    x->at_n = 2 + rand_below(r, WISH_RANGES_MAX - 1);
    for (size_t i = 0; i < x->at_n; i++) {
        x->at[i].first = at;
        x->at[i].last = at + rand_below(r, size / 4 + 1);
        at = x->at[i].last + 2 + rand_below(r, size / 4 + 1);
    }
}

static void draw_if_range(struct wish *x, const struct world *w, uint64_t key, struct rand *r)
{
    uint64_t kind = rand_below(r, 12);
    char tag[BODY_ETAG_MAX];

    if (kind > 4 || (kind == 4 && !body_dated(&w->sc, key)))
        return;
    x->if_range = kind == 4 ? IF_RANGE_DATE : kind == 3 ? IF_RANGE_WEAK : IF_RANGE_TAG;
    x->if_range_of = some_version(w, key, r);
    if (kind == 4)
        date_format(purge_version_made(w, x->if_range_of), x->validator);
    else
        snprintf(x->validator, sizeof(x->validator), "%s%.*s", kind == 3 ? "W/" : "",
                 SLICE_FMT(body_etag(&w->sc, key, x->if_range_of, tag)));
}

static void draw_range(struct wish *x, const struct world *w, uint64_t key, struct rand *r)
{
    static const char *const odd[] = { "bytes=9-5", "bytes=", "bytes=a-b", "leaves=0-1" };
    uint64_t size = body_size(&w->sc, key), first = rand_below(r, size + 1);
    struct wish_range *one = &x->at[0];

    x->at_n = 1;
    *one = (struct wish_range){ .first = first, .last = UINT64_MAX };
    switch (rand_below(r, 11)) {
    case 0: break; /* from there to the end, if there is anything */
    case 1: *one = (struct wish_range){ .first = 1 + rand_below(r, size + 10), .suffix = true }; break;
    case 2: *one = (struct wish_range){ .first = 0, .last = rand_below(r, 2) }; break;
    case 3: one->last = size + rand_below(r, 1000); break;                /* beyond the end */
    case 4: one->first = one->last = size + rand_below(r, 100000); break; /* behind it */
    case 5:
    case 6: draw_several(x, size, r); break;
    case 7:
        x->odd = true;
        x->at_n = 0;
        snprintf(x->range, sizeof(x->range), "%s", odd[rand_below(r, sizeof(odd) / sizeof(odd[0]))]);
        break;
    case 8: /* the second one overlaps the first, or lies before it */
        draw_several(x, size, r);
        x->at_n = 2;
        x->unordered = true;
        x->at[1].first = rand_below(r, x->at[0].last + 1);
        x->at[1].last = x->at[1].first + rand_below(r, size / 4 + 1);
        break;
    default: one->last = first + rand_below(r, size + 1 - first); break;
    }
    if (!x->odd)
        put_ranges(x);
    draw_if_range(x, w, key, r);
}

/* ---- all of it ---- */

bool wish_draw(struct wish *x, const struct world *w, uint64_t number, uint64_t key)
{
    struct rand r = world_rand(w, number, DRAW_WISH);

    memset(x, 0, sizeof(*x));
    if (draw_ppm(&r, w->sc.posts)) {
        x->post = true;
        return true;
    }
    x->head = draw_ppm(&r, w->sc.heads);
    if (draw_ppm(&r, w->sc.conditional))
        draw_condition(x, w, key, &r);
    if (draw_ppm(&r, w->sc.ranges))
        draw_range(x, w, key, &r);
    return x->head || x->if_none_match[0] != '\0' || x->since || x->range[0] != '\0';
}

static void add(struct fields *out, const char *name, const char *value)
{
    if (value[0] != '\0')
        (void)fields_add(out, slice_str(name), slice_str(value));
}

void wish_fields(const struct wish *x, struct fields *out)
{
    fields_clear(out);
    add(out, "If-None-Match", x->if_none_match);
    add(out, "If-Modified-Since", x->if_modified_since);
    add(out, "Range", x->range);
    add(out, "If-Range", x->validator);
}

void wish_text(const struct wish *x, char text[WISH_TEXT_MAX])
{
    snprintf(text, WISH_TEXT_MAX, "%s %s %s %s %s",
             x->post   ? "POST"
             : x->head ? "HEAD"
                       : "GET",
             x->if_none_match, x->if_modified_since, x->range, x->validator);
}
