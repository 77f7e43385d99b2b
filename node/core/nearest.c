#include "node/core/nearest.h"

#define HTTP_PORT   80
#define HTTPS_PORT  443
#define BASE_MAX    64
#define TTL_LEAST_S 5

static void ask_of(struct steer_ask *ask, const struct nearest_from *from)
{
    const struct dist_steering *s = &from->dist->steering;

    *ask = (struct steer_ask){ .client = from->addr,
                               .http = !from->https,
                               .https = from->https,
                               .regions = s->regions,
                               .regions_n = s->regions_n,
                               .regions_not = s->regions_not,
                               .draw = 0 /* nobody explores */ };
    if (from->addr.port != 0)
        ask->client_bits = mesh_addr_is_v4(&from->addr) ? 32 : 128;
    if (from->country[0] != '\0')
        memcpy(ask->country, from->country, 2);
}

/* ---- redirects ---- */

/* May we not be asked for such a reason? Of the others our own word counts less than that the viewer is here. */
static bool sends_away(enum steer_reason reason)
{
    return reason == STEER_REASON_DRAINING || reason == STEER_REASON_NOT_READY || reason == STEER_REASON_REGION ||
           reason == STEER_REASON_FULL;
}

static bool much_nearer(const struct steer_pick *than, const struct steer_pick *it)
{
    if (than->us == UINT32_MAX || it->us == UINT32_MAX || than->us <= it->us)
        return false;
    uint64_t gain = than->us - it->us;
    return gain > NEAREST_MUCH_US && gain * 100 > (uint64_t)than->us * NEAREST_MUCH_PER_CENT;
}

const struct steer_edge *nearest_other(const struct steer_view *v, const struct nearest_from *from)
{
    struct steer_pick picks[STEER_EDGES_MAX];
    const struct steer_pick *self = NULL;
    struct steer_choice choice;
    struct steer_ask ask;

    ask_of(&ask, from);
    if (from->addr.port != 0) /* of the kind that it has for certain */
        ask.family = mesh_addr_is_v4(&from->addr) ? STEER_IPV4 : STEER_IPV6;
    steer_choose(v, &ask, &choice); /* which is quick, and where viewers are sent right we are the one */
    if (choice.n == 0 || v->edges[choice.picks[0].edge].self)
        return NULL;
    size_t n = steer_explain(v, &ask, picks, STEER_EDGES_MAX);
    for (size_t i = 0; i < n && self == NULL; i++) {
        if (v->edges[picks[i].edge].self)
            self = &picks[i];
    }
    if (self == NULL || self == &picks[0] || picks[0].reason != STEER_REASON_OK)
        return NULL;
    bool goes = self->reason == STEER_REASON_OK ? much_nearer(self, &picks[0]) : sends_away(self->reason);
    return goes ? &v->edges[picks[0].edge] : NULL;
}

static void put_host(struct buf *out, const struct nearest_from *from, const struct steer_edge *edge)
{
    buf_addf(out, "%.*s--%s.%.*s", SLICE_FMT(from->dist->assigned), edge->label, SLICE_FMT(from->zone));
}

static uint16_t port_of(const struct nearest_from *from, const struct steer_edge *edge)
{
    return from->https ? edge->facts.https : edge->facts.http;
}

static bool is_usual(const struct nearest_from *from, uint16_t port)
{
    return port == (from->https ? HTTPS_PORT : HTTP_PORT);
}

void nearest_location(struct buf *out, const struct nearest_from *from, const struct steer_edge *to,
                      struct slice target)
{
    uint16_t port = port_of(from, to);

    buf_add_str(out, from->https ? "https://" : "http://");
    put_host(out, from, to);
    if (!is_usual(from, port))
        buf_addf(out, ":%u", port);
    buf_add_slice(out, target);
}

/* ---- lists ---- */

enum nearest_list nearest_list_of(const struct dist *d, struct slice path)
{
    static const struct slice edges = SLICE_LIT(DIST_LISTS_PATH "edges");
    static const struct slice manifest = SLICE_LIT(DIST_LISTS_PATH "steering.json");
    struct slice plain;

    if (d->steering.lists == DIST_LISTS_OFF || !slice_split(&path, '?', &plain))
        return NEAREST_NO_LIST;
    return slice_eq(plain, edges) ? NEAREST_EDGES : slice_eq(plain, manifest) ? NEAREST_MANIFEST : NEAREST_NO_LIST;
}

struct near {
    struct steer_pick at[NEAREST_LIST_MAX];
    size_t n;
    uint32_t ttl_s;
};

/* Those that may be asked; where a rule had to go, those that are answered all the same. */
static void find_near(struct near *out, const struct steer_view *v, const struct nearest_from *from, bool any_port)
{
    struct steer_choice choice;
    struct steer_ask ask;

    ask_of(&ask, from);
    if (any_port)
        ask.http = ask.https = false;
    steer_choose(v, &ask, &choice);
    size_t n = steer_explain(v, &ask, out->at, NEAREST_LIST_MAX);
    for (out->n = 0; out->n < n && out->at[out->n].reason == STEER_REASON_OK;)
        out->n++;
    for (size_t i = 0; out->n == 0 && i < choice.n; i++)
        out->at[i] = choice.picks[i];
    if (out->n == 0)
        out->n = choice.n;
    out->ttl_s = choice.ttl_s > TTL_LEAST_S ? choice.ttl_s : TTL_LEAST_S;
}

