/* time.h - time is integer nanoseconds. mesh_ns is monotonic unless a name says
 * wall; cores are told the time and never read a clock. */
#ifndef HEDGEROW_BASE_TIME_H
#define HEDGEROW_BASE_TIME_H

#include <stdint.h>

typedef int64_t mesh_ns;

#define US(n) ((mesh_ns)(n) * 1000)
#define MS(n) ((mesh_ns)(n) * 1000000)
#define SEC(n) ((mesh_ns)(n) * 1000000000)
#define MESH_NS_NEVER INT64_MAX

static inline mesh_ns mesh_ns_min(mesh_ns a, mesh_ns b)
{
    return a < b ? a : b;
}

#endif
