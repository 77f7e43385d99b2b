/* Reading a tree by the schema: fields in the order of the table, so that what is referred to is there before what
 * refers. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "node/dist/schema.h"
#include "node/sf/chars.h"

/* ---- saying what is wrong ---- */

void read_enter(struct reader *r, const char *name, size_t index)
{
    assert(r->depth < SCHEMA_PATH_MAX);
    r->path[r->depth].name = name;
    r->path[r->depth++].index = index;
}

void read_leave(struct reader *r)
{
    r->depth--;
}

static void say_path(const struct reader *r, struct buf *out)
{
    for (size_t i = 0; i < r->depth; i++) {
        if (r->path[i].name != NULL)
            buf_addf(out, "%s%s", i > 0 ? "." : "", r->path[i].name);
        if (r->path[i].index != SIZE_MAX)
            buf_addf(out, "[%zu]", r->path[i].index);
    }
}

static __attribute__((format(printf, 4, 0))) void say(struct reader *r, struct mark at, const char *field,
                                                      const char *fmt, va_list args)
{
    struct buf path = BUF_EMPTY;
    char what[768];

    vsnprintf(what, sizeof(what), fmt, args);
    say_path(r, &path);
    if (field != NULL)
        buf_addf(&path, "%s%s", path.len > 0 ? "." : "", field);
    fault(r->faults, at, "%.*s: %s", (int)path.len, path.data != NULL ? (const char *)path.data : "", what);
    buf_free(&path);
}

bool wrong(struct reader *r, const struct tree *n, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    say(r, n->mark, NULL, fmt, args);
    va_end(args);
    return false;
}

bool wrong_field(struct reader *r, const struct tree *n, const char *name, const char *fmt, ...)
{
    const struct tree *part = n->kind == TREE_MAP ? tree_part(n, name) : NULL;
    va_list args;

    va_start(args, fmt);
    say(r, part != NULL ? part->mark : n->mark, name, fmt, args);
    va_end(args);
    return false;
}

static void list_words(struct buf *out, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_addf(out, "%s%s", i == 0 ? "" : i + 1 < n ? ", " : " or ", words[i]);
}

bool wrong_choice(struct reader *r, const struct tree *n, const char *const *words, size_t count)
{
    char quoted[FAULT_QUOTED_MAX];
    struct buf list = BUF_EMPTY;
    const char *near = n->kind == TREE_SCALAR ? nearest_name(n->text, words, count, sizeof(*words)) : NULL;

    list_words(&list, words, count);
    buf_add_u8(&list, 0);
    if (n->kind != TREE_SCALAR)
        wrong(r, n, "must be %s, not %s.", buf_ok(&list) ? (const char *)list.data : "", tree_kind_text(n));
    else
        wrong(r, n, "%s must be %s.%s%s%s", fault_quoted(n->text, quoted), buf_ok(&list) ? (const char *)list.data : "",
              near != NULL ? " Did you mean " : "", near != NULL ? near : "", near != NULL ? "?" : "");
    buf_free(&list);
    return false;
}

/* ---- memory ---- */

void *read_get(struct reader *r, size_t n, size_t size)
{
    void *p = dist_arena_get(r->arena, n, size);

    if (p == NULL)
        fault(r->faults, (struct mark){ 0 }, "out of memory.");
    return p;
}

bool read_copy(struct reader *r, struct slice s, struct slice *out)
{
    *out = dist_arena_copy(r->arena, s);
    if (!dist_arena_ok(r->arena))
        fault(r->faults, (struct mark){ 0 }, "out of memory.");
    return dist_arena_ok(r->arena);
}

/* ---- single values ---- */

bool read_scalar(struct reader *r, const struct tree *n, const char *what)
{
    bool nothing = n->kind == TREE_SCALAR && n->plain &&
                   (n->text.len == 0 || slice_eq(n->text, SLICE_LIT("~")) || slice_eq(n->text, SLICE_LIT("null")));

    if (n->kind == TREE_SCALAR && !nothing)
        return true;
    return wrong(r, n, "must be %s, not %s.", what, nothing ? "nothing" : tree_kind_text(n));
}

