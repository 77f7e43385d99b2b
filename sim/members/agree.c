/* agree.c - the views, compared from outside: are they all the same, and right? */
#include <stdio.h>

#include "sim/members/protocol.h"

static bool holds_live(const struct crowd *c, uint32_t observer, uint32_t of)
{
    const struct member_record *r = protocol_find(c, observer, of);
    return r != NULL && (r->state == MEMBER_ALIVE || r->state == MEMBER_SUSPECT);
}

/* The first node that |observer| is wrong about; c->n: none. */
static uint32_t wrong_about(const struct crowd *c, uint32_t observer)
{
    uint32_t i = 0;

    while (i < c->n && holds_live(c, observer, i) == (crowd_up(c, i) && !c->nodes[i].leaving))
        i++;
    return i;
}

static uint32_t first_up(const struct crowd *c)
{
    uint32_t i = 0;

    while (i < c->n && (!crowd_up(c, i) || c->nodes[i].leaving))
        i++;
    return i;
}

/* Equal digests are equal views (all of every record is in them), so that the view of one
 * node stands for all. */
void agree_look(struct crowd *c)
{
    uint32_t first = first_up(c), i = first + 1;

    c->wrong[0] = '\0';
    if (first == c->n)
        return;
    while (i < c->n && (!crowd_up(c, i) || c->nodes[i].leaving || c->nodes[i].digest == c->nodes[first].digest))
        i++;
    if (i < c->n) {
        snprintf(c->wrong, sizeof(c->wrong), "the views of n%u and n%u differ: %zu and %zu members", first + 1, i + 1,
                 protocol_count(c, first), protocol_count(c, i));
        return;
    }
    uint32_t about = wrong_about(c, first);
    if (about < c->n)
        snprintf(c->wrong, sizeof(c->wrong), "n%u, which is %s, is held to be %s by n%u", about + 1,
                 crowd_up(c, about) ? "up" : "down", crowd_up(c, about) ? "gone" : "live", first + 1);
}

static void reached(const struct crowd *c, mesh_ns from, mesh_ns *at)
{
    if (from != MESH_NS_NEVER && *at == MESH_NS_NEVER && c->now >= from)
        *at = c->changed_at > from ? c->changed_at : from;
}

/* For the page: how many list as many as live. */
static void look_for_page(struct crowd *c)
{
    uint32_t live = 0, right = 0;

    for (uint32_t i = 0; i < c->n; i++)
        live += crowd_up(c, i);
    for (uint32_t i = 0; i < c->n; i++)
        right += crowd_up(c, i) && c->nodes[i].others + 1 == live;
    curves_look(c->curves, c->now, live, right);
}

/* Views that are right now have been so since the last change. */
void agree_sample(struct crowd *c)
{
    if (c->curves != NULL)
        look_for_page(c);
    if (!c->changed)
        return;
    c->changed = false;
    agree_look(c);
    if (c->wrong[0] != '\0')
        return;
    reached(c, c->joined_from, &c->joined_at);
    reached(c, c->started_from, &c->restarted_at);
    if (c->cuts_n == 0)
        reached(c, c->healed_from, &c->healed_at);
    if (c->calm)
        reached(c, c->calm_from, &c->agreed_at);
}

uint64_t agree_stuck(struct crowd *c)
{
    uint32_t one = first_up(c); /* all views with its digest are right or wrong as it is */
    bool one_wrong = one < c->n && wrong_about(c, one) < c->n;
    uint64_t stuck = 0;

    for (uint32_t i = 0; i < c->n; i++) {
        if (!crowd_up(c, i))
            continue;
        bool same = one < c->n && c->nodes[i].digest == c->nodes[one].digest;
        stuck += same ? one_wrong : wrong_about(c, i) < c->n;
    }
    if (stuck == 0 && c->wrong[0] != '\0') { /* all live nodes are listed everywhere, and yet views differ */
        uint32_t first = first_up(c);
        for (uint32_t i = 0; i < c->n; i++)
            stuck += crowd_up(c, i) && c->nodes[i].digest != c->nodes[first].digest;
    }
    return stuck;
}
