#include "sim/door/room.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "sim/amounts.h"
#include "sim/estimate.h"

/* The number behind |name| at the beginning of a line (its first number, where that is ""), UINT64_MAX: there is none.
 */
static uint64_t number_in(const char *path, const char *name)
{
    FILE *f = fopen(path, "r");
    char line[128];
    uint64_t found = UINT64_MAX;

    while (f != NULL && found == UINT64_MAX && fgets(line, sizeof(line), f) != NULL) {
        const char *at = line + strlen(name);
        if (strncmp(line, name, strlen(name)) != 0)
            continue;
        while (*at == ' ')
            at++;
        if (*at >= '0' && *at <= '9')
            found = strtoull(at, NULL, 10);
    }
    if (f != NULL)
        fclose(f);
    return found;
}

/* |limit| less what is |used|, as files say; without a limit all there is. */
static uint64_t left(const char *limit, const char *used)
{
    uint64_t most = number_in(limit, ""), now = number_in(used, "");

    if (most == UINT64_MAX || now == UINT64_MAX)
        return UINT64_MAX;
    return most > now ? most - now : 0;
}

uint64_t room_bytes(void)
{
    uint64_t kib = number_in("/proc/meminfo", "MemAvailable:");
    const uint64_t others[] = {
        left("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        left("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    };
    uint64_t room = kib < UINT64_MAX / 1024 ? kib * 1024 : UINT64_MAX;
    struct rlimit own;

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        room = others[i] < room ? others[i] : room;
    if (getrlimit(RLIMIT_AS, &own) == 0 && own.rlim_cur != RLIM_INFINITY && own.rlim_cur < room)
        room = own.rlim_cur;
    return room;
}

bool room_for(const struct scenario *sc)
{
    uint64_t room = room_bytes(), n;
    char a[AMOUNT_MAX], b[AMOUNT_MAX], c[AMOUNT_MAX], d[AMOUNT_MAX], e[AMOUNT_MAX], f[AMOUNT_MAX];
    struct estimate est;

    estimate_run(&est, sc);
    if (est.all <= room)
        return true;
    fprintf(
        stderr,
        "hedgerow-sim: this run may take %s of memory (caches of %s nodes %s, their engines %s, objects %s, requests "
        "%s), and there are ",
        amount_bytes(a, est.all), amount_number(b, sc->nodes), amount_bytes(c, est.caches), amount_bytes(d, est.nodes),
        amount_bytes(e, est.objects), amount_bytes(f, est.requests));
    fprintf(stderr, "%s: ", amount_bytes(a, room));
    if ((n = estimate_sample(sc, room)) > 0)
        fprintf(stderr, "say --sample %llu, fewer nodes or less --memory, or --force to try\n", (unsigned long long)n);
    else
        fprintf(stderr, "say fewer nodes or less --memory, or --force to try\n");
    return false;
}
