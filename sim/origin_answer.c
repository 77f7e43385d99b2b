#include "sim/origin_answer.h"

#include <stdio.h>

#include "node/core/range.h"
#include "sim/disk/disk_check.h"
#include "sim/net/link_model.h"
#include "sim/purge_model.h"

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

void origin_answer_to(struct origin_answer *a, const struct world *w, const struct fetch *f, uint64_t key,
                      uint64_t number)
{
    uint64_t first, last;

    a->kind = ORIGIN_WHOLE;
    a->key = key;
    a->version = purge_version(w, key);
    a->size = a->end = body_size(&w->sc, key);
    a->at = 0;
    if (is_unchanged(w, f, a)) {
        struct rand r = world_rand(w, number, DRAW_UNCHANGED);
        if (draw_ppm(&r, w->sc.not_modified)) {
            a->kind = ORIGIN_UNCHANGED;
            a->end = 0;
        }
    } else if (may_be_part(w, f, a) && ranges_begin(f->range, &first, &last) && first < a->size) {
        a->kind = ORIGIN_PART;
        a->at = first;
        a->end = last < a->size ? last + 1 : a->size;
    }
}

static uint16_t status_of(const struct origin_answer *a)
{
    switch (a->kind) {
    case ORIGIN_PART: return 206;
    case ORIGIN_UNCHANGED: return 304;
    default: return 200;
    }
}

static void add(struct origin_head *h, const char *name, struct slice value)
{
    (void)fields_add(&h->fields, slice_str(name), value);
}

static void add_range(struct origin_head *h, const struct origin_answer *a, enum poison poison)
{
    unsigned long long off = poison == POISON_PART && a->kind == ORIGIN_PART; /* they are not where it says */

    if (a->kind != ORIGIN_PART && poison != POISON_PART)
        return;
    snprintf(h->range, sizeof(h->range), "bytes %llu-%llu/%llu", (unsigned long long)a->at + off,
             (unsigned long long)a->end - 1 + off, (unsigned long long)a->size + off);
    add(h, "Content-Range", slice_str(h->range));
}

void origin_answer_head(struct origin_head *h, const struct origin_answer *a, const struct world *w,
                        enum poison poison)
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
    snprintf(h->sent, sizeof(h->sent), "%lld", (long long)(w->now / MS(1)));
    if (sc->disk > 0)
        add(h, DISK_SENT, slice_str(h->sent));
    h->status = poison_status(poison, status_of(a));
    h->length = length ? (int64_t)(a->end - a->at) : -1;
}
