#include "node/dist/faults.h"

#include <stdarg.h>
#include <stdio.h>

void fault(struct faults *f, struct mark at, const char *fmt, ...)
{
    char line[1024];
    va_list args;

    if (f->n > FAULTS_MAX)
        return;
    if (f->n == FAULTS_MAX) {
        buf_addf(f->text, "%s: and more: they are said when these are mended.\n", f->file);
        f->n++;
        return;
    }
    va_start(args, fmt);
    vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);
    if (at.line == 0)
        buf_addf(f->text, "%s: %s\n", f->file, line);
    else
        buf_addf(f->text, "%s:%u:%u: %s\n", f->file, at.line, at.column, line);
    f->n++;
}

bool faults_enough(const struct faults *f)
{
    return f->n > FAULTS_MAX;
}

const char *fault_quoted(struct slice text, char out[FAULT_QUOTED_MAX])
{
    size_t n = 0;

    out[n++] = '"';
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (n > FAULT_QUOTED_MAX - 10 && (c & 0xc0) != 0x80) { /* not in the midst of a character */
            n += (size_t)snprintf(out + n, 4, "...");
            break;
        }
        out[n++] = c < 0x20 || c == 0x7f ? ' ' : (char)c;
    }
    out[n++] = '"';
    out[n] = 0;
    return out;
}

/* Optimal string alignment distance (one transposition counts one), for short words. */
static size_t distance(struct slice a, struct slice b)
{
    enum { WORD_MAX = 40 };
    size_t row[3][WORD_MAX + 1];
    size_t n = a.len, m = b.len;

    if (n > WORD_MAX || m > WORD_MAX)
        return SIZE_MAX;
    for (size_t j = 0; j <= m; j++)
        row[0][j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t *now = row[i % 3], *before = row[(i - 1) % 3], *two = row[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t best = before[j - 1] + (a.data[i - 1] != b.data[j - 1]);
            if (before[j] + 1 < best)
                best = before[j] + 1;
            if (now[j - 1] + 1 < best)
                best = now[j - 1] + 1;
            if (i > 1 && j > 1 && a.data[i - 1] == b.data[j - 2] && a.data[i - 2] == b.data[j - 1] &&
                two[j - 2] + 1 < best)
                best = two[j - 2] + 1;
            now[j] = best;
        }
    }
    return row[n % 3][m];
}

/* Is |name| nearer to |word| than |*best|, and near enough? */
static bool nearer(struct slice word, struct slice name, size_t *best)
{
    size_t d = distance(word, name);
    size_t longer = name.len > word.len ? name.len : word.len;

    if (d >= *best || d > (longer < 6 ? 1 : longer / 3))
        return false;
    *best = d;
    return true;
}

const char *nearest_name(struct slice word, const char *const *names, size_t n, size_t stride)
{
    const char *nearest = NULL;
    size_t best = SIZE_MAX;

    for (size_t i = 0; i < n; i++) {
        const char *name = *(const char *const *)(const void *)((const char *)names + i * stride);
        if (nearer(word, slice_str(name), &best))
            nearest = name;
    }
    return nearest;
}

const struct slice *nearest_slice(struct slice word, const void *names, size_t n, size_t stride)
{
    const struct slice *nearest = NULL;
    size_t best = SIZE_MAX;

    for (size_t i = 0; i < n; i++) {
        const struct slice *name = (const void *)((const char *)names + i * stride);
        if (nearer(word, *name, &best))
            nearest = name;
    }
    return nearest;
}
