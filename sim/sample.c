#include "sim/sample.h"

uint64_t sample_keys(const struct scenario *sc)
{
    if (sc->load != NULL || sc->sample <= 1) /* a log was sampled when it was read */
        return sc->keys;
    return sc->keys > sc->sample ? sc->keys / sc->sample : 1;
}

void sample_apply(struct scenario *sc)
{
    if (sc->sample <= 1)
        return;
    sc->keys = sample_keys(sc);
    sc->memory /= sc->sample;
    if (sc->load == NULL)
        sc->requests = (sc->requests + sc->sample / 2) / sc->sample;
}
