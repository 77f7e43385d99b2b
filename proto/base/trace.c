#include "proto/base/trace.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

void trace_f(const struct trace *t, mesh_ns now, const char *fmt, ...)
{
    char text[512];
    va_list ap;

    if (t->emit == NULL)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    t->emit(t->ctx, now, text);
}
