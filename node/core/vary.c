#include "node/core/vary.h"

#include "node/core/cookies.h"
#include "node/core/forward.h"
#include "proto/base/buf.h"

#define LANGS_MAX 16
#define TAG_MAX   35 /* RFC 5646 section 4.4.1 */

/* Framed, so that no two different lists give the same bytes. */
static void mix(struct digest *d, struct slice part)
{
    uint8_t frame[8];

    be64_put(frame, part.len);
    struct slice parts[] = { SLICE_OF(d->bytes), SLICE_OF(frame), part };
    digest_of(d, parts, 3);
}

/* ---- Accept-Language (RFC 9110 section 12.5.4) ---- */

struct lang {
    uint8_t tag[TAG_MAX];
    size_t len;
    unsigned weight; /* thousandths */
};

static bool read_lang(struct lang *l, struct slice element)
{
    struct slice tag;

    if (!slice_split(&element, ';', &tag))
        return false;
    tag = slice_trim(tag);
    element = slice_trim(element);
    l->len = tag.len;
    l->weight = 1000;
    if (tag.len == 0 || tag.len > TAG_MAX || (element.len > 0 && !field_weight(element, &l->weight)))
        return false;
    for (size_t i = 0; i < tag.len; i++)
        l->tag[i] = tag.data[i] >= 'A' && tag.data[i] <= 'Z' ? (uint8_t)(tag.data[i] | 0x20) : tag.data[i];
    return true;
}

static bool before(const struct lang *a, const struct lang *b)
{
    size_t n = a->len < b->len ? a->len : b->len;

    if (a->weight != b->weight)
        return a->weight > b->weight;
    int c = memcmp(a->tag, b->tag, n);
    return c != 0 ? c < 0 : a->len < b->len;
}

/* In order of preference, those wanted alike by name. False: it is no such list; nothing is mixed in. */
static bool mix_languages(struct digest *d, const struct fields *request, struct slice name)
{
    struct lang langs[LANGS_MAX];
    struct fields_cursor at = { 0 };
    struct slice element;
    size_t n = 0;

    while (fields_list(request, name, &at, &element)) {
        struct lang l;
        size_t i = n;
        if (n == LANGS_MAX || !read_lang(&l, element))
            return false;
        for (; i > 0 && before(&l, &langs[i - 1]); i--)
            langs[i] = langs[i - 1];
        langs[i] = l;
        n++;
    }
    for (size_t i = 0; i < n; i++) {
        uint8_t weight[2] = { (uint8_t)(langs[i].weight >> 8), (uint8_t)langs[i].weight };
        mix(d, slice_of(langs[i].tag, langs[i].len));
        mix(d, SLICE_OF(weight));
    }
    return true;
}

/* ---- any field ---- */

/* |listed|: the owner of the content says that it is shown to the origin. */
static void mix_field(struct digest *d, const struct fields *request, struct slice name, bool listed)
{
    struct fields_cursor at = { 0 };
    const struct field *field = request != NULL ? fields_find(request, name) : NULL;
    struct slice element;

    if (field == NULL ||
        !(listed ? forward_may(request, field, FORWARD_SHARED) : forward_passes(request, field, FORWARD_SHARED))) {
        mix(d, SLICE_LIT("absent"));
        return;
    }
    mix(d, SLICE_LIT("present"));
    if (slice_eq_nocase(name, SLICE_LIT("accept-language")) && mix_languages(d, request, name))
        return;
    while (fields_list(request, name, &at, &element))
        mix(d, element);
    mix(d, SLICE_EMPTY); /* no element is empty: the list ends */
}

/* ---- what the policy says ---- */

static void put_names(struct buf *out, char of, const struct dist_names *names)
{
    if (names->which == DIST_NONE)
        return;
    if (out->len > 0)
        buf_add_u8(out, ' ');
    buf_add_u8(out, (uint8_t)of);
    buf_add_u8(out, names->which == DIST_ALL ? '*' : names->which == DIST_LISTED ? '+' : '-');
    for (size_t i = 0; names->which != DIST_ALL && i < names->n; i++) {
        buf_add_str(out, i > 0 ? "," : "");
        buf_add_slice(out, names->names[i]);
    }
}

void vary_policy(struct buf *out, const struct dist_cache *c)
{
    put_names(out, 'f', &c->fields);
    put_names(out, 'c', &c->cookies);
}

/* All fields that count, in their order: what is meant so is not asked for by name. */
static void mix_fields(struct digest *d, const struct fields *request, const struct dist_names *names)
{
    for (size_t i = 0; request != NULL && i < request->n; i++) {
        const struct field *f = &request->at[i];
        uint8_t lower[64];
        size_t n = f->name.len < sizeof(lower) ? f->name.len : sizeof(lower);
        if (!dist_named(names, f->name, true) || !forward_passes(request, f, FORWARD_SHARED))
            continue;
        for (size_t c = 0; c < n; c++)
            lower[c] = f->name.data[c] >= 'A' && f->name.data[c] <= 'Z' ? f->name.data[c] | 0x20 : f->name.data[c];
        mix(d, slice_of(lower, n));
        mix(d, slice_from(f->name, n));
        mix(d, f->value);
    }
}

/* One word of VARY_POLICY. What is not well formed counts nothing: only who signed the head could have said so. */
static void mix_word(struct digest *d, const struct fields *request, struct slice word)
{
    struct slice list[DIST_NAMES_MAX], rest = slice_from(word, 2);
    struct dist_names names = { .which = DIST_ALL, .names = list };

    if (word.len < 2)
        return;
    if (word.data[1] != '*')
        names.which = word.data[1] == '+' ? DIST_LISTED : DIST_ALL_BUT;
    while (names.which != DIST_ALL && names.n < DIST_NAMES_MAX && slice_split(&rest, ',', &list[names.n]))
        names.n++;
    mix(d, slice_head(word, 2));
    if (word.data[0] == 'c') {
        struct buf line = BUF_EMPTY;
        cookies_put(&line, request, &names, NULL);
        mix(d, buf_slice(&line)); /* without memory: as if there were none, which is another variant at the worst */
        buf_free(&line);
        return;
    }
    for (size_t i = 0; names.which == DIST_LISTED && i < names.n; i++)
        mix_field(d, request, list[i], true);
    if (names.which != DIST_LISTED)
        mix_fields(d, request, &names);
}

bool vary_names(const struct fields *response)
{
    struct fields_cursor at = { 0 };
    struct slice name;

    return fields_list(response, SLICE_LIT("vary"), &at, &name) || fields_find(response, VARY_POLICY) != NULL;
}

void vary_digest(struct digest *out, const struct fields *response, const struct fields *request)
{
    struct fields_cursor at = { 0 };
    const struct field *policy = fields_find(response, VARY_POLICY);
    struct slice name, rest, word;

    *out = (struct digest){ { 0 } };
    while (fields_list(response, SLICE_LIT("vary"), &at, &name))
        mix_field(out, request, name, false);
    for (rest = policy != NULL ? policy->value : SLICE_EMPTY; slice_split(&rest, ' ', &word);)
        mix_word(out, request, word);
}
