#include "node/sf/sf.h"

#include <assert.h>

#include "node/sf/chars.h"
#include "proto/base/err.h"

#define INTEGER_DIGITS 15
#define DECIMAL_DIGITS 12 /* before the point */

/* ---- bytes ---- */

static bool next_is(struct slice s, uint8_t c)
{
    return s.len > 0 && s.data[0] == c;
}

static bool skip(struct slice *s, uint8_t c)
{
    if (!next_is(*s, c))
        return false;
    *s = slice_from(*s, 1);
    return true;
}

static void skip_sp(struct slice *s)
{
    while (skip(s, ' '))
        continue;
}

static void skip_ows(struct slice *s)
{
    while (skip(s, ' ') || skip(s, '\t'))
        continue;
}

static struct slice take(struct slice *s, size_t n)
{
    struct slice taken = slice_head(*s, n);

    *s = slice_from(*s, n);
    return taken;
}

/* ---- UTF-8, byte by byte: how many are owed, and between what the next one must lie ---- */

struct utf8 {
    unsigned owed;
    uint8_t low, high;
};

static bool utf8_byte(struct utf8 *u, uint8_t c)
{
    if (u->owed > 0) {
        if (c < u->low || c > u->high)
            return false;
        u->owed--;
    } else if (c < 0x80) {
        return true;
    } else if (c >= 0xC2 && c <= 0xDF) {
        u->owed = 1;
    } else if (c >= 0xE0 && c <= 0xEF) {
        u->owed = 2;
    } else if (c >= 0xF0 && c <= 0xF4) {
        u->owed = 3;
    } else {
        return false;
    }
    /* Longer forms than needed, surrogates, and what is beyond Unicode show in the second byte. */
    u->low = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80;
    u->high = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
    return true;
}

bool sf_utf8(struct slice text)
{
    struct utf8 u = { 0, 0, 0 };

    for (size_t i = 0; i < text.len; i++) {
        if (!utf8_byte(&u, text.data[i]))
            return false;
    }
    return u.owed == 0;
}

/* ---- bare items (RFC 9651 section 4.2.3.1): each takes its bytes off |*s|, or returns false ---- */

static int64_t digits_value(struct slice digits)
{
    int64_t v = 0;

    for (size_t i = 0; i < digits.len; i++)
        v = v * 10 + (digits.data[i] - '0');
    return v;
}

static bool number(struct slice *s, struct sf_value *v)
{
    bool negative = skip(s, '-');
    struct slice whole = take(s, chars_span(*s, CHARS_DIGIT)), part = SLICE_EMPTY;

    v->type = SF_INTEGER;
    if (whole.len == 0 || whole.len > INTEGER_DIGITS)
        return false;
    v->number = digits_value(whole);
    if (skip(s, '.')) {
        v->type = SF_DECIMAL;
        part = take(s, chars_span(*s, CHARS_DIGIT));
        if (whole.len > DECIMAL_DIGITS || part.len == 0 || part.len > 3)
            return false;
        static const int64_t scale[] = { 0, 100, 10, 1 };
        v->number = v->number * 1000 + digits_value(part) * scale[part.len];
    }
    if (negative)
        v->number = -v->number;
    return true;
}

static bool date(struct slice *s, struct sf_value *v)
{
    *s = slice_from(*s, 1);
    if (!number(s, v) || v->type != SF_INTEGER)
        return false;
    v->type = SF_DATE;
    return true;
}

static bool string(struct slice *s, struct sf_value *v)
{
    struct slice in = slice_from(*s, 1);

    for (size_t i = 0; i < in.len; i++) {
        uint8_t c = in.data[i];
        if (c == '"') {
            v->type = SF_STRING;
            v->text = take(&in, i);
            *s = slice_from(in, 1);
            return true;
        }
        if (c < 0x20 || c > 0x7E)
            return false;
        if (c == '\\' && (++i == in.len || (in.data[i] != '"' && in.data[i] != '\\')))
            return false;
    }
    return false;
}

static int lower_hex(uint8_t c)
{
    return c >= 'A' && c <= 'F' ? -1 : hex_digit(c);
}

