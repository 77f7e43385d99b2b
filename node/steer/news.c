/* The datagram: what we are to viewers, and as many of our own figures as there is room for. First those that changed
 * of late, the latest first, in STEER_NEWS_KEPT datagrams to each member, as datagrams get lost; a quarter of the room,
 * and what is left, is for all figures in turn, so that in the end each member has each figure whatever was lost.
 * See "Steering" in proto/PROTOCOL.md. */
#include "node/steer/steer_impl.h"
#include "proto/base/err.h"

enum {
    KEY_KIND,
    KEY_VERSION,
    KEY_ADDRS,
    KEY_HTTP,
    KEY_HTTPS,
    KEY_DNS,
    KEY_READY,
    KEY_DRAINING,
    KEY_LOAD,
    KEY_SHED,
    KEY_AT,
    KEY_PLACE,
    KEY_FIGURES,
};

#define NEWS_KIND    2 /* of casts: what comes as an array is a purge */
#define NEWS_VERSION 1

#define AT_BYTES     (4 * COORDINATE_DIMENSIONS + 4 + 2)
#define PLACE_BYTES  8
#define FIGURE_BYTES 10
#define AGE_UNIT_S   15u /* 255 of them are a little more than an hour */

#define REACH_US   10000000 /* of a coordinate */
#define LAT_MAX_E4 900000
#define LON_MAX_E4 1800000
#define ROUNDS     3  /* after news all figures are told so often at the full pace */
#define TELL_SHED  20 /* permille: so much more or less is news */

/* What the first byte of a figure says. */
static const struct level {
    uint8_t kind, bits;
} levels[] = {
    { STEER_NET4, 24 }, { STEER_NET4, 16 },    { STEER_NET6, 48 },
    { STEER_NET6, 32 }, { STEER_COUNTRY, 16 }, { STEER_ALL, 0 },
};
#define LEVELS (sizeof(levels) / sizeof(levels[0]))

bool steer_is(struct slice d)
{
    return d.len > 3 && (d.data[0] & 0xf0) == 0x80 && d.data[1] == KEY_KIND && d.data[2] == NEWS_KIND;
}

/* ---- writing ---- */

static void put_u64(struct buf *b, uint64_t key, uint64_t v)
{
    wire_put_u64(b, key);
    wire_put_u64(b, v);
}

static void put_bool(struct buf *b, uint64_t key, bool v)
{
    wire_put_u64(b, key);
    wire_put_bool(b, v);
}

static void put_addrs(struct buf *b, const struct steer_facts *f)
{
    wire_put_u64(b, KEY_ADDRS);
    wire_put_array(b, (uint32_t)f->addrs_n);
    for (size_t i = 0; i < f->addrs_n; i++) {
        bool v4 = mesh_addr_is_v4(&f->addrs[i]);
        wire_put_bin(b, slice_from(SLICE_OF(f->addrs[i].ip), v4 ? 12 : 0));
    }
}

static void put_at(struct buf *b, const struct coordinate *at)
{
    uint8_t raw[AT_BYTES];

    for (size_t i = 0; i < COORDINATE_DIMENSIONS; i++)
        be32_put(raw + 4 * i, (uint32_t)at->at[i]);
    be32_put(raw + AT_BYTES - 6, (uint32_t)at->height);
    be16_put(raw + AT_BYTES - 2, at->error_permille);
    wire_put_u64(b, KEY_AT);
    wire_put_bin(b, SLICE_OF(raw));
}

static void put_place(struct buf *b, const struct steer_facts *f)
{
    uint8_t raw[PLACE_BYTES];

    be32_put(raw, (uint32_t)f->lat_e4);
    be32_put(raw + 4, (uint32_t)f->lon_e4);
    wire_put_u64(b, KEY_PLACE);
    wire_put_bin(b, SLICE_OF(raw));
}

static void put_facts(struct buf *b, const struct steer_facts *f, bool figures)
{
    wire_put_map(b, KEY_PLACE + f->located + figures);
    put_u64(b, KEY_KIND, NEWS_KIND);
    put_u64(b, KEY_VERSION, NEWS_VERSION);
    put_addrs(b, f);
    put_u64(b, KEY_HTTP, f->http);
    put_u64(b, KEY_HTTPS, f->https);
    put_u64(b, KEY_DNS, f->dns);
    put_bool(b, KEY_READY, f->ready);
    put_bool(b, KEY_DRAINING, f->draining);
    put_u64(b, KEY_LOAD, f->load_permille);
    put_u64(b, KEY_SHED, f->shed_permille);
    put_at(b, &f->at);
    if (f->located)
        put_place(b, f);
}

