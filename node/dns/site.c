/* A site: its zones as names, and which edges are its name servers. */
#include <stdlib.h>

#include "node/dns/dns.h"
#include "node/dns/names.h"
#include "proto/base/err.h"

#define TTL_MAX_S 60

/* Letters, digits, hyphens and underscores, in labels that are one. */
static int check_zone(struct slice zone)
{
    struct slice label;

    if (zone.len > DNS_ZONE_TEXT_MAX)
        return MESH_E_RANGE;
    while (slice_split(&zone, '.', &label)) {
        if (label.len == 0 || label.len > DNS_LABEL_MAX)
            return MESH_E_SYNTAX;
        for (size_t i = 0; i < label.len; i++) {
            uint8_t c = dns_lower(label.data[i]);
            if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'))
                return MESH_E_SYNTAX;
        }
    }
    return 0;
}

static struct slice without_dot(struct slice zone)
{
    return zone.len > 1 && zone.data[zone.len - 1] == '.' ? slice_head(zone, zone.len - 1) : zone;
}

static int copy_zones(struct dns_site *s, const struct slice *zones, size_t n)
{
    size_t bytes = 0;
    int err;

    if (n == 0 || n > DNS_ZONES_MAX)
        return n == 0 ? MESH_E_MISSING : MESH_E_FULL;
    for (size_t i = 0; i < n; i++) {
        struct slice zone = without_dot(zones[i]);
        if ((err = zone.len == 0 ? MESH_E_SYNTAX : check_zone(zone)) != 0)
            return err;
        for (size_t j = 0; j < i; j++) {
            if (slice_eq_nocase(without_dot(zones[j]), zone))
                return MESH_E_EXISTS;
        }
        bytes += zone.len;
    }
    if ((s->memory = malloc(bytes)) == NULL)
        return MESH_E_NOMEM;
    char *p = s->memory;
    for (size_t i = 0; i < n; i++) {
        struct slice zone = without_dot(zones[i]);
        s->zones[i] = slice_of(p, zone.len);
        for (size_t j = 0; j < zone.len; j++)
            *p++ = (char)dns_lower(zone.data[j]);
    }
    s->zones_n = n;
    return 0;
}

/* Of |draining| edges, or those that stay, the first ones by label. */
static void choose_ns(struct dns_site *s, bool draining)
{
    const struct steer_edge *edges = s->view->edges;

    for (size_t i = 0; i < s->view->edges_n; i++) {
        const struct steer_edge *e = &edges[i];
        if (!e->alive || e->heard == 0 || e->facts.dns == 0 || (draining ? !e->facts.draining : e->facts.draining) ||
            (!draining && !e->facts.ready))
            continue;
        size_t at = s->ns_n < DNS_NS_MAX ? s->ns_n++ : DNS_NS_MAX;
        for (; at > 0 && strcmp(edges[s->ns[at - 1]].label, e->label) > 0; at--) {
            if (at < DNS_NS_MAX)
                s->ns[at] = s->ns[at - 1];
        }
        if (at < DNS_NS_MAX)
            s->ns[at] = (uint16_t)i;
    }
}

int dns_site_new(struct dns_site **out, const struct slice *zones, size_t n, struct dist_set *set,
                 struct steer_view *view, uint32_t serial)
{
    struct dns_site *s = calloc(1, sizeof(*s));
    int err = s == NULL ? MESH_E_NOMEM : copy_zones(s, zones, n);

    if (err != 0) {
        free(s);
        return err;
    }
    s->refs = 1;
    s->set = dist_set_ref(set);
    s->view = steer_view_ref(view);
    s->serial = serial;
    s->ttl_max_s = TTL_MAX_S;
    s->https_alpn = true;
    choose_ns(s, false);
    if (s->ns_n == 0)
        choose_ns(s, true);
    *out = s;
    return 0;
}

struct dns_site *dns_site_ref(struct dns_site *s)
{
    s->refs++;
    return s;
}

void dns_site_unref(struct dns_site *s)
{
    if (s == NULL || --s->refs > 0)
        return;
    dist_set_unref(s->set);
    steer_view_unref(s->view);
    free(s->memory);
    free(s);
}
