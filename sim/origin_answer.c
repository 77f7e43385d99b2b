#include "sim/origin_answer.h"

#include <stdio.h>

#include "sim/disk/disk_check.h"
#include "sim/net/link_model.h"
#include "sim/origin_model.h"
#include "sim/purge_model.h"
#include "sim/rules/check_change.h"

/* When the version was made, as Last-Modified says it. */
static struct slice date_of(const struct world *w, uint64_t version, char text[DATE_TEXT_BYTES + 1])
{
    date_format(purge_version_made(w, version), text);
    return slice_str(text);
}

/* Is what |f| has a copy of what there is now (RFC 9110 section 13.2.2)? */
static bool is_unchanged(const struct world *w, const struct fetch *f, const struct origin_answer *a)
{
    char etag[BODY_ETAG_MAX];
    int64_t since;

    if (f->if_none_match.len > 0)
        return slice_eq(f->if_none_match, body_etag(&w->sc, a->key, a->version, etag));
    return f->if_modified_since.len > 0 && body_dated(&w->sc, a->key) &&
           date_parse(f->if_modified_since, &since) == 0 && purge_version_made(w, a->version) <= since;
}

/* May the range be answered with a part? A date that is the very one will do, too. */
static bool may_be_part(const struct world *w, const struct fetch *f, const struct origin_answer *a)
{
    char etag[BODY_ETAG_MAX], date[DATE_TEXT_BYTES + 1];

    return f->if_range.len == 0 || slice_eq(f->if_range, body_etag(&w->sc, a->key, a->version, etag)) ||
           (body_dated(&w->sc, a->key) && slice_eq(f->if_range, date_of(w, a->version, date)));
}

/* A number off the front of |*s|; false: there is none. */
static bool number_of(struct slice *s, uint64_t *out)
{
    size_t n = 0;

    while (n < s->len && s->data[n] >= '0' && s->data[n] <= '9')
        n++;
    if (n == 0 || slice_u64(slice_head(*s, n), out) != 0)
        return false;
    *s = slice_from(*s, n);
    return true;
}

/* The one range that |text| asks for, of |a|'s body. Of several, or of what is no range, all is sent. Read here, and
 * not by the code under test. */
static void part_of(struct origin_answer *a, struct slice text)
{
    uint64_t first, last = UINT64_MAX;
    struct slice rest = slice_from(text, sizeof("bytes=") - 1);

    if (!slice_eq(slice_head(text, sizeof("bytes=") - 1), SLICE_LIT("bytes=")))
        return;
    bool from = number_of(&rest, &first);
    if (rest.len == 0 || rest.data[0] != '-')
        return;
    rest = slice_from(rest, 1);
    bool to = number_of(&rest, &last);
    if (rest.len > 0 || (!from && !to) || (from && last < first))
        return;
    if (!from) { /* the last so many */
        first = last < a->size ? a->size - last : 0;
        last = UINT64_MAX;
    }
    a->kind = first < a->size ? ORIGIN_PART : ORIGIN_BEYOND;
    a->at = first < a->size ? first : 0;
    a->end = a->kind == ORIGIN_BEYOND ? 0 : last < a->size ? last + 1 : a->size;
}

/* Not each origin that has validators looks at conditions. */
static bool says_so(const struct world *w, uint64_t number)
{
    struct rand r = world_rand(w, number, DRAW_UNCHANGED);

    return draw_ppm(&r, w->sc.not_modified);
}

static void whole(struct origin_answer *a)
{
    a->kind = ORIGIN_WHOLE;
    a->at = 0;
    a->end = a->size;
}

static void answer_change(struct origin_answer *a, const struct world *w, uint64_t number)
{
    struct rand r = world_rand(w, number, DRAW_CHANGE);
    uint64_t kind = rand_below(&r, 10);

    a->kind = kind < 4 ? ORIGIN_EMPTY : kind < 7 ? ORIGIN_CHANGED : kind < 8 ? ORIGIN_ELSEWHERE : ORIGIN_REFUSES;
    a->other = 1 + rand_below(&r, w->sc.keys);
    a->end = a->kind == ORIGIN_CHANGED ? (a->size < ORIGIN_SAYS_MAX ? a->size : ORIGIN_SAYS_MAX) : 0;
}