/* False: it is too old, or not to be told. */
static bool put_figure(struct buf *b, const struct own_figure *f, uint32_t now_s)
{
    uint8_t raw[FIGURE_BYTES] = { 0 };
    uint32_t age_s = now_s - f->at_s;

    if (f->told == 0 || age_s > STEER_LIFE_S)
        return false;
    while (levels[raw[0]].kind != f->prefix.kind || levels[raw[0]].bits != f->prefix.bits)
        raw[0]++;
    memcpy(raw + 1, f->prefix.net, sizeof(f->prefix.net));
    be16_put(raw + 7, own_units(f));
    raw[9] = (uint8_t)(age_s / AGE_UNIT_S);
    buf_add(b, raw, sizeof(raw));
    return true;
}

static uint64_t told_once(const struct edge *e)
{
    return e->told[STEER_NEWS_KEPT - 1];
}

/* |room| figures at most. What of the news did not fit comes in its turn. */
static void put_figures(struct steer *s, struct edge *e, size_t room, struct buf *out)
{
    const struct own *o = &s->own;
    uint32_t now_s = steer_seconds(s->now);
    uint64_t last = UINT64_MAX; /* of the news that were told */
    size_t n = 0, all = own_count(o);

    for (struct list *at = o->changed.prev; at != &o->changed && n < room - room / 4; at = at->prev) {
        const struct own_figure *f = OBJ_OF(at, struct own_figure, in_changed);
        if (f->changed <= told_once(e))
            break;
        n += put_figure(out, f, now_s);
        last = f->changed;
    }
    if (o->changes > e->told[0])
        e->owed = ROUNDS * all;
    for (size_t i = 0; i < all && n < room; i++) {
        const struct own_figure *f = own_at(o, e->refresh++ % all);
        n += f->changed < last && put_figure(out, f, now_s);
        e->owed -= e->owed > 0;
    }
    memmove(e->told + 1, e->told, sizeof(e->told) - sizeof(e->told[0]));
    e->told[0] = o->changes;
}

bool news_for(const struct steer *s, const struct edge *e)
{
    uint16_t shed = s->edges[STEER_SELF]->facts.shed_permille;

    return s->own.changes > told_once(e) || e->owed > 0 || shed > e->told_shed + TELL_SHED ||
           e->told_shed > shed + TELL_SHED;
}

void news_write(struct steer *s, struct edge *e, bool figures, struct buf *out)
{
    struct steer_facts *self = &s->edges[STEER_SELF]->facts;
    uint8_t raw[STEER_DATAGRAM_MAX];
    struct buf bytes = { raw, 0, sizeof(raw), false }; /* never grows: there is room for what is put in */

    figures = figures && own_count(&s->own) > 0;
    buf_clear(out);
    put_facts(out, self, figures);
    if (figures) {
        wire_put_u64(out, KEY_FIGURES);
        put_figures(s, e, (STEER_DATAGRAM_MAX - out->len - 3) / FIGURE_BYTES, &bytes);
        wire_put_bin(out, buf_slice(&bytes));
    }
    e->told_shed = self->shed_permille;
}

/* ---- reading ---- */

static int u16_get(const wire_value *map, uint64_t key, uint64_t max, uint16_t *out)
{
    uint64_t v = 0;
    int err = wire_u64(map, key, &v);

    if (err == 0 && v > max)
        err = MESH_E_RANGE;
    *out = (uint16_t)v;
    return err;
}

static int addr_get(const wire_value *v, struct mesh_addr *out)
{
    static const uint8_t none[16];
    struct slice raw;
    int err = wire_as_bin(v, &raw);

    if (err != 0)
        return err;
    if (raw.len == 4) {
        *out = mesh_addr_v4(be32_get(raw.data), 0);
        return be32_get(raw.data) == 0 ? MESH_E_RANGE : 0;
    }
    if (raw.len != 16)
        return MESH_E_RANGE;
    *out = (struct mesh_addr){ .port = 0 };
    memcpy(out->ip, raw.data, 16);
    return mesh_addr_is_v4(out) || memcmp(raw.data, none, 16) == 0 ? MESH_E_RANGE : 0;
}

static int addrs_get(const wire_value *map, struct steer_facts *f)
{
    const wire_value *array = NULL;
    size_t n = 0;
    int err = wire_array(map, KEY_ADDRS, &array, &n);

    if (err == 0 && n > STEER_ADDRS_MAX)
        err = MESH_E_RANGE;
    for (size_t i = 0; i < n && err == 0; i++)
        err = addr_get(wire_at(array, i), &f->addrs[i]);
    f->addrs_n = n;
    return err;
}

static bool within(int32_t v, int32_t max)
{
    return v >= -max && v <= max;
}

