#include "tests/relay/command.h"

#include "proto/base/err.h"

#define WORDS_MAX 3

enum kind {
    MILLISECONDS,
    PERCENT,
    KBPS,
};

/* The faults that are one number. */
static const struct number {
    const char *command, *flag;
    enum kind kind;
    size_t field; /* in struct faults_setting */
} numbers[] = {
    { "delay", "delay-ms", MILLISECONDS, offsetof(struct faults_setting, delay) },
    { "jitter", "jitter-ms", MILLISECONDS, offsetof(struct faults_setting, jitter) },
    { "loss", "loss-pct", PERCENT, offsetof(struct faults_setting, loss_pct) },
    { "reorder", "reorder-pct", PERCENT, offsetof(struct faults_setting, reorder_pct) },
    { "duplicate", "duplicate-pct", PERCENT, offsetof(struct faults_setting, duplicate_pct) },
    { "rate", "rate-kbps", KBPS, offsetof(struct faults_setting, rate_kbps) },
};

static bool is(struct slice s, const char *text)
{
    return slice_eq(s, slice_str(text));
}

static int set_number(struct faults *f, const struct number *n, struct slice value)
{
    void *field = (char *)&f->set + n->field;
    uint64_t v;
    int err = slice_u64(value, &v);

    if (err != 0)
        return err;
    switch (n->kind) {
    case MILLISECONDS:
        if (v > (uint64_t)(FAULTS_DELAY_MAX / MS(1)))
            return MESH_E_RANGE;
        *(mesh_ns *)field = MS(v);
        return 0;
    case PERCENT:
        if (v > 100)
            return MESH_E_RANGE;
        break;
    case KBPS: break;
    }
    *(uint64_t *)field = v;
    return 0;
}

static int read_density(struct slice value, uint64_t *per_mb)
{
    uint64_t v;
    int err = slice_u64(value, &v);

    if (err != 0)
        return err;
    if (v < 1 || v > UINT64_C(8) << 20)
        return MESH_E_RANGE;
    *per_mb = v;
    return 0;
}

static int read_count(struct slice value, uint64_t *count)
{
    if (!is(value, "always"))
        return slice_u64(value, count);
    *count = FAULTS_NO_END;
    return 0;
}

static int set_flips(struct faults *f, const struct slice *words, size_t n)
{
    uint64_t count, per_mb = FAULTS_FLIPS_PER_MB;
    int err;

    if (n < 2)
        return MESH_E_SYNTAX;
    if ((err = read_count(words[1], &count)) != 0 || (n == 3 && (err = read_density(words[2], &per_mb)) != 0))
        return err;
    faults_flips(f, count, per_mb);
    return 0;
}

static int set_cut(struct faults *f, struct slice what)
{
    bool both = is(what, "both"), up = both || is(what, "up"), down = both || is(what, "down");

    if (!up && !down)
        return MESH_E_SYNTAX;
    f->set.cut[FAULTS_UP] |= up;
    f->set.cut[FAULTS_DOWN] |= down;
    return 0;
}

int command_apply(struct faults *f, struct slice line)
{
    struct slice words[WORDS_MAX], word;
    size_t n = 0;

    while (slice_split(&line, ' ', &word)) {
        if (word.len == 0)
            continue;
        if (n == WORDS_MAX)
            return MESH_E_SYNTAX;
        words[n++] = word;
    }
    if (n == 0)
        return MESH_E_UNKNOWN;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        if (is(words[0], numbers[i].command))
            return n == 2 ? set_number(f, &numbers[i], words[1]) : MESH_E_SYNTAX;
    }
    if (is(words[0], "flip"))
        return set_flips(f, words, n);
    if (is(words[0], "cut"))
        return n == 2 ? set_cut(f, words[1]) : MESH_E_SYNTAX;
    if (is(words[0], "half-open") || is(words[0], "heal")) {
        if (n != 1)
            return MESH_E_SYNTAX;
        if (is(words[0], "heal"))
            faults_heal(f);
        else
            f->set.half_open = true;
        return 0;
    }
    return MESH_E_UNKNOWN;
}

bool command_flag_has_value(struct slice name)
{
    return !is(name, "half-open");
}

/* Count and density come one at a time; either alone stands with the other's default. */
static int set_flip_flag(struct faults *f, struct slice name, struct slice value)
{
    uint64_t count = f->set.flips_left > 0 ? f->set.flips_left : FAULTS_NO_END;
    uint64_t per_mb = f->set.flips_per_mb > 0 ? f->set.flips_per_mb : FAULTS_FLIPS_PER_MB;
    int err = is(name, "bitflip-count") ? read_count(value, &count) : read_density(value, &per_mb);

    if (err != 0)
        return err;
    f->set.flips_left = 0;
    faults_flips(f, count, per_mb);
    return 0;
}

int command_flag(struct faults *f, struct slice name, struct slice value)
{
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        if (is(name, numbers[i].flag))
            return set_number(f, &numbers[i], value);
    }
    if (is(name, "bitflip-count") || is(name, "bitflip-per-mb"))
        return set_flip_flag(f, name, value);
    if (is(name, "half-open")) {
        f->set.half_open = true;
        return 0;
    }
    if (!is(name, "one-way"))
        return MESH_E_UNKNOWN;
    if (is(value, "up"))
        f->set.cut[FAULTS_DOWN] = true;
    else if (is(value, "down"))
        f->set.cut[FAULTS_UP] = true;
    else
        return MESH_E_SYNTAX;
    return 0;
}
