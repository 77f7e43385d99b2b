/* The canonical form. What is as it would be without being said is not said, so a field that a later version knows
 * besides changes no digest. */
#include <assert.h>

#include "node/dist/dist_read.h"
#include "node/dist/schema.h"
#include "proto/digest.h"

void write_comma(struct writer *w)
{
    if (w->out->len > 0 && w->out->data[w->out->len - 1] != '{' && w->out->data[w->out->len - 1] != '[' &&
        w->out->data[w->out->len - 1] != ':')
        buf_add_u8(w->out, ',');
}

void write_text(struct writer *w, struct slice text)
{
    struct buf *out = w->out;

    buf_add_u8(out, '"');
    while (text.len > 0)
        text = slice_from(text, tree_escape(out, text));
    buf_add_u8(out, '"');
}

void write_key(struct writer *w, const char *name)
{
    write_comma(w);
    write_text(w, slice_str(name));
    buf_add_u8(w->out, ':');
}

void write_texts(struct writer *w, const struct slice *texts, size_t n)
{
    buf_add_u8(w->out, '[');
    for (size_t i = 0; i < n; i++) {
        write_comma(w);
        write_text(w, texts[i]);
    }
    buf_add_u8(w->out, ']');
}

void write_names(struct writer *w, const struct dist_names *names)
{
    switch (names->which) {
    case DIST_NONE: write_text(w, SLICE_LIT("none")); break;
    case DIST_ALL: write_text(w, SLICE_LIT("all")); break;
    case DIST_LISTED: write_texts(w, names->names, names->n); break;
    case DIST_ALL_BUT:
        buf_add_str(w->out, "{\"except\":");
        write_texts(w, names->names, names->n);
        buf_add_u8(w->out, '}');
        break;
    }
}

/* Whole seconds as a number, else milliseconds. */
void write_time(struct writer *w, mesh_ns t)
{
    if (t % SEC(1) == 0)
        buf_addf(w->out, "%lld", (long long)(t / SEC(1)));
    else
        buf_addf(w->out, "\"%lldms\"", (long long)(t / MS(1)));
}

static uint64_t get_number(const void *at, size_t width)
{
    switch (width) {
    case 1: return *(const uint8_t *)at;
    case 2: return *(const uint16_t *)at;
    case 4: return *(const uint32_t *)at;
    default: return *(const uint64_t *)at;
    }
}

static void write_list(struct writer *w, const struct schema_field *f, const char *object)
{
    const char *things = *(const char *const *)(const void *)(object + f->at);
    size_t n = *(const size_t *)(const void *)(object + f->count_at);

    buf_add_u8(w->out, '[');
    for (size_t i = 0; i < n; i++) {
        write_comma(w);
        write_object(w, f->of, things + i * f->of->size);
    }
    buf_add_u8(w->out, ']');
}

static void write_comma_list(struct writer *w, struct slice list)
{
    struct slice part;

    buf_add_u8(w->out, '[');
    while (list.len > 0 && slice_split(&list, ',', &part)) {
        write_comma(w);
        write_text(w, slice_trim(part));
    }
    buf_add_u8(w->out, ']');
}

/* The value alone; of others nothing may come. */
static void write_value(struct writer *w, const struct schema_field *f, const void *object, const void *usual)
{
    const char *at = (const char *)object + f->at;

    switch (f->type) {
    case SCHEMA_BOOL: buf_add_str(w->out, *(const bool *)at ? "true" : "false"); break;
    case SCHEMA_NUMBER: buf_addf(w->out, "%llu", (unsigned long long)get_number(at, f->width)); break;
    case SCHEMA_TIME: write_time(w, *(const mesh_ns *)(const void *)at); break;
    case SCHEMA_SECONDS: buf_addf(w->out, "%lld", (long long)*(const int64_t *)(const void *)at); break;
    case SCHEMA_WORD: write_text(w, slice_str(f->words[get_number(at, f->width)])); break;
    case SCHEMA_TEXT: write_text(w, *(const struct slice *)(const void *)at); break;
    case SCHEMA_TEXTS:
        write_texts(w, *(const struct slice *const *)(const void *)at,
                    *(const size_t *)(const void *)((const char *)object + f->count_at));
        break;
    case SCHEMA_COMMA: write_comma_list(w, *(const struct slice *)(const void *)at); break;
    case SCHEMA_NAMES: write_names(w, (const struct dist_names *)(const void *)at); break;
    case SCHEMA_PART: write_part(w, f->of, at, (const char *)usual + f->at); break;
    case SCHEMA_LIST: write_list(w, f, object); break;
    case SCHEMA_OTHER:
        if (f->write != NULL)
            f->write(w, object);
        break;
    }
}

