#include "sim/hunt/trace_diff.h"

#include <stdio.h>

void trace_diff_init(struct trace_diff *d)
{
    memset(d, 0, sizeof(*d));
}

bool trace_diff_add(struct trace_diff *d, const char *a, const char *b)
{
    const char *const lines[2] = { a, b };

    if (a == NULL && b == NULL)
        return false;
    if (a != NULL && b != NULL && strncmp(a, b, TRACE_DIFF_LINE - 1) == 0) {
        snprintf(d->before[d->same++ % TRACE_DIFF_BEFORE], TRACE_DIFF_LINE, "%s", a);
        return true;
    }
    d->differs = true;
    for (size_t i = 0; i < 2; i++) {
        d->ended[i] = lines[i] == NULL;
        snprintf(d->lines[i], TRACE_DIFF_LINE, "%s", lines[i] != NULL ? lines[i] : "");
    }
    return false;
}

void trace_diff_put(const struct trace_diff *d, const char *const names[2], struct buf *out)
{
    if (!d->differs) {
        buf_addf(out, "no difference in %llu events\n", (unsigned long long)d->same);
        return;
    }
    buf_addf(out, "They differ in event %llu:\n\n", (unsigned long long)d->same + 1);
    uint64_t from = d->same > TRACE_DIFF_BEFORE ? d->same - TRACE_DIFF_BEFORE : 0;
    for (uint64_t i = from; i < d->same; i++)
        buf_addf(out, "      %s\n", d->before[i % TRACE_DIFF_BEFORE]);
    for (size_t i = 0; i < 2; i++)
        buf_addf(out, "  %c   %s\n", i == 0 ? '-' : '+', d->ended[i] ? "(it has ended)" : d->lines[i]);
    buf_addf(out, "\n  - %s\n  + %s\n", names[0], names[1]);
}
