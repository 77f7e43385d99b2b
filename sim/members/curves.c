#include "sim/members/curves.h"

#include <string.h>

void curves_init(struct members_curves *m, mesh_ns until)
{
    memset(m, 0, sizeof(*m));
    m->update.step = MS(10);
    m->crash.step = MS(100);
    m->width = until / CURVE_TIME_MAX + 1;
}

void curve_add(struct curve *c, mesh_ns took)
{
    if (took / c->step < CURVE_STEPS)
        c->at[took / c->step]++;
}

void curves_look(struct members_curves *m, mesh_ns now, uint32_t live, uint32_t right)
{
    size_t i = (size_t)(now / m->width);

    if (i >= CURVE_TIME_MAX)
        return;
    while (m->moments_n <= i) { /* nothing was seen to change in between */
        struct curve_moment before = m->moments_n > 0 ? m->moments[m->moments_n - 1] : (struct curve_moment){ 0, 0 };
        m->moments[m->moments_n] = m->moments_n < i ? before : (struct curve_moment){ live, right };
        m->moments_n++;
    }
    struct curve_moment *at = &m->moments[i];
    at->live = live;
    at->right = right < at->right ? right : at->right;
}