static void put_addr(struct buf *out, const struct mesh_addr *addr)
{
    struct mesh_addr a = *addr;
    char text[MESH_ADDR_TEXT_MAX];

    a.port = 1; /* which stands behind the last colon */
    struct slice s = slice_str(mesh_addr_text(&a, text));
    s = slice_head(s, s.len - 2);
    if (s.len > 1 && s.data[0] == '[')
        s = slice_head(slice_from(s, 1), s.len - 2);
    buf_addf(out, "\"%.*s\"", SLICE_FMT(s));
}

/* What is written needs no escapes: names, zones and labels have letters, digits, dots, slashes, - and _. */
static void put_edge(struct buf *out, const struct nearest_from *from, const struct steer_edge *edge,
                     const struct steer_pick *pick)
{
    const struct steer_facts *f = &edge->facts;

    buf_addf(out, "{\"name\":\"%s\",\"zone\":\"%s\"", edge->name, edge->zone);
    if (from->zone.len > 0) {
        buf_add_str(out, ",\"host\":\"");
        put_host(out, from, edge);
        buf_add_u8(out, '"');
    }
    buf_add_str(out, ",\"addresses\":[");
    for (size_t i = 0; i < f->addrs_n; i++) {
        buf_add_str(out, i > 0 ? "," : "");
        put_addr(out, &f->addrs[i]);
    }
    buf_add_str(out, "],\"ports\":{");
    if (f->http != 0)
        buf_addf(out, "\"http\":%u", f->http);
    if (f->https != 0)
        buf_addf(out, "%s\"https\":%u", f->http != 0 ? "," : "", f->https);
    if (pick->us != UINT32_MAX)
        buf_addf(out, "},\"expected_ms\":%u.%u", pick->us / 1000, pick->us % 1000 / 100);
    else
        buf_add_str(out, "},\"expected_ms\":null");
    buf_addf(out, ",\"basis\":\"%s\"}", steer_basis_word(pick->basis));
}

static void put_edges(struct buf *out, const struct steer_view *v, const struct nearest_from *from,
                      const struct near *near)
{
    buf_addf(out, "{\"ttl\":%u,\"edges\":[", near->ttl_s);
    for (size_t i = 0; i < near->n; i++) {
        buf_add_str(out, i > 0 ? ",\n" : "\n");
        put_edge(out, from, &v->edges[near->at[i].edge], &near->at[i]);
    }
    buf_add_str(out, "\n]}\n");
}

/* A pathway's name has these alone (rfc8216bis section 4.4.6.6); what has others is taken for none. */
static struct slice base_of(struct slice query)
{
    struct slice part, name;

    while (slice_split(&query, '&', &part)) {
        if (!slice_split(&part, '=', &name) || !slice_eq(name, SLICE_LIT("base")))
            continue;
        bool good = part.len > 0 && part.len <= BASE_MAX;
        for (size_t i = 0; i < part.len && good; i++) {
            uint8_t c = part.data[i], small = c | 0x20;
            good = (small >= 'a' && small <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
        }
        if (good)
            return part;
    }
    return SLICE_LIT(".");
}

/* HOST stands in the place of a URL's host. Its port is said where the one in the URLs may be another. */
static void put_clone(struct buf *out, const struct nearest_from *from, const struct steer_edge *edge,
                      struct slice base)
{
    uint16_t port = port_of(from, edge);

    buf_addf(out, "{\"BASE-ID\":\"%.*s\",\"ID\":\"%s\",\"URI-REPLACEMENT\":{\"HOST\":\"", SLICE_FMT(base), edge->label);
    put_host(out, from, edge);
    if (from->port_said || !is_usual(from, port))
        buf_addf(out, ":%u", port);
    buf_add_str(out, "\"}}");
}

/* The base is the last pathway: it leads to where DNS does. */
static void put_manifest(struct buf *out, const struct steer_view *v, const struct nearest_from *from,
                         const struct near *near, struct slice base)
{
    size_t clones = 0;

    buf_addf(out, "{\"VERSION\":1,\"TTL\":%u,\"RELOAD-URI\":\"" DIST_LISTS_PATH "steering.json?base=%.*s\",\n",
             near->ttl_s, SLICE_FMT(base));
    buf_add_str(out, "\"PATHWAY-PRIORITY\":[");
    for (size_t i = 0; i < near->n && from->zone.len > 0; i++) {
        const struct steer_edge *edge = &v->edges[near->at[i].edge];
        if (!slice_eq(slice_str(edge->label), base))
            buf_addf(out, "\"%s\",", edge->label);
    }
    buf_addf(out, "\"%.*s\"],\n\"PATHWAY-CLONES\":[", SLICE_FMT(base));
    for (size_t i = 0; i < near->n && from->zone.len > 0; i++) {
        const struct steer_edge *edge = &v->edges[near->at[i].edge];
        if (slice_eq(slice_str(edge->label), base))
            continue;
        buf_add_str(out, clones++ > 0 ? ",\n" : "\n");
        put_clone(out, from, edge, base);
    }
    buf_add_str(out, "\n]}\n");
}

uint32_t nearest_list(struct buf *out, enum nearest_list which, const struct steer_view *v,
                      const struct nearest_from *from, struct slice query)
{
    struct near near;

    find_near(&near, v, from, which == NEAREST_EDGES);
    if (which == NEAREST_EDGES)
        put_edges(out, v, from, &near);
    else
        put_manifest(out, v, from, &near, base_of(query));
    return near.ttl_s;
}
