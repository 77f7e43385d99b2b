#include "node/dns/zone.h"

/* The longest of our zones that |name| is in. */
static bool zone_of(struct dns_place *out, const struct dns_site *s, struct slice name, bool parent_side)
{
    bool found = false;

    for (size_t i = 0; i < s->zones_n; i++) {
        struct slice zone = s->zones[i];
        if (!dns_name_below(name, zone) || (parent_side && zone.len == name.len))
            continue;
        if (!found || zone.len > out->zone.len)
            out->zone = zone;
        found = true;
    }
    return !found && parent_side ? zone_of(out, s, name, false) : found;
}

static bool above_a_zone(const struct dns_site *s, struct slice name)
{
    for (size_t i = 0; i < s->zones_n; i++) {
        if (s->zones[i].len > name.len && dns_name_below(s->zones[i], name))
            return true;
    }
    return false;
}

/* LABEL--EDGE: no edge's label has two hyphens in a row, so the last two part them. */
static const struct steer_edge *edge_of(const struct dns_site *s, struct slice label, struct slice *any)
{
    for (size_t i = label.len; i > 2; i--) {
        if (label.data[i - 1] != '-' || label.data[i - 2] != '-')
            continue;
        *any = slice_head(label, i - 2);
        return steer_view_label(s->view, slice_from(label, i));
    }
    return NULL;
}

/* Whose is |label|, below the mesh's domain? */
static const struct dist *assigned_to(const struct dns_site *s, struct slice label)
{
    struct dns_name name = { .len = (uint8_t)(DIST_LABEL_BYTES + 1 + s->zones[0].len) };

    if (label.len != DIST_LABEL_BYTES)
        return NULL;
    memcpy(name.text, label.data, label.len);
    name.text[label.len] = '.';
    memcpy(name.text + label.len + 1, s->zones[0].data, s->zones[0].len);
    return dist_find_named(s->set, dns_name_slice(&name), s->zones[0]);
}

/* A name directly below the mesh's domain that names an edge. Who meant that edge, and one that is dead, gets another.
 */
static bool place_of_edge(struct dns_place *out, const struct dns_site *s, struct slice name)
{
    struct slice any, rest = name, label;

    if (!dns_name_below(name, s->zones[0]) || name.len == s->zones[0].len)
        return false;
    slice_split(&rest, '.', &label);
    if (rest.len != s->zones[0].len)
        return false;
    const struct steer_edge *e = edge_of(s, label, &any);
    if (e == NULL)
        return false;
    out->edge = e;
    out->dist = assigned_to(s, any);
    out->kind = e->alive && e->heard != 0 ? DNS_OF_EDGE : out->dist != NULL ? DNS_SERVED : DNS_EMPTY;
    return true;
}

void dns_place_of(struct dns_place *out, const struct dns_site *s, struct slice name, bool parent_side)
{
    *out = (struct dns_place){ .kind = DNS_OUTSIDE };
    if (!zone_of(out, s, name, parent_side))
        return;
    out->apex = name.len == out->zone.len;
    if (out->apex)
        out->kind = (out->dist = dist_find(s->set, name, s->zones[0])) != NULL ? DNS_SERVED : DNS_EMPTY;
    else if (place_of_edge(out, s, name))
        return;
    else if ((out->dist = dist_find_named(s->set, name, s->zones[0])) != NULL)
        out->kind = DNS_SERVED;
    else
        out->kind = dist_above(s->set, name) || above_a_zone(s, name) ? DNS_EMPTY : DNS_NOTHING;
}

struct slice dns_ns_name(const struct dns_site *s, size_t n, struct dns_name *out)
{
    struct slice parts[] = { SLICE_LIT("ns--"), slice_str(s->view->edges[s->ns[n]].label), SLICE_LIT("."),
                             s->zones[0] };

    out->len = 0;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        memcpy(out->text + out->len, parts[i].data, parts[i].len);
        out->len = (uint8_t)(out->len + parts[i].len);
    }
    return dns_name_slice(out);
}
