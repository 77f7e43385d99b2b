/* trace.h - how a core says what it did. It never prints; the loop at the rim or
 * the simulator decides. No secret enters a trace. */
#ifndef HEDGEROW_BASE_TRACE_H
#define HEDGEROW_BASE_TRACE_H

#include "proto/base/time.h"

struct trace {
    /* |text| is lent for the call; NULL emit means nobody listens. */
    void (*emit)(void *ctx, mesh_ns now, const char *text);
    void *ctx;
};

void trace_f(const struct trace *t, mesh_ns now, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
