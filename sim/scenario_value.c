#include "sim/scenario_value.h"

#include "proto/base/err.h"

bool node_set_has(const struct node_set *s, uint32_t node)
{
    return (s->bits[node / 8] >> (node % 8) & 1) != 0;
}

/* "12", "12.5" times |scale|, exactly: more digits than that are refused. */
static int scaled(struct slice text, uint64_t scale, uint64_t *out)
{
    struct slice rest = text, whole, part = SLICE_EMPTY;
    uint64_t value, fraction = 0;
    int err;

    slice_split(&rest, '.', &whole);
    bool has_part = rest.data != NULL;
    if (has_part)
        part = rest;
    if ((err = slice_u64(whole, &value)) != 0)
        return err;
    if (value > UINT64_MAX / scale)
        return MESH_E_RANGE;
    value *= scale;
    if (has_part) {
        if ((err = slice_u64(part, &fraction)) != 0)
            return err;
        for (size_t i = 0; i < part.len; i++) {
            if (scale % 10 != 0)
                return MESH_E_RANGE;
            scale /= 10;
        }
        if (fraction > 0 && value > UINT64_MAX - fraction * scale)
            return MESH_E_RANGE;
        value += fraction * scale;
    }
    *out = value;
    return 0;
}

struct unit {
    const char *name;
    uint64_t scale;
};

static int with_unit(struct slice text, const struct unit *units, size_t n, uint64_t *out)
{
    size_t digits = 0;

    while (digits < text.len && ((text.data[digits] >= '0' && text.data[digits] <= '9') || text.data[digits] == '.'))
        digits++;
    struct slice unit = slice_from(text, digits);
    for (size_t i = 0; i < n; i++) {
        if (slice_eq(unit, slice_str(units[i].name)))
            return scaled(slice_head(text, digits), units[i].scale, out);
    }
    return MESH_E_SYNTAX;
}

static const struct unit times[] = {
    { "s", SEC(1) }, { "ms", MS(1) }, { "m", SEC(60) }, { "h", SEC(3600) }, { "us", US(1) }, { "ns", 1 },
};
static const struct unit sizes[] = {
    { "", 1 }, { "B", 1 }, { "KiB", 1 << 10 }, { "MiB", 1 << 20 }, { "GiB", 1 << 30 },
};

static const char *const modes[] = { "hedgerow", "swim", "lifeguard" };

/* |text| as one of |words|: its number. */
static int one_of(const char *const *words, size_t n, struct slice text, uint64_t *out)
{
    for (size_t i = 0; i < n; i++) {
        if (slice_eq(text, slice_str(words[i]))) {
            *out = i;
            return 0;
        }
    }
    return MESH_E_SYNTAX;
}

int value_parse(enum setting_kind kind, struct slice text, uint64_t *out)
{
    switch (kind) {
    case SETTING_COUNT: return slice_u64(text, out);
    case SETTING_TIME: return with_unit(text, times, sizeof(times) / sizeof(times[0]), out);
    case SETTING_MS: return scaled(text, MS(1), out);
    case SETTING_PCT: return scaled(text, 10000, out);
    case SETTING_DECIMAL: return scaled(text, 1000000, out);
    case SETTING_SIZE: return with_unit(text, sizes, sizeof(sizes) / sizeof(sizes[0]), out);
    case SETTING_FLAG:
        if (!slice_eq(text, SLICE_LIT("yes")) && !slice_eq(text, SLICE_LIT("no")))
            return MESH_E_SYNTAX;
        *out = text.len == 3;
        return 0;
    case SETTING_MODE: return one_of(modes, sizeof(modes) / sizeof(modes[0]), text, out);
    case SETTING_EVICTION: return one_of(evict_policy_words, EVICT_POLICIES_N, text, out);
    }
    return MESH_E_SYNTAX;
}

const char *value_kind_text(enum setting_kind kind)
{
    switch (kind) {
    case SETTING_COUNT: return "a whole number";
    case SETTING_TIME: return "a time such as 60s, 250ms or 2m";
    case SETTING_MS: return "milliseconds such as 15 or 0.5";
    case SETTING_PCT: return "per cent such as 2 or 0.5";
    case SETTING_DECIMAL: return "a number such as 1 or 0.85";
    case SETTING_SIZE: return "a size such as 4096 or 64KiB";
    case SETTING_FLAG: return "yes or no";
    case SETTING_MODE: return "hedgerow, swim or lifeguard";
    case SETTING_EVICTION: return "s3-fifo-size, s3-fifo, sieve or lru";
    }
    return "";
}

/* The largest unit that needs no fraction. */
static void put_with_unit(struct buf *out, const struct unit *units, size_t n, uint64_t value)
{
    const struct unit *best = NULL;

    for (size_t i = 0; i < n; i++) {
        if (value % units[i].scale == 0 && (best == NULL || units[i].scale > best->scale))
            best = &units[i];
    }
    if (value == 0)
        best = &units[0];
    buf_addf(out, "%llu%s", (unsigned long long)(value / best->scale), best->name);
}