bool read_bool(struct reader *r, const struct tree *n, bool *out)
{
    static const char *const words[] = { "true", "false" };

    if (n->kind == TREE_SCALAR && slice_eq(n->text, SLICE_LIT("true")))
        *out = true;
    else if (n->kind == TREE_SCALAR && slice_eq(n->text, SLICE_LIT("false")))
        *out = false;
    else
        return wrong_choice(r, n, words, 2);
    return true;
}

bool read_number(struct reader *r, const struct tree *n, int64_t min, int64_t max, int64_t *out)
{
    char quoted[FAULT_QUOTED_MAX];
    uint64_t v;

    if (!read_scalar(r, n, "a whole number"))
        return false;
    if (slice_u64(n->text, &v) != 0 || v > INT64_MAX || (int64_t)v < min || (int64_t)v > max)
        return wrong(r, n, "%s must be a whole number from %lld to %lld.", fault_quoted(n->text, quoted),
                     (long long)min, (long long)max);
    *out = (int64_t)v;
    return true;
}

static const struct {
    const char *name;
    int64_t ms;
} units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 } };
#define UNITS_N (sizeof(units) / sizeof(units[0]))

/* Whole milliseconds of "1.5s"; false: it is no time. */
static bool parse_time(struct slice text, int64_t *ms)
{
    uint64_t whole, part = 0, scale = 1;
    size_t digits = chars_span(text, CHARS_DIGIT);
    int64_t unit = 1000;

    if (slice_u64(slice_head(text, digits), &whole) != 0 || whole > UINT64_C(1) << 40)
        return false;
    text = slice_from(text, digits);
    if (text.len > 0 && text.data[0] == '.') {
        text = slice_from(text, 1);
        digits = chars_span(text, CHARS_DIGIT);
        if (digits > 9 || slice_u64(slice_head(text, digits), &part) != 0)
            return false;
        for (size_t i = 0; i < digits; i++)
            scale *= 10;
        text = slice_from(text, digits);
    }
    if (text.len > 0) {
        unit = 0;
        for (size_t i = 0; i < UNITS_N; i++) {
            if (slice_eq(text, slice_str(units[i].name)))
                unit = units[i].ms;
        }
    }
    if (unit == 0 || part * (uint64_t)unit % scale != 0 || whole > (uint64_t)(INT64_MAX / 4 / unit))
        return false;
    *ms = (int64_t)(whole * (uint64_t)unit + part * (uint64_t)unit / scale);
    return true;
}

static void say_time(struct buf *out, int64_t ms)
{
    for (size_t i = UNITS_N; i > 0; i--) {
        if (ms != 0 && ms % units[i - 1].ms == 0) {
            buf_addf(out, "%lld%s", (long long)(ms / units[i - 1].ms), units[i - 1].name);
            return;
        }
    }
    buf_add_str(out, "0");
}

static bool read_ms(struct reader *r, const struct tree *n, int64_t min, int64_t max, int64_t *ms)
{
    char quoted[FAULT_QUOTED_MAX];
    struct buf range = BUF_EMPTY;
    bool ok;

    if (!read_scalar(r, n, "a time, such as 10s"))
        return false;
    ok = parse_time(n->text, ms) && *ms >= min && *ms <= max;
    if (!ok) {
        say_time(&range, min);
        buf_add_str(&range, " to ");
        say_time(&range, max);
        wrong(r, n, "%s must be a time from %.*s, such as 30 or 30s, 200ms, 5m, 1h, 1d.", fault_quoted(n->text, quoted),
              SLICE_FMT(buf_slice(&range)));
        buf_free(&range);
    }
    return ok;
}

bool read_time(struct reader *r, const struct tree *n, mesh_ns min, mesh_ns max, mesh_ns *out)
{
    int64_t ms;

    if (!read_ms(r, n, min / MS(1), max / MS(1), &ms))
        return false;
    *out = MS(ms);
    return true;
}

