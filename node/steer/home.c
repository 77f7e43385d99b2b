#include "node/steer/expect.h"
#include "node/steer/view_impl.h"

bool steer_enough_better(uint32_t us, uint32_t than)
{
    return us < than && than - us >= STEER_BETTER_US && (uint64_t)us * 100 <= (uint64_t)than * (100 - STEER_BETTER_PCT);
}

uint16_t steer_home(const struct steer_row *row)
{
    uint32_t best_us = UINT32_MAX, home_us = UINT32_MAX;
    uint16_t best = UINT16_MAX;

    for (size_t i = 0; i < row->n; i++) {
        const struct steer_figure *f = &row->figures[i];
        uint32_t us = f->rtt * STEER_RTT_UNIT_US;
        if (f->age_s >= STEER_OLD_S)
            continue;
        if (f->edge == row->home)
            home_us = us;
        if (us < best_us) {
            best_us = us;
            best = f->edge;
        }
    }
    return home_us == UINT32_MAX || steer_enough_better(best_us, home_us) ? best : row->home;
}