/* |value| / |scale| as a decimal, final zeros dropped. */
static void put_scaled(struct buf *out, uint64_t value, uint64_t scale)
{
    buf_addf(out, "%llu", (unsigned long long)(value / scale));
    uint64_t rest = value % scale;
    if (rest == 0)
        return;
    buf_add_u8(out, '.');
    while (rest > 0) {
        scale /= 10;
        buf_add_u8(out, (uint8_t)('0' + rest / scale));
        rest %= scale;
    }
}

void scenario_put_value(struct buf *out, enum setting_kind kind, uint64_t value)
{
    switch (kind) {
    case SETTING_COUNT: buf_addf(out, "%llu", (unsigned long long)value); break;
    case SETTING_TIME: put_with_unit(out, times, sizeof(times) / sizeof(times[0]), value); break;
    case SETTING_MS: put_scaled(out, value, MS(1)); break;
    case SETTING_PCT: put_scaled(out, value, 10000); break;
    case SETTING_DECIMAL: put_scaled(out, value, 1000000); break;
    case SETTING_SIZE: put_with_unit(out, sizes, sizeof(sizes) / sizeof(sizes[0]), value); break;
    case SETTING_FLAG: buf_add_str(out, value != 0 ? "yes" : "no"); break;
    case SETTING_MODE: buf_add_str(out, modes[value]); break;
    case SETTING_EVICTION: buf_add_str(out, evict_policy_words[value]); break;
    }
}

/* ---- nodes ---- */

static int node_number(struct slice text, uint64_t *out)
{
    if (text.len > 1 && text.data[0] == 'n')
        text = slice_from(text, 1);
    int err = slice_u64(text, out);
    if (err != 0)
        return err;
    return *out >= 1 && *out <= SIM_NODES_MAX ? 0 : MESH_E_RANGE;
}

int nodes_parse(struct slice text, struct node_set *out)
{
    struct slice rest = text, part;
    int err;

    memset(out, 0, sizeof(*out));
    if (slice_eq(text, SLICE_LIT("all"))) {
        out->by = NODES_ALL;
        return 0;
    }
    slice_split(&rest, ':', &part);
    if (rest.data != NULL) {
        if (slice_eq(part, SLICE_LIT("zone")))
            out->by = NODES_ZONE;
        else if (slice_eq(part, SLICE_LIT("region")))
            out->by = NODES_REGION;
        else if (slice_eq(part, SLICE_LIT("owner")))
            out->by = NODES_OWNER;
        else
            return MESH_E_SYNTAX;
        return slice_u64(rest, &out->number);
    }
    out->by = NODES_LIST;
    rest = text;
    while (slice_split(&rest, ',', &part)) {
        struct slice to = part, from;
        uint64_t first, last;
        slice_split(&to, '-', &from);
        if ((err = node_number(from, &first)) != 0)
            return err;
        last = first;
        if (to.data != NULL && (err = node_number(to, &last)) != 0)
            return err;
        if (last < first)
            return MESH_E_RANGE;
        for (uint64_t i = first - 1; i < last; i++)
            out->bits[i / 8] |= (uint8_t)(1u << (i % 8));
    }
    return 0;
}

void nodes_put(struct buf *out, const struct node_set *s)
{
    const char *comma = "";

    switch (s->by) {
    case NODES_ALL: buf_add_str(out, "all"); return;
    case NODES_ZONE: buf_addf(out, "zone:%llu", (unsigned long long)s->number); return;
    case NODES_REGION: buf_addf(out, "region:%llu", (unsigned long long)s->number); return;
    case NODES_OWNER: buf_addf(out, "owner:%llu", (unsigned long long)s->number); return;
    case NODES_LIST: break;
    }
    for (uint32_t i = 0; i < SIM_NODES_MAX; i++) {
        uint32_t end = i;
        if (!node_set_has(s, i))
            continue;
        while (end + 1 < SIM_NODES_MAX && node_set_has(s, end + 1))
            end++;
        if (end == i)
            buf_addf(out, "%s%u", comma, i + 1);
        else
            buf_addf(out, "%s%u-%u", comma, i + 1, end + 1);
        comma = ",";
        i = end;
    }
}

/* ---- the nearest word ---- */

#define WORD_MAX 32

/* Levenshtein's distance, one row at a time. */
static size_t edits(struct slice a, struct slice b)
{
    size_t row[WORD_MAX + 1];

    for (size_t j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t above = row[j];
            size_t best = diagonal + (a.data[i - 1] != b.data[j - 1]);
            if (above + 1 < best)
                best = above + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
            diagonal = above;
        }
    }
    return row[b.len];
}

const char *word_near(struct slice text, word_name word, const struct vocabulary *words, size_t n)
{
    const char *best = NULL;
    size_t best_edits = 4;

    if (text.len > WORD_MAX)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        const char *name = word(words, i);
        if (name == NULL)
            continue;
        struct slice w = slice_str(name);
        size_t d = w.len <= WORD_MAX ? edits(text, w) : WORD_MAX;
        if (d < best_edits && d < w.len) {
            best_edits = d;
            best = name;
        }
    }
    return best;
}
