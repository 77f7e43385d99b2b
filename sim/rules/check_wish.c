#include "sim/rules/check_wish.h"

#include <stdio.h>

#include "sim/body.h"
#include "sim/purge_model.h"

struct judged {
    struct world *w;
    const struct edge *e;
    uint64_t key, version, size;
    const struct wish *x;
};

static void wrong(const struct judged *j, const char *what)
{
    char text[WISH_TEXT_MAX];

    wish_text(j->x, text);
    check_broken(j->w, RULE_WISHED, "key %llu at %s: %s, of version %llu, %llu bytes, for %.120s",
                 (unsigned long long)j->key, j->e->name, what, (unsigned long long)j->version,
                 (unsigned long long)j->size, text);
}

/* Does it have what it would get (RFC 9110 sections 13.1.2, 13.1.3)? */
static bool has_it(const struct judged *j)
{
    const struct wish *x = j->x;

    if (x->has_any)
        return true;
    for (size_t i = 0; i < x->has_n; i++) {
        if (x->has[i] == j->version)
            return true;
    }
    return x->has_n == 0 && x->since && purge_version_made(j->w, j->version) <= x->since_s;
}

/* Are the ranges still wanted? A date is as good as a tag only where it is known to be old enough. */
enum still { STILL_NOT, STILL_PERHAPS, STILL_SO };
static enum still still_wanted(const struct judged *j)
{
    switch (j->x->if_range) {
    case IF_RANGE_NONE: return STILL_SO;
    case IF_RANGE_TAG: return j->x->if_range_of == j->version ? STILL_SO : STILL_NOT;
    case IF_RANGE_WEAK: return STILL_NOT;
    case IF_RANGE_DATE:
        return purge_version_made(j->w, j->x->if_range_of) == purge_version_made(j->w, j->version) ? STILL_PERHAPS
                                                                                                   : STILL_NOT;
    }
    return STILL_NOT;
}

/* What of a body of so many bytes is asked for; returns how many spans. */
static size_t spans_of(const struct wish *x, uint64_t size, struct span out[WISH_RANGES_MAX])
{
    size_t n = 0;

    for (size_t i = 0; i < x->at_n; i++) {
        const struct wish_range *one = &x->at[i];
        uint64_t first = one->suffix ? (one->first < size ? size - one->first : 0) : one->first;
        uint64_t end = !one->suffix && one->last < size ? one->last + 1 : size;
        if (first < size)
            out[n++] = (struct span){ first, end - first };
    }
    return n;
}

static void check_parts(const struct judged *j, const struct ranges *got)
{
    struct span want[WISH_RANGES_MAX];
    size_t n = spans_of(j->x, j->size, want);
    bool same = got->n == n && n > 0;

    for (size_t i = 0; same && i < n; i++)
        same = got->at[i].first == want[i].first && got->at[i].length == want[i].length;
    if (!same)
        wrong(j, "206 with other bytes than were asked for");
}

static void check_ranges(const struct judged *j, const struct answer *a, const struct selection *s)
{
    const struct wish *x = j->x;
    struct span want[WISH_RANGES_MAX];
    bool wanted = x->range[0] != '\0' && !x->head && a->has_length;
    enum still still = still_wanted(j);
    size_t n = spans_of(x, j->size, want);

    if (!wanted || still == STILL_NOT || x->odd || (x->unordered && n > 1)) {
        if (s->how != SELECT_WHOLE)
            wrong(j, "not all of it, though no part is to be had");
        return;
    }
    switch (s->how) {
    case SELECT_RANGES: check_parts(j, &s->ranges); break;
    case SELECT_UNSATISFIABLE:
        if (n > 0)
            wrong(j, "416, though there are such bytes");
        break;
    case SELECT_WHOLE: /* several that cost more than all are not sent */
        if (still == STILL_SO && n < 2)
            wrong(j, "all of it");
        break;
    case SELECT_NOT_MODIFIED: break;
    }
}

/* The origin's own word for who may not be answered from a copy. */
static void check_relayed(const struct judged *j, const struct answer *a, struct span *span)
{
    struct slice text = kept_head_value(a->head, SLICE_LIT("content-range"));
    struct span want[WISH_RANGES_MAX];
    unsigned long long first = 0, last = 0, size = 0;
    char line[80];

    snprintf(line, sizeof(line), "%.*s", SLICE_FMT(slice_head(text, sizeof(line) - 1)));
    if (a->head->status == 416) {
        if (still_wanted(j) == STILL_NOT || j->x->at_n == 0 || spans_of(j->x, j->size, want) > 0)
            wrong(j, "the origin's 416, though there are such bytes");
        *span = (struct span){ 0, 0 };
        return;
    }
    bool read = sscanf(line, "bytes %llu-%llu/%llu", &first, &last, &size) == 3 && first <= last && size == j->size;
    if (!read || still_wanted(j) == STILL_NOT || spans_of(j->x, j->size, want) != 1 || want[0].first != first ||
        want[0].length != last - first + 1)
        wrong(j, "the origin's 206 with other bytes than were asked for");
    *span = (struct span){ first, read ? last - first + 1 : 0 };
}

void check_wish(struct world *w, const struct edge *e, uint64_t key, uint64_t version, const struct wish *x,
                const struct answer *a, const struct selection *s, bool poisoned, struct span *span)
{
    struct judged j = { w, e, key, version, body_size(&w->sc, key), x };

    *span = (struct span){ 0, j.size };
    if (a->head->status != 200 && poisoned) {
        struct span want[WISH_RANGES_MAX];
        bool part = spans_of(x, j.size, want) > 0 && want[0].length == a->length;
        *span = part ? want[0] : (struct span){ 0, a->length };
        return;
    }
    if (a->head->status != 200) {
        check_relayed(&j, a, span);
        if (s->how != SELECT_WHOLE)
            wrong(&j, "a part of a part");
        return;
    }
    if ((s->how == SELECT_NOT_MODIFIED) != has_it(&j))
        wrong(&j, s->how == SELECT_NOT_MODIFIED ? "304, though it has another one" : "no 304, though it has that one");
    else if (s->how != SELECT_NOT_MODIFIED)
        check_ranges(&j, a, s);
}