/* The byte that the escape at |in|'s byte |i| stands for, or -1. */
static int escaped(struct slice in, size_t i)
{
    if (in.len - i < 3)
        return -1;
    int high = lower_hex(in.data[i + 1]), low = lower_hex(in.data[i + 2]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

static bool display(struct slice *s, struct sf_value *v)
{
    struct slice in = slice_from(*s, 1);
    struct utf8 u = { 0, 0, 0 };

    if (!skip(&in, '"'))
        return false;
    for (size_t i = 0; i < in.len; i++) {
        int c = in.data[i];
        if (c == '"') {
            v->type = SF_DISPLAY;
            v->text = take(&in, i);
            *s = slice_from(in, 1);
            return u.owed == 0;
        }
        if (c < 0x20 || c > 0x7E)
            return false;
        if (c == '%') {
            if ((c = escaped(in, i)) < 0)
                return false;
            i += 2;
        }
        if (!utf8_byte(&u, (uint8_t)c))
            return false;
    }
    return false;
}

static bool token(struct slice *s, struct sf_value *v)
{
    v->type = SF_TOKEN;
    v->text = take(s, 1 + chars_span(slice_from(*s, 1), CHARS_SF_TOKEN));
    return true;
}

static int base64_digit(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (chars_is(c, CHARS_DIGIT))
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static size_t base64_span(struct slice s)
{
    size_t n = 0;

    while (n < s.len && base64_digit(s.data[n]) >= 0)
        n++;
    return n;
}

/* Padding may be left out, and bits that stand for nothing may be set (section 4.2.7). */
static bool bytes(struct slice *s, struct sf_value *v)
{
    struct slice in = slice_from(*s, 1);
    size_t digits = base64_span(in), pad = 0, owed = (4 - digits % 4) % 4;

    v->type = SF_BYTES;
    v->text = take(&in, digits);
    while (skip(&in, '='))
        pad++;
    if (owed == 3 || (pad != 0 && pad != owed) || !skip(&in, ':'))
        return false;
    *s = in;
    return true;
}

static bool boolean(struct slice *s, struct sf_value *v)
{
    *s = slice_from(*s, 1);
    v->type = SF_BOOLEAN;
    v->number = next_is(*s, '1');
    return skip(s, '0') || skip(s, '1');
}

static bool bare_item(struct slice *s, struct sf_value *v)
{
    uint8_t c = s->len > 0 ? s->data[0] : 0;

    *v = (struct sf_value){ .type = SF_BOOLEAN };
    switch (c) {
    case '"': return string(s, v);
    case '*': return token(s, v);
    case ':': return bytes(s, v);
    case '?': return boolean(s, v);
    case '@': return date(s, v);
    case '%': return display(s, v);
    case '-': return number(s, v);
    default: return chars_is(c, CHARS_DIGIT) ? number(s, v) : chars_is(c, CHARS_ALPHA) && token(s, v);
    }
}

/* ---- members ---- */

static bool key_char(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || chars_is(c, CHARS_DIGIT) || c == '_' || c == '-' || c == '.' || c == '*';
}

static bool key_of(struct slice *s, struct slice *key)
{
    size_t n = 0;

    while (n < s->len && key_char(s->data[n]))
        n++;
    *key = take(s, n);
    return n > 0 && (key->data[0] == '*' || (key->data[0] >= 'a' && key->data[0] <= 'z'));
}

bool sf_key(struct slice text)
{
    struct slice key;

    return key_of(&text, &key) && text.len == 0;
}

/* One parameter, its semicolon included. */
static int param(struct slice *s, struct sf_member *m)
{
    *m = (struct sf_member){ .value = { .type = SF_BOOLEAN, .number = 1 } };
    if (!skip(s, ';'))
        return MESH_E_SYNTAX;
    skip_sp(s);
    if (!key_of(s, &m->key) || (skip(s, '=') && !bare_item(s, &m->value)))
        return MESH_E_SYNTAX;
    return 0;
}

static int params(struct slice *s, struct slice *span)
{
    struct slice begin = *s;
    struct sf_member m;
    int err;

    for (unsigned n = 0; next_is(*s, ';'); n++) {
        if (n == SF_PARAMS_MAX)
            return MESH_E_FULL;
        if ((err = param(s, &m)) != 0)
            return err;
    }
    *span = slice_head(begin, begin.len - s->len);
    return 0;
}

static int item(struct slice *s, struct sf_member *m)
{
    return bare_item(s, &m->value) ? params(s, &m->params) : MESH_E_SYNTAX;
}

static int inner_list(struct slice *s, struct sf_member *m)
{
    struct sf_member each;
    struct slice begin = slice_from(*s, 1);
    int err;

    *s = begin;
    for (;;) {
        skip_sp(s);
        m->items = slice_head(begin, begin.len - s->len);
        if (skip(s, ')'))
            break;
        if ((err = item(s, &each)) != 0)
            return err;
        if (!next_is(*s, ' ') && !next_is(*s, ')'))
            return MESH_E_SYNTAX;
    }
    m->inner = true;
    return params(s, &m->params);
}

static int item_or_inner_list(struct slice *s, struct sf_member *m)
{
    return next_is(*s, '(') ? inner_list(s, m) : item(s, m);
}

/* Behind a member: the end, or a comma with another member behind it. */
static int comma(struct slice *s)
{
    skip_ows(s);
    if (s->len == 0)
        return 0;
    if (!skip(s, ','))
        return MESH_E_SYNTAX;
    skip_ows(s);
    return s->len == 0 ? MESH_E_SYNTAX : 0;
}

/* Takes one member and what separates it from the next. */
static int member(enum sf_kind kind, struct slice *s, struct sf_member *m)
{
    int err = 0;

    *m = (struct sf_member){ .value = { .type = SF_BOOLEAN, .number = 1 } };
    switch (kind) {
    case SF_PARAMS: return param(s, m);
    case SF_ITEM:
    case SF_ITEMS:
        err = item(s, m);
        skip_sp(s);
        return err;
    case SF_LIST: err = item_or_inner_list(s, m); break;
    case SF_DICTIONARY:
        if (!key_of(s, &m->key))
            return MESH_E_SYNTAX;
        err = skip(s, '=') ? item_or_inner_list(s, m) : params(s, &m->params);
        break;
    }
    return err != 0 ? err : comma(s);
}

/* ---- cursors ---- */

static struct sf_cursor cursor(enum sf_kind kind, struct slice all)
{
    skip_sp(&all);
    return (struct sf_cursor){ .kind = kind, .all = all, .rest = all };
}

static void checked_member(enum sf_kind kind, struct slice *s, struct sf_member *m)
{
    int err = member(kind, s, m);

    assert(err == 0); /* sf_open has seen it */
}

static bool key_less(struct slice a, struct slice b)
{
    int order = memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);
    return order < 0 || (order == 0 && a.len < b.len);
}

static void swap(struct slice *a, struct slice *b)
{
    struct slice was = *a;

    *a = *b;
    *b = was;
}

static void sift_down(struct slice *keys, size_t at, size_t n)
{
    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && key_less(keys[child], keys[child + 1]))
            child++;
        if (!key_less(keys[at], keys[child]))
            return;
        swap(&keys[at], &keys[child]);
    }
}