static uint64_t change(struct world *w, uint64_t key)
{
    struct origin_key *k = &w->origin->keys[key - 1];

    k->changes++;
    k->changed_at = w->now;
    return purge_changed(w, key);
}

void origin_answer_changes(struct origin_answer *a, struct world *w)
{
    if (!origin_changes(a->kind))
        return;
    w->changes->made++;
    a->version = change(w, a->key);
    if (a->kind == ORIGIN_ELSEWHERE && a->other != a->key)
        (void)change(w, a->other);
}

void origin_answer_to(struct origin_answer *a, const struct world *w, const struct fetch *f, uint64_t key,
                      uint64_t number)
{
    a->key = key;
    a->version = purge_version(w, key);
    a->size = body_size(&w->sc, key);
    whole(a);
    if (f->method.len > 0) {
        answer_change(a, w, number);
    } else if (is_unchanged(w, f, a) && says_so(w, number)) {
        a->kind = ORIGIN_UNCHANGED;
        a->end = 0;
    } else if (f->range.len > 0 && may_be_part(w, f, a)) {
        part_of(a, f->range);
        if (a->kind == ORIGIN_BEYOND && w->sc.ranges == 0) /* what nodes ask for by themselves, and may be had whole */
            whole(a);
    }
}

static uint16_t status_of(const struct origin_answer *a)
{
    switch (a->kind) {
    case ORIGIN_PART: return 206;
    case ORIGIN_UNCHANGED: return 304;
    case ORIGIN_BEYOND: return 416;
    case ORIGIN_WHOLE:
    case ORIGIN_CHANGED: return 200;
    case ORIGIN_EMPTY: return 204;
    case ORIGIN_ELSEWHERE: return 201;
    case ORIGIN_REFUSES: return 409;
    }
    return 0;
}

static void add(struct origin_head *h, const char *name, struct slice value)
{
    (void)fields_add(&h->fields, slice_str(name), value);
}

static void add_range(struct origin_head *h, const struct origin_answer *a, enum poison poison)
{
    unsigned long long off = poison == POISON_PART && a->kind == ORIGIN_PART; /* they are not where it says */

    if (a->kind == ORIGIN_BEYOND && poison == POISON_NONE) {
        snprintf(h->range, sizeof(h->range), "bytes */%llu", (unsigned long long)a->size);
        add(h, "Content-Range", slice_str(h->range));
    }
    if (a->kind != ORIGIN_PART && poison != POISON_PART)
        return;
    snprintf(h->range, sizeof(h->range), "bytes %llu-%llu/%llu", (unsigned long long)a->at + off,
             (unsigned long long)a->end - 1 + off, (unsigned long long)a->size + off);
    add(h, "Content-Range", slice_str(h->range));
}

void origin_answer_head(struct origin_head *h, const struct origin_answer *a, const struct world *w, enum poison poison)
{
    const struct scenario *sc = &w->sc;
    bool length = !body_chunked(sc, a->key) || poison != POISON_NONE || a->kind != ORIGIN_WHOLE;

    if (body_no_store(sc, a->key) || poison == POISON_PAGE)
        snprintf(h->control, sizeof(h->control), "no-store");
    else
        snprintf(h->control, sizeof(h->control), "public, max-age=%lld",
                 (long long)(body_max_age(sc, a->key) / SEC(1)));
    fields_clear(&h->fields);
    h->etag = body_etag(sc, a->key, a->version, h->etag_text);
    if (a->kind != ORIGIN_UNCHANGED)
        add(h, "Content-Type", SLICE_LIT("application/octet-stream"));
    add(h, "Cache-Control", slice_str(h->control));
    add(h, "ETag", h->etag);
    add(h, "Cache-Tag", body_tag_text(body_tag(a->key), h->tag));
    if (body_dated(sc, a->key))
        add(h, "Last-Modified", date_of(w, a->version, h->date));
    poison_fields(poison, &h->fields);
    add_range(h, a, poison);
    if (a->kind == ORIGIN_ELSEWHERE)
        add(h, "Location", body_path(a->other, h->location));
    snprintf(h->sent, sizeof(h->sent), "%lld", (long long)(w->now / MS(1)));
    if (sc->disk > 0)
        add(h, DISK_SENT, slice_str(h->sent));
    h->status = poison_status(poison, status_of(a));
    h->length = length ? (int64_t)(a->end - a->at) : -1;
}