static int at_get(const wire_value *map, struct coordinate *at)
{
    uint8_t raw[AT_BYTES];
    int err = wire_fixed(map, KEY_AT, raw, sizeof(raw));

    if (err != 0)
        return err;
    for (size_t i = 0; i < COORDINATE_DIMENSIONS; i++) {
        at->at[i] = (int32_t)be32_get(raw + 4 * i);
        if (!within(at->at[i], REACH_US))
            return MESH_E_RANGE;
    }
    at->height = (int32_t)be32_get(raw + AT_BYTES - 6);
    at->error_permille = be16_get(raw + AT_BYTES - 2);
    return at->height < 0 || at->height > REACH_US ? MESH_E_RANGE : 0;
}

static int place_get(const wire_value *map, struct steer_facts *f)
{
    uint8_t raw[PLACE_BYTES];
    int err = wire_fixed(map, KEY_PLACE, raw, sizeof(raw));

    if (err != 0)
        return err == MESH_E_MISSING ? 0 : err;
    f->located = true;
    f->lat_e4 = (int32_t)be32_get(raw);
    f->lon_e4 = (int32_t)be32_get(raw + 4);
    return within(f->lat_e4, LAT_MAX_E4) && within(f->lon_e4, LON_MAX_E4) ? 0 : MESH_E_RANGE;
}

static bool figure_ok(const uint8_t *raw)
{
    const struct level *l;
    uint8_t beyond = 0;

    if (raw[0] >= LEVELS || be16_get(raw + 7) == 0)
        return false;
    l = &levels[raw[0]];
    for (size_t i = l->bits / 8; i < 6; i++)
        beyond |= raw[1 + i];
    if (l->kind == STEER_COUNTRY && (raw[1] < 'A' || raw[1] > 'Z' || raw[2] < 'A' || raw[2] > 'Z'))
        return false;
    return beyond == 0;
}

static int figures_get(const wire_value *map, struct slice *out)
{
    int err = wire_bin(map, KEY_FIGURES, out);

    if (err != 0)
        return err == MESH_E_MISSING ? 0 : err;
    if (out->len % FIGURE_BYTES != 0)
        return MESH_E_RANGE;
    for (size_t i = 0; i < out->len; i += FIGURE_BYTES) {
        if (!figure_ok(out->data + i))
            return MESH_E_RANGE;
    }
    return 0;
}

static int facts_get(const wire_value *map, struct steer_facts *f)
{
    int err;

    if ((err = addrs_get(map, f)) != 0 || (err = u16_get(map, KEY_HTTP, UINT16_MAX, &f->http)) != 0 ||
        (err = u16_get(map, KEY_HTTPS, UINT16_MAX, &f->https)) != 0 ||
        (err = u16_get(map, KEY_DNS, UINT16_MAX, &f->dns)) != 0 || (err = wire_bool(map, KEY_READY, &f->ready)) != 0 ||
        (err = wire_bool(map, KEY_DRAINING, &f->draining)) != 0 ||
        (err = u16_get(map, KEY_LOAD, UINT16_MAX, &f->load_permille)) != 0 ||
        (err = u16_get(map, KEY_SHED, 1000, &f->shed_permille)) != 0 || (err = at_get(map, &f->at)) != 0)
        return err;
    return place_get(map, f);
}

int news_read(struct wire *w, struct slice bytes, struct news *out)
{
    uint64_t kind = 0, version = 0;
    int err;

    *out = (struct news){ .w = w };
    if (bytes.len > STEER_DATAGRAM_MAX)
        return MESH_E_RANGE;
    if ((err = wire_open(w, bytes, true)) != 0)
        return err;
    if ((err = wire_u64(w->root, KEY_KIND, &kind)) == 0 && (err = wire_u64(w->root, KEY_VERSION, &version)) == 0)
        err = kind == NEWS_KIND && version == NEWS_VERSION ? facts_get(w->root, &out->facts) : MESH_E_RANGE;
    if (err == 0)
        err = figures_get(w->root, &out->figures);
    if (err != 0)
        wire_close(w);
    return err;
}

size_t news_figures(const struct news *n)
{
    return n->figures.len / FIGURE_BYTES;
}

void news_figure(const struct news *n, size_t i, struct news_figure *out)
{
    const uint8_t *raw = n->figures.data + i * FIGURE_BYTES;

    *out = (struct news_figure){ .rtt = be16_get(raw + 7), .age_s = raw[9] * AGE_UNIT_S };
    out->prefix.kind = levels[raw[0]].kind;
    out->prefix.bits = levels[raw[0]].bits;
    memcpy(out->prefix.net, raw + 1, sizeof(out->prefix.net));
}