static bool read_seconds(struct reader *r, const struct tree *n, int64_t min, int64_t max, int64_t *out)
{
    char quoted[FAULT_QUOTED_MAX];
    int64_t ms;

    if (!read_ms(r, n, min * 1000, max * 1000, &ms))
        return false;
    if (ms % 1000 != 0)
        return wrong(r, n, "%s must be whole seconds.", fault_quoted(n->text, quoted));
    *out = ms / 1000;
    return true;
}

/* ---- lists of texts ---- */

static int by_bytes(const void *a, const void *b)
{
    struct slice x = *(const struct slice *)a, y = *(const struct slice *)b;
    size_t len = x.len < y.len ? x.len : y.len;
    int order = len > 0 ? memcmp(x.data, y.data, len) : 0;

    return order != 0 ? order : (x.len > y.len) - (x.len < y.len);
}

static bool check_twice(struct reader *r, const struct tree *n, const struct slice *texts, size_t count)
{
    char quoted[FAULT_QUOTED_MAX];
    struct slice *sorted = malloc((count > 0 ? count : 1) * sizeof(*sorted));
    bool ok = true;

    if (sorted == NULL)
        return wrong(r, n, "out of memory.");
    if (count > 0)
        memcpy(sorted, texts, count * sizeof(*sorted));
    qsort(sorted, count, sizeof(*sorted), by_bytes);
    for (size_t i = 1; i < count && ok; i++) {
        if (slice_eq(sorted[i - 1], sorted[i]))
            ok = wrong(r, n, "%s is there twice.", fault_quoted(sorted[i], quoted));
    }
    free(sorted);
    return ok;
}

bool read_texts(struct reader *r, const struct tree *n, int64_t min, int64_t max,
                bool (*take)(struct reader *, const struct tree *, struct slice *), bool sorted,
                const struct slice **out, size_t *count)
{
    const struct tree *p = n->kind == TREE_LIST ? n->first : n;
    size_t many = n->kind == TREE_LIST ? n->n : 1, i = 0;
    bool ok = true;

    if (n->kind == TREE_MAP)
        return wrong(r, n, "must be a list, not a map.");
    if ((int64_t)many < min || (int64_t)many > max)
        return wrong(r, n, "has %zu entries; %lld to %lld are allowed.", many, (long long)min, (long long)max);
    struct slice *texts = read_get(r, many, sizeof(*texts));
    if (texts == NULL)
        return false;
    for (; i < many; i++, p = p->next) {
        if (n->kind == TREE_LIST)
            read_enter(r, NULL, i);
        ok &= take(r, p, &texts[i]);
        if (n->kind == TREE_LIST)
            read_leave(r);
    }
    if (ok && check_twice(r, n, texts, many)) {
        if (sorted)
            qsort(texts, many, sizeof(*texts), by_bytes);
        *out = texts;
        *count = many;
        return true;
    }
    return false;
}

static bool read_comma(struct reader *r, const struct tree *n, const struct schema_field *f, struct slice *out)
{
    const struct slice *texts;
    struct buf list = BUF_EMPTY;
    size_t count;
    bool ok = read_texts(r, n, f->min, f->max, f->take, false, &texts, &count);

    for (size_t i = 0; ok && i < count; i++) {
        buf_add_str(&list, i > 0 ? ", " : "");
        buf_add_slice(&list, texts[i]);
    }
    ok = ok && buf_ok(&list) && read_copy(r, buf_slice(&list), out);
    buf_free(&list);
    return ok;
}

static bool check_names(struct reader *r, const struct tree *n, const struct dist_names *names)
{
    size_t bytes = 0;

    for (size_t i = 0; i < names->n; i++)
        bytes += names->names[i].len;
    if (bytes > DIST_NAMES_BYTES_MAX)
        return wrong(r, n, "these names have %zu bytes together; %d are allowed.", bytes, DIST_NAMES_BYTES_MAX);
    return true;
}