/* Is what was written from |from| on what the field is without being said? */
static bool is_usual(struct writer *w, const struct schema_field *f, size_t from, const void *usual)
{
    size_t middle = w->out->len;
    bool same;

    if (f->type == SCHEMA_PART)
        return middle - from == 2;
    if (f->type == SCHEMA_OTHER || f->type == SCHEMA_LIST)
        return middle == from || (f->type == SCHEMA_LIST && middle - from == 2);
    if (f->required || f->said)
        return false;
    write_value(w, f, usual, usual);
    if (!buf_ok(w->out))
        return false;
    same =
        slice_eq(slice_of(w->out->data + from, middle - from), slice_of(w->out->data + middle, w->out->len - middle));
    w->out->len = middle;
    return same;
}

static void write_fields(struct writer *w, const struct schema *s, const void *object, const void *usual)
{
    for (size_t i = 0; i < s->n && buf_ok(w->out); i++) {
        const struct schema_field *f = &s->fields[i];
        size_t before = w->out->len;
        write_key(w, f->name);
        size_t from = w->out->len;
        write_value(w, f, object, usual);
        if (is_usual(w, f, from, usual))
            w->out->len = before;
    }
}

void write_part(struct writer *w, const struct schema *s, const void *object, const void *usual)
{
    buf_add_u8(w->out, '{');
    write_fields(w, s, object, usual);
    buf_add_u8(w->out, '}');
}

void write_object(struct writer *w, const struct schema *s, const void *object)
{
    union schema_any usual;

    assert(s->size <= sizeof(usual));
    memset(&usual, 0, sizeof(usual));
    if (s->init != NULL)
        s->init(&usual);
    write_part(w, s, object, &usual);
}

void write_usual(struct buf *out, const struct schema *s, const struct schema_field *f)
{
    union schema_any usual;
    struct writer w = { .out = out };

    memset(&usual, 0, sizeof(usual));
    if (s->init != NULL)
        s->init(&usual);
    if (f->type != SCHEMA_OTHER && f->type != SCHEMA_PART && f->type != SCHEMA_LIST)
        write_value(&w, f, &usual, &usual);
}

void dist_write(struct buf *out, const struct dist *d)
{
    struct writer w = { .out = out, .dist = d };

    write_object(&w, &schema_dist, d);
}

void dist_set_write(struct buf *out, const struct dist_set *set)
{
    buf_add_str(out, "{\"distributions\":[");
    for (size_t i = 0; i < set->n; i++) {
        buf_add_str(out, i > 0 ? ",\n" : "\n");
        dist_write(out, &set->dists[i]);
    }
    buf_add_str(out, "\n]}\n");
}

/* ---- for people ---- */

static bool show(struct buf *out, const struct buf *json)
{
    struct dist_arena *arena = dist_arena_new(TREE_BYTES_MAX);
    struct buf errors = BUF_EMPTY;
    struct faults faults = { .file = "", .text = &errors };
    struct tree *t = NULL;
    bool ok = arena != NULL && buf_ok(json) && tree_read(arena, buf_slice(json), &faults, &t) == 0;

    if (ok)
        tree_show(out, t, 0);
    buf_free(&errors);
    dist_arena_free(arena);
    return ok && buf_ok(out);
}

bool dist_set_show(struct buf *out, const struct dist_set *set)
{
    struct buf json = BUF_EMPTY;

    dist_set_write(&json, set);
    bool ok = show(out, &json);
    buf_free(&json);
    return ok;
}

bool dist_show(struct buf *out, const struct dist *d)
{
    struct buf json = BUF_EMPTY;

    dist_write(&json, d);
    bool ok = show(out, &json);
    buf_free(&json);
    return ok;
}

/* ---- the digest ---- */

bool dist_digest(const struct dist *d, uint64_t *out)
{
    struct buf text = BUF_EMPTY;
    struct digest digest;

    dist_write(&text, d);
    bool ok = buf_ok(&text);
    if (ok) {
        struct slice parts[] = { SLICE_LIT("hedgerow distribution 3"), buf_slice(&text) };
        digest_of(&digest, parts, 2);
        *out = digest_u64(&digest);
    }
    buf_free(&text);
    return ok;
}
