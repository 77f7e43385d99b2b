#include "node/core/coding.h"

/* ---- what a request prefers ---- */

#define UNSAID (-1)

struct wishes {
    int weight[CODINGS], rest; /* in thousandths, or UNSAID */
};

/* The place of what is called |name|; NULL: not one of ours. x-gzip is gzip (RFC 9110 section 8.4.1.3). */
static int *place_of(struct wishes *w, struct slice name)
{
    for (int c = 0; c < CODINGS; c++) {
        struct slice known = coding_name((enum coding)c);
        if (name.len == known.len && slice_eq_nocase(name, known))
            return &w->weight[c];
    }
    if (name.len == 1 && name.data[0] == '*')
        return &w->rest;
    return slice_eq_nocase(name, SLICE_LIT("x-gzip")) ? &w->weight[CODING_GZIP] : NULL;
}

/* One element. What is malformed is passed over; what is said twice, counts the first time. */
static void wish(struct wishes *w, struct slice element)
{
    struct slice name;
    unsigned weight = 1000;
    int *place;

    if (!slice_split(&element, ';', &name))
        return;
    element = slice_trim(element);
    if (element.len > 0 && !field_weight(element, &weight))
        return;
    place = place_of(w, slice_trim(name));
    if (place != NULL && *place == UNSAID)
        *place = (int)weight;
}

enum coding coding_choose(const struct fields *request, unsigned off)
{
    static const enum coding order[] = { CODING_BR, CODING_ZSTD, CODING_GZIP };
    struct wishes w = { { UNSAID, UNSAID, UNSAID, UNSAID }, UNSAID };
    struct fields_cursor at = { 0 };
    enum coding best = CODING_IDENTITY;
    struct slice element;

    if (request == NULL || fields_lists(request, SLICE_LIT("cache-control"), SLICE_LIT("no-transform")))
        return best;
    while (fields_list(request, SLICE_LIT("accept-encoding"), &at, &element))
        wish(&w, element);
    /* Identity is wanted only if it says so, and then a coding liked as well is better. */
    int most = w.weight[CODING_IDENTITY] > 0 ? w.weight[CODING_IDENTITY] - 1 : 0;
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        enum coding c = order[i];
        int weight = w.weight[c] != UNSAID ? w.weight[c] : w.rest;
        if (weight > most && (off & CODING_BIT(c)) == 0) {
            best = c;
            most = weight;
        }
    }
    return best;
}

enum coding coding_choose_as_before(struct coding_memo *m, const struct fields *request, unsigned off)
{
    const struct field *accepts = request != NULL ? fields_find(request, SLICE_LIT("accept-encoding")) : NULL;

    if (accepts == NULL)
        return CODING_IDENTITY;
    if (fields_find(request, SLICE_LIT("cache-control")) != NULL || accepts->value.len == 0 ||
        accepts->value.len > sizeof(m->text) || fields_next(request, accepts->name, accepts) != NULL)
        return coding_choose(request, off);
    if (!slice_eq(slice_of(m->text, m->len), accepts->value)) {
        m->coding = coding_choose(request, off);
        m->len = (uint8_t)accepts->value.len;
        memcpy(m->text, accepts->value.data, m->len);
    }
    return m->coding;
}

/* ---- which answers may have one ---- */

static bool ends_with(struct slice s, struct slice end)
{
    return s.len > end.len && slice_eq_nocase(slice_from(s, s.len - end.len), end);
}

/* The types that CloudFront compresses, and all that say of themselves that they are JSON or XML (RFC 6839). */
static bool type_pays(struct slice type)
{
    static const struct slice types[] = {
        SLICE_LIT("application/dash+xml"),
        SLICE_LIT("application/eot"),
        SLICE_LIT("application/font"),
        SLICE_LIT("application/font-sfnt"),
        SLICE_LIT("application/javascript"),
        SLICE_LIT("application/json"),
        SLICE_LIT("application/opentype"),
        SLICE_LIT("application/otf"),
        SLICE_LIT("application/pdf"),
        SLICE_LIT("application/pkcs7-mime"),
        SLICE_LIT("application/protobuf"),
        SLICE_LIT("application/rss+xml"),
        SLICE_LIT("application/truetype"),
        SLICE_LIT("application/ttf"),
        SLICE_LIT("application/vnd.apple.mpegurl"),
        SLICE_LIT("application/vnd.mapbox-vector-tile"),
        SLICE_LIT("application/vnd.ms-fontobject"),
        SLICE_LIT("application/wasm"),
        SLICE_LIT("application/x-font-opentype"),
        SLICE_LIT("application/x-font-truetype"),
        SLICE_LIT("application/x-font-ttf"),
        SLICE_LIT("application/x-httpd-cgi"),
        SLICE_LIT("application/x-javascript"),
        SLICE_LIT("application/x-mpegurl"),
        SLICE_LIT("application/x-opentype"),
        SLICE_LIT("application/x-otf"),
        SLICE_LIT("application/x-perl"),
        SLICE_LIT("application/x-ttf"),
        SLICE_LIT("application/xhtml+xml"),
        SLICE_LIT("application/xml"),
        SLICE_LIT("font/eot"),
        SLICE_LIT("font/opentype"),
        SLICE_LIT("font/otf"),
        SLICE_LIT("font/ttf"),
        SLICE_LIT("image/svg+xml"),
        SLICE_LIT("text/css"),
        SLICE_LIT("text/csv"),
        SLICE_LIT("text/html"),
        SLICE_LIT("text/javascript"),
        SLICE_LIT("text/js"),
        SLICE_LIT("text/plain"),
        SLICE_LIT("text/richtext"),
        SLICE_LIT("text/tab-separated-values"),
        SLICE_LIT("text/x-component"),
        SLICE_LIT("text/x-java-source"),
        SLICE_LIT("text/x-script"),
        SLICE_LIT("text/xml"),
        SLICE_LIT("vnd.apple.mpegurl"),
    };

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (slice_eq_nocase(type, types[i]))
            return true;
    }
    return ends_with(type, SLICE_LIT("+json")) || ends_with(type, SLICE_LIT("+xml"));
}

bool coding_head(const struct head *head)
{
    const struct fields *f = &head->fields;
    const struct field *type = fields_find(f, SLICE_LIT("content-type"));
    struct slice rest, essence;

    if (type == NULL || (head->status != 200 && head->status != 403 && head->status != 404))
        return false;
    rest = type->value;
    if (!slice_split(&rest, ';', &essence) || !type_pays(slice_trim(essence)))
        return false;
    return fields_find(f, SLICE_LIT("content-encoding")) == NULL &&
           fields_find(f, SLICE_LIT("content-range")) == NULL &&
           !fields_lists(f, SLICE_LIT("cache-control"), SLICE_LIT("no-transform"));
}

bool coding_length(uint64_t length)
{
    return length >= CODING_LENGTH_MIN && length <= CODING_LENGTH_MAX;
}