bool read_names(struct reader *r, const struct tree *n,
                bool (*take)(struct reader *, const struct tree *, struct slice *), struct dist_names *out)
{
    static const char *const words[] = { "none", "all", "a list of names", "{ except: [ names ] }" };
    struct dist_names names = { .which = DIST_LISTED };
    const struct tree *list = n;
    bool ok;

    if (n->kind == TREE_SCALAR) {
        if (slice_eq(n->text, SLICE_LIT("none")) || slice_eq(n->text, SLICE_LIT("all"))) {
            *out = (struct dist_names){ .which = n->text.data[0] == 'n' ? DIST_NONE : DIST_ALL };
            return true;
        }
        return wrong_choice(r, n, words, 4);
    }
    if (n->kind == TREE_MAP) {
        list = n->first;
        if (n->n != 1 || !slice_eq(list->key, SLICE_LIT("except")))
            return wrong_choice(r, n, words, 4);
        names.which = DIST_ALL_BUT;
        read_enter(r, "except", SIZE_MAX);
    }
    ok = read_texts(r, list, 1, DIST_NAMES_MAX, take, true, &names.names, &names.n) && check_names(r, list, &names);
    if (n->kind == TREE_MAP)
        read_leave(r);
    if (ok)
        *out = names;
    return ok;
}

bool read_id(struct reader *r, const struct tree *n, const char *what, const void *things, size_t count, size_t stride,
             uint16_t *out)
{
    char quoted[FAULT_QUOTED_MAX];

    if (!read_scalar(r, n, "an id"))
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct slice *id = (const void *)((const char *)things + i * stride);
        if (slice_eq(*id, n->text)) {
            *out = (uint16_t)i;
            return true;
        }
    }
    const struct slice *near = nearest_slice(n->text, things, count, stride);
    if (near == NULL && count > 0 && count <= 3)
        near = things;
    if (near == NULL)
        return wrong(r, n, "there is no %s %s.", what, fault_quoted(n->text, quoted));
    return wrong(r, n, "there is no %s %s. Did you mean \"%.*s\"?", what, fault_quoted(n->text, quoted),
                 SLICE_FMT(*near));
}

/* ---- fields ---- */

static void put_number(void *at, size_t width, uint64_t v)
{
    switch (width) {
    case 1: *(uint8_t *)at = (uint8_t)v; break;
    case 2: *(uint16_t *)at = (uint16_t)v; break;
    case 4: *(uint32_t *)at = (uint32_t)v; break;
    default: *(uint64_t *)at = v; break;
    }
}

static bool read_word(struct reader *r, const struct tree *n, const struct schema_field *f, void *at)
{
    size_t count = 0;

    while (f->words[count] != NULL)
        count++;
    for (size_t i = 0; i < count && n->kind == TREE_SCALAR; i++) {
        if (slice_eq(n->text, slice_str(f->words[i]))) {
            put_number(at, f->width, i);
            return true;
        }
    }
    return wrong_choice(r, n, f->words, count);
}

/* Where a single value can stand for an entry, it can for a list of one, too. */
static bool read_list(struct reader *r, const struct tree *n, const struct schema_field *f, char *object)
{
    bool one = n->kind == TREE_SCALAR && f->of->scalar != NULL, ok = true;
    size_t many = one ? 1 : n->n, i = 0;

    if (n->kind != TREE_LIST && !one)
        return wrong(r, n, "must be a list, not %s.", tree_kind_text(n));
    if ((int64_t)many < f->min || (int64_t)many > f->max)
        return wrong(r, n, "has %zu entries; %lld to %lld are allowed.", many, (long long)f->min, (long long)f->max);
    char *things = read_get(r, many, f->of->size);
    if (things == NULL)
        return false;
    for (const struct tree *p = one ? n : n->first; i < many && !faults_enough(r->faults); p = p->next, i++) {
        r->path[r->depth - 1].index = i;
        ok &= read_object(r, p, f->of, things + i * f->of->size);
        r->path[r->depth - 1].index = SIZE_MAX;
    }
    /* What was wrong is there, too: so what refers to it is not said to be wrong as well. */
    *(void **)(void *)(object + f->at) = things;
    *(size_t *)(void *)(object + f->count_at) = i;
    return ok;
}