/* A heap sort: no memory, and no order that makes it slow. */
static void sort_keys(struct slice *keys, size_t n)
{
    for (size_t i = n / 2; i-- > 0;)
        sift_down(keys, i, n);
    for (size_t end = n; end-- > 1;) {
        swap(&keys[0], &keys[end]);
        sift_down(keys, 0, end);
    }
}

/* How many members of |s|, a dictionary's or parameters that are checked already, have a key of their own; |*n|: of so
 * many. */
static size_t different_keys(enum sf_kind kind, struct slice s, size_t *n)
{
    struct slice keys[SF_DICTIONARY_MAX];
    struct sf_member m;
    size_t different = 0;

    for (*n = 0; s.len > 0; keys[(*n)++] = m.key)
        checked_member(kind, &s, &m);
    sort_keys(keys, *n);
    for (size_t i = 0; i < *n; i++)
        different += i == 0 || !slice_eq(keys[i - 1], keys[i]);
    return different;
}

/* Sets |c->repeats|. MESH_E_FULL: too many different keys for that. */
static int find_repeats(struct sf_cursor *c)
{
    size_t n, different = different_keys(c->kind, c->all, &n);

    c->repeats = different < n;
    return c->repeats && different > SF_REPEATING_MAX ? MESH_E_FULL : 0;
}

static int check_params(struct slice params)
{
    struct sf_cursor c = cursor(SF_PARAMS, params);

    return params.len > 0 ? find_repeats(&c) : 0;
}

