#include "node/core/purge_stamps.h"

#include <stdlib.h>

#include "proto/base/err.h"
#include "proto/base/rand.h"

struct value {
    struct map_node by_hash;
    struct list order;
    struct purge_stamp stamp;
};

int purge_stamps_init(struct purge_stamps *s, const uint8_t hash_key[MAP_KEY_BYTES])
{
    *s = (struct purge_stamps){ .max = PURGE_STAMPS_MAX };
    list_init(&s->all);
    return map_init(&s->by_hash, hash_key);
}

static void drop(struct purge_stamps *s, struct value *v)
{
    map_remove(&s->by_hash, &v->by_hash);
    list_remove(&v->order);
    s->n--;
    free(v);
}

void purge_stamps_fini(struct purge_stamps *s)
{
    if (s->all.next != NULL) {
        LIST_EACH_SAFE (at, &s->all)
            drop(s, OBJ_OF(at, struct value, order));
    }
    map_fini(&s->by_hash);
}

static uint64_t most(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static void widen(struct purge_stamp *out, const struct purge_stamp *by)
{
    out->hard = most(out->hard, by->hard);
    out->soft = most(out->soft, by->soft);
}

static void stamp(struct purge_stamp *out, bool soft, uint64_t position)
{
    if (soft)
        out->soft = most(out->soft, position);
    else
        out->hard = most(out->hard, position);
}

/* What of a distribution is stamped; |salt| 0: of all. */
static uint64_t salt_of(const struct purge_stamps *s, struct slice of)
{
    return of.len > 0 ? rand_mix(map_hash(&s->by_hash, of)) : 0;
}

static uint64_t hash_of(const struct purge_stamps *s, uint64_t salt, enum purge_kind kind, struct slice value)
{
    return map_hash(&s->by_hash, value) ^ rand_mix((uint64_t)kind) ^ salt;
}

static struct value *find(const struct purge_stamps *s, uint64_t hash)
{
    struct map_node *n = map_find(&s->by_hash, hash);
    return n != NULL ? OBJ_OF(n, struct value, by_hash) : NULL;
}

static void set(struct purge_stamps *s, uint64_t salt, enum purge_kind kind, struct slice value, bool soft,
                uint64_t position)
{
    uint64_t hash = hash_of(s, salt, kind, value);
    struct value *v = find(s, hash);

    if (v == NULL) {
        if (s->n >= s->max) {
            struct value *old = OBJ_OF(list_first(&s->all), struct value, order);
            widen(&s->everything, &old->stamp);
            drop(s, old);
        }
        if ((v = calloc(1, sizeof(*v))) == NULL) {
            stamp(&s->everything, soft, position);
            return;
        }
        list_init(&v->order);
        map_insert(&s->by_hash, &v->by_hash, hash);
        s->n++;
    }
    list_remove(&v->order);
    list_push_back(&s->all, &v->order);
    stamp(&v->stamp, soft, position);
}

/* The length that a prefix of |length| is kept with; 0: none is left for it. */
static uint32_t length_for(struct purge_stamps *s, uint32_t length)
{
    size_t at = 0;

    while (at < s->lengths_n && s->lengths[at] < length)
        at++;
    if (at < s->lengths_n && s->lengths[at] == length)
        return length;
    if (s->lengths_n == PURGE_LENGTHS_MAX)
        return at > 0 ? s->lengths[at - 1] : 0;
    memmove(&s->lengths[at + 1], &s->lengths[at], (s->lengths_n - at) * sizeof(s->lengths[0]));
    s->lengths[at] = length;
    s->lengths_n++;
    return length;
}

void purge_stamps_add(struct purge_stamps *s, struct slice of, const struct purge_target *t, bool soft,
                      uint64_t position)
{
    uint64_t salt = salt_of(s, of);
    uint32_t length;

    switch (t->kind) {
    case PURGE_URL: set(s, salt, PURGE_URL, t->value, soft, position); break;
    case PURGE_TAG:
        stamp(&s->tags, soft, position);
        set(s, salt, PURGE_TAG, t->value, soft, position);
        break;
    case PURGE_PREFIX:
        if ((length = length_for(s, (uint32_t)t->value.len)) > 0)
            set(s, salt, PURGE_PREFIX, slice_head(t->value, length), soft, position);
        else
            stamp(&s->everything, soft, position);
        break;
    case PURGE_ALL:
        if (of.len > 0)
            set(s, salt, PURGE_ALL, SLICE_EMPTY, soft, position);
        else
            stamp(&s->everything, soft, position);
        break;
    }
}

/* ---- looking ---- */

/* Of the distribution, and of all. */
static void look(const struct purge_stamps *s, uint64_t salt, enum purge_kind kind, struct slice value,
                 struct purge_stamp *out)
{
    uint64_t of_all = hash_of(s, 0, kind, value);
    const struct value *all = find(s, of_all), *v = salt != 0 ? find(s, of_all ^ salt) : NULL;

    if (all != NULL)
        widen(out, &all->stamp);
    if (v != NULL)
        widen(out, &v->stamp);
}

struct purge_stamp purge_stamps_path(const struct purge_stamps *s, struct slice of, struct slice path)
{
    struct purge_stamp out = s->everything;
    struct slice rest = path, plain;

    if (s->n == 0)
        return out;
    uint64_t salt = salt_of(s, of);
    slice_split(&rest, '?', &plain);
    look(s, salt, PURGE_ALL, SLICE_EMPTY, &out);
    look(s, salt, PURGE_URL, plain, &out);
    if (plain.len < path.len)
        look(s, salt, PURGE_URL, path, &out);
    for (size_t i = 0; i < s->lengths_n && s->lengths[i] <= path.len; i++)
        look(s, salt, PURGE_PREFIX, slice_head(path, s->lengths[i]), &out);
    return out;
}

/* A word of a list, which may be quoted. */
static void look_tag(const struct purge_stamps *s, uint64_t salt, struct slice word, struct purge_stamp *out)
{
    uint8_t lower[PURGE_TAG_MAX];

    if (word.len == 0 || word.len > PURGE_TAG_MAX)
        return;
    for (size_t i = 0; i < word.len; i++) {
        uint8_t c = word.data[i];
        lower[i] = c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
    }
    look(s, salt, PURGE_TAG, slice_of(lower, word.len), out);
}

/* A string of RFC 9651 section 3.3.3 without its quotation marks; parameters behind it do not matter. */
static struct slice unquoted(struct slice item)
{
    struct slice rest = slice_from(item, 1), text;

    if (item.len < 2 || item.data[0] != '"')
        return SLICE_EMPTY;
    return slice_split(&rest, '"', &text) ? text : SLICE_EMPTY;
}

void purge_stamps_fields(const struct purge_stamps *s, struct slice of, const struct fields *fields,
                         struct purge_stamp *out)
{
    static const struct {
        const char *name;
        bool spaced, quoted;
    } lists[] = { { "cache-tag", false, false }, { "surrogate-key", true, false }, { "cache-groups", false, true } };
    uint64_t salt = salt_of(s, of);
    unsigned n = 0;

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        struct fields_cursor at = { 0 };
        struct slice element, word;
        while (n < PURGE_TAGS_EACH && fields_list(fields, slice_str(lists[i].name), &at, &element)) {
            if (lists[i].quoted) {
                look_tag(s, salt, unquoted(element), out);
                n++;
                continue;
            }
            while (n < PURGE_TAGS_EACH && slice_split(&element, lists[i].spaced ? ' ' : ',', &word)) {
                word = slice_trim(word);
                n += word.len > 0;
                look_tag(s, salt, word, out);
            }
        }
    }
}
