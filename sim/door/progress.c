#include "sim/door/progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

static int64_t clock_s(void)
{
    struct timespec t;

    return clock_gettime(CLOCK_MONOTONIC, &t) == 0 ? (int64_t)t.tv_sec : 0;
}

void progress_begin(struct progress *p)
{
    *p = (struct progress){ .terminal = isatty(STDERR_FILENO) != 0, .began = clock_s() };
    p->told = p->began;
}

void progress_moment(void *ctx, mesh_ns now, mesh_ns time)
{
    struct progress *p = ctx;
    int64_t at = p->terminal ? clock_s() : p->told;

    if (at == p->told || now <= 0)
        return;
    p->told = at;
    int64_t ms = now / MS(1), left = now < time ? (time - now) / MS(1) : 0;
    fprintf(stderr, "\r\033[K%lld of %lld s on virtual time, some %lld s to go", (long long)(now / SEC(1)),
            (long long)(time / SEC(1)), (long long)((at - p->began) * left / (ms > 0 ? ms : 1)));
}

void progress_end(struct progress *p)
{
    if (p->terminal && p->told != p->began)
        fprintf(stderr, "\r\033[K");
}