/* Of a member that is well formed: its parameters, and those of an inner list's items. */
static int check_repeats(const struct sf_member *m)
{
    struct slice items = m->items;
    struct sf_member each;
    int err = check_params(m->params);

    while (err == 0 && items.len > 0) {
        skip_sp(&items);
        if (items.len == 0)
            break;
        checked_member(SF_ITEMS, &items, &each);
        err = check_params(each.params);
    }
    return err;
}

void sf_join(struct buf *out, const struct slice *lines, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_add_str(out, ", ");
        buf_add_slice(out, lines[i]);
    }
}

int sf_open(struct sf_cursor *c, enum sf_kind kind, struct slice field)
{
    struct sf_member m;
    int err;

    assert(kind == SF_ITEM || kind == SF_LIST || kind == SF_DICTIONARY);
    *c = cursor(kind, SLICE_EMPTY);
    struct sf_cursor whole = cursor(kind, field);
    if (kind == SF_ITEM) {
        if ((err = member(kind, &whole.rest, &m)) != 0 || whole.rest.len > 0)
            return err != 0 ? err : MESH_E_SYNTAX;
        if ((err = check_repeats(&m)) != 0)
            return err;
    }
    for (unsigned n = 0; whole.rest.len > 0; n++) {
        if (kind == SF_DICTIONARY && n == SF_DICTIONARY_MAX)
            return MESH_E_FULL;
        if ((err = member(kind, &whole.rest, &m)) != 0 || (err = check_repeats(&m)) != 0)
            return err;
    }
    if (kind == SF_DICTIONARY && (err = find_repeats(&whole)) != 0)
        return err;
    whole.rest = whole.all;
    *c = whole;
    return 0;
}

/* The last member called |key| in |s|. */
static bool last_of(enum sf_kind kind, struct slice s, struct slice key, struct sf_member *m)
{
    struct sf_member each;
    bool found = false;

    while (s.len > 0) {
        checked_member(kind, &s, &each);
        if (slice_eq(each.key, key)) {
            *m = each;
            found = true;
        }
    }
    return found;
}

/* Is there a member called |key| before |end|? */
static bool was_before(const struct sf_cursor *c, struct slice key, const uint8_t *end)
{
    struct slice s = c->all;
    struct sf_member each;

    while (s.data != end) {
        checked_member(c->kind, &s, &each);
        if (slice_eq(each.key, key))
            return true;
    }
    return false;
}

bool sf_next(struct sf_cursor *c, struct sf_member *m)
{
    while (c->rest.len > 0) {
        const uint8_t *here = c->rest.data;
        checked_member(c->kind, &c->rest, m);
        if (!c->repeats)
            return true;
        if (was_before(c, m->key, here))
            continue;
        (void)last_of(c->kind, c->rest, m->key, m);
        return true;
    }
    return false;
}

struct sf_cursor sf_items(const struct sf_member *m)
{
    return cursor(SF_ITEMS, m->items);
}

struct sf_cursor sf_params(const struct sf_member *m)
{
    struct sf_cursor c = cursor(SF_PARAMS, m->params);

    if (c.all.len > 0)
        (void)find_repeats(&c); /* sf_open has seen that there are not too many */
    return c;
}

bool sf_find(const struct sf_cursor *c, struct slice key, struct sf_member *m)
{
    return last_of(c->kind, c->all, key, m);
}

/* ---- texts ---- */

static void base64_text(struct buf *out, struct slice s)
{
    uint32_t bits = 0;
    unsigned n = 0;

    for (size_t i = 0; i < s.len; i++) {
        bits = bits << 6 | (uint32_t)base64_digit(s.data[i]);
        n += 6;
        if (n >= 8) {
            n -= 8;
            buf_add_u8(out, (uint8_t)(bits >> n));
        }
    }
}

void sf_text(struct buf *out, const struct sf_value *v)
{
    struct slice s = v->text;

    if (v->type == SF_BYTES) {
        base64_text(out, s);
        return;
    }
    for (size_t i = 0; i < s.len; i++) {
        if (v->type == SF_STRING && s.data[i] == '\\') {
            i++;
        } else if (v->type == SF_DISPLAY && s.data[i] == '%') {
            buf_add_u8(out, (uint8_t)escaped(s, i));
            i += 2;
            continue;
        }
        buf_add_u8(out, s.data[i]);
    }
}