static bool read_field(struct reader *r, const struct tree *n, const struct schema_field *f, void *object)
{
    char *at = (char *)object + f->at;
    int64_t v = 0;

    switch (f->type) {
    case SCHEMA_BOOL: return read_bool(r, n, (bool *)at);
    case SCHEMA_NUMBER:
        if (!read_number(r, n, f->min, f->max, &v))
            return false;
        put_number(at, f->width, (uint64_t)v);
        return true;
    case SCHEMA_TIME: return read_time(r, n, f->min, f->max, (mesh_ns *)(void *)at);
    case SCHEMA_SECONDS: return read_seconds(r, n, f->min, f->max, (int64_t *)(void *)at);
    case SCHEMA_WORD: return read_word(r, n, f, at);
    case SCHEMA_TEXT: return f->take(r, n, (struct slice *)(void *)at);
    case SCHEMA_TEXTS:
        return read_texts(r, n, f->min, f->max, f->take, true, (const struct slice **)(void *)at,
                          (size_t *)(void *)((char *)object + f->count_at));
    case SCHEMA_COMMA: return read_comma(r, n, f, (struct slice *)(void *)at);
    case SCHEMA_NAMES: return read_names(r, n, f->take, (struct dist_names *)(void *)at);
    case SCHEMA_PART:
        if (f->of->scalar != NULL && n->kind != TREE_MAP)
            return f->of->scalar(r, n, at);
        return read_fields(r, n, f->of, at) && (f->of->finish == NULL || f->of->finish(r, n, at));
    case SCHEMA_LIST: return read_list(r, n, f, object);
    default: return f->read(r, n, object);
    }
}

/* What is there, and no field; and what is there twice. */
static bool check_known(struct reader *r, const struct tree *n, const struct schema *s)
{
    char quoted[FAULT_QUOTED_MAX];
    uint64_t seen = 0;
    bool ok = true;

    assert(s->n <= 64);
    for (const struct tree *p = n->first; p != NULL && !faults_enough(r->faults); p = p->next) {
        size_t i = 0;
        while (i < s->n && !slice_eq(p->key, slice_str(s->fields[i].name)))
            i++;
        const struct tree at = { .mark = p->key_mark };
        if (i < s->n && (seen >> i & 1) != 0)
            ok = wrong(r, &at, "%s is there twice.", s->fields[i].name);
        if (i < s->n) {
            seen |= UINT64_C(1) << i;
            continue;
        }
        const char *near = nearest_name(p->key, &s->fields[0].name, s->n, sizeof(s->fields[0]));
        if (near != NULL) {
            ok = wrong(r, &at, "%s has no field %s. Did you mean %s?", s->what, fault_quoted(p->key, quoted), near);
            continue;
        }
        struct buf list = BUF_EMPTY;
        for (i = 0; i < s->n; i++)
            buf_addf(&list, "%s%s", i > 0 ? ", " : "", s->fields[i].name);
        ok = wrong(r, &at, "%s has no field %s; it has %.*s.", s->what, fault_quoted(p->key, quoted),
                   SLICE_FMT(buf_slice(&list)));
        buf_free(&list);
    }
    return ok;
}

bool read_fields(struct reader *r, const struct tree *n, const struct schema *s, void *object)
{
    bool ok;

    if (n->kind != TREE_MAP)
        return wrong(r, n, "must be %s, with fields such as %s, not %s.", s->what, s->fields[0].name,
                     tree_kind_text(n));
    ok = check_known(r, n, s);
    for (size_t i = 0; i < s->n; i++) {
        const struct schema_field *f = &s->fields[i];
        const struct tree *part = tree_part(n, f->name);
        if (part == NULL && f->required) {
            ok = wrong_field(r, n, f->name, "must be given: %s.", f->help);
        } else if (part != NULL || f->always) {
            read_enter(r, f->name, SIZE_MAX);
            ok &= read_field(r, part, f, object);
            read_leave(r);
        }
    }
    return ok;
}

bool read_object(struct reader *r, const struct tree *n, const struct schema *s, void *object)
{
    if (s->init != NULL)
        s->init(object);
    if (s->scalar != NULL && n->kind == TREE_SCALAR)
        return s->scalar(r, n, object);
    return read_fields(r, n, s, object) && (s->finish == NULL || s->finish(r, n, object));
}
