/* Whose is a host: one pass over its bytes, from the end, and a probe for itself and each of its parents that is as
 * long as some wildcard's. */
#include "node/dist/dist_impl.h"
#include "proto/digest.h"

static struct dist_slot *probe(struct dist_slot *slots, size_t mask, uint64_t hash, struct slice name)
{
    struct dist_slot *s;

    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        s = &slots[i];
        if (s->name.data == NULL || (s->hash == hash && slice_eq(s->name, name)))
            return s;
    }
}

/* Spread over all bits: FNV's low ones are of the last bytes alone. */
static uint64_t finish(uint64_t h)
{
    h ^= h >> 32;
    h *= UINT64_C(0x9e3779b97f4a7c15);
    return h ^ (h >> 29);
}

static uint64_t hash_of(struct slice name)
{
    uint64_t h = DIST_HOST_HASH;

    for (size_t i = name.len; i > 0; i--)
        h = dist_host_hash(h, name.data[i - 1]);
    return finish(h);
}

static struct dist_slot *slot_of(struct dist_hosts *by, struct slice name)
{
    uint64_t hash = hash_of(name);
    struct dist_slot *s = probe(by->slots, by->mask, hash, name);

    s->hash = hash;
    s->name = name;
    return s;
}

/* What |host| ends with behind each of its dots. */
static void add_above(struct dist_hosts *by, struct slice host)
{
    struct slice label;

    while (slice_split(&host, '.', &label) && host.len > 0)
        slot_of(by, host)->above = true;
}

static void add(struct dist_hosts *by, const struct dist *d)
{
    for (size_t i = 0; i < d->hosts_n; i++) {
        struct slice host = d->hosts[i];
        if (d->enabled)
            add_above(by, host);
        if (host.len > 2 && host.data[0] == '*' && host.data[1] == '.') {
            host = slice_from(host, 2);
            slot_of(by, host)->wildcard = d;
            by->wildcard_lengths[host.len / 64 % 4] |= UINT64_C(1) << host.len % 64;
        } else if (host.len > 0) {
            slot_of(by, host)->exact = d;
        }
    }
    if (d->assigned.len > 0)
        slot_of(by, d->assigned)->assigned = d;
    if (d->any_host)
        by->any = d;
}

static size_t dots(struct slice host)
{
    size_t n = 0;

    for (size_t i = 0; i < host.len; i++)
        n += host.data[i] == '.';
    return n;
}

const struct dist_hosts *dist_hosts_make(struct dist_arena *arena, const struct dist *dists, size_t n)
{
    struct dist_hosts *by = dist_arena_get(arena, 1, sizeof(*by));
    size_t names = n, size = 4;

    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < dists[i].hosts_n; j++)
            names += 1 + dots(dists[i].hosts[j]);
    }
    while (size < 2 * names)
        size *= 2;
    struct dist_slot *slots = dist_arena_get(arena, size, sizeof(*slots));
    if (by == NULL || slots == NULL)
        return NULL;
    by->slots = slots;
    by->mask = size - 1;
    for (size_t i = 0; i < n; i++)
        add(by, &dists[i]);
    return by;
}

/* Letters and digits that look unlike each other; a name in DNS has no case. 13 of them are 65 bits. */
void dist_label(struct slice name, char out[DIST_LABEL_BYTES])
{
    static const char digits[] = "abcdefghijkmnpqrstuvwxyz23456789";
    struct slice parts[] = { SLICE_LIT("hedgerow distribution's label 1"), name };
    struct digest digest;

    digest_of(&digest, parts, 2);
    out[0] = 'd';
    for (size_t i = 1; i < DIST_LABEL_BYTES; i++)
        out[i] = digits[digest.bytes[i] & 31];
}

#define EDGE_MARK "--" /* between the distribution's label and the edge's */

static bool is_edge_label(struct slice label)
{
    if (label.len == 0 || label.len > DIST_EDGE_LABEL_MAX || label.data[0] == '-' || label.data[label.len - 1] == '-')
        return false;
    for (size_t i = 0; i < label.len; i++) {
        uint8_t c = label.data[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-')
            return false;
    }
    return true;
}

/* LABEL.ZONE, or LABEL--EDGE.ZONE, of which |*edge| is EDGE, else empty: the label is not a name that somebody else
 * could have among the hosts, so it is asked for apart. */
static const struct dist *assigned(const struct dist_hosts *by, struct slice host, struct slice zone,
                                   struct slice *edge)
{
    *edge = SLICE_EMPTY;
    if (zone.len == 0 || host.len < DIST_LABEL_BYTES + 1 + zone.len)
        return NULL;
    size_t dot = host.len - zone.len - 1;
    if (host.data[dot] != '.' || !slice_eq(slice_from(host, dot + 1), zone))
        return NULL;
    struct slice label = slice_head(host, DIST_LABEL_BYTES);
    if (dot > DIST_LABEL_BYTES) {
        struct slice rest = slice_from(slice_head(host, dot), DIST_LABEL_BYTES);
        const size_t mark = sizeof(EDGE_MARK) - 1;
        if (rest.len <= mark || !slice_eq(slice_head(rest, mark), SLICE_LIT(EDGE_MARK)) ||
            !is_edge_label(slice_from(rest, mark)))
            return NULL;
        *edge = slice_from(rest, mark);
    }
    return probe(by->slots, by->mask, hash_of(label), label)->assigned;
}

/* Who has |host| itself; else |*by_wildcard| is who has the longest wildcard for it. */
static const struct dist *named(const struct dist_hosts *by, struct slice host, const struct dist **by_wildcard)
{
    uint64_t h = DIST_HOST_HASH;

    for (size_t i = host.len; i > 0; i--) {
        size_t len = host.len - i;
        if (host.data[i - 1] == '.' && (by->wildcard_lengths[len / 64] >> len % 64 & 1) != 0 && i > 1) {
            uint64_t hash = finish(h);
            const struct dist_slot *s = probe(by->slots, by->mask, hash, slice_from(host, i));
            if (s->wildcard != NULL)
                *by_wildcard = s->wildcard; /* the next one is longer */
        }
        h = dist_host_hash(h, host.data[i - 1]);
    }
    return probe(by->slots, by->mask, finish(h), host)->exact;
}

/* Also one that is disabled. */
static const struct dist *find_named(const struct dist_hosts *by, struct slice host, struct slice zone)
{
    const struct dist *d, *by_wildcard = NULL;
    struct slice edge;

    if (host.len == 0 || host.len > DIST_HOST_BYTES_MAX)
        return NULL;
    d = named(by, host, &by_wildcard);
    if (d == NULL)
        d = assigned(by, host, zone, &edge);
    return d != NULL ? d : by_wildcard;
}

const struct dist *dist_find(const struct dist_set *s, struct slice host, struct slice zone)
{
    const struct dist *d = find_named(s->by_host, host, zone);

    if (d == NULL)
        d = s->by_host->any;
    return d != NULL && d->enabled ? d : NULL;
}

const struct dist *dist_find_named(const struct dist_set *s, struct slice host, struct slice zone)
{
    const struct dist *d = find_named(s->by_host, host, zone);

    return d != NULL && d->enabled ? d : NULL;
}

bool dist_above(const struct dist_set *s, struct slice name)
{
    return probe(s->by_host->slots, s->by_host->mask, hash_of(name), name)->above;
}

const struct dist *dist_at_edge(const struct dist_set *s, struct slice host, struct slice zone, struct slice *edge)
{
    const struct dist *by_wildcard = NULL;

    *edge = SLICE_EMPTY;
    if (host.len == 0 || host.len > DIST_HOST_BYTES_MAX)
        return NULL;
    const struct dist *d = assigned(s->by_host, host, zone, edge);
    return edge->len > 0 && d != NULL && named(s->by_host, host, &by_wildcard) == NULL ? d : NULL;
}

static struct slice first_exact(const struct dist *d)
{
    for (size_t i = 0; i < d->hosts_n; i++) {
        if (d->hosts[i].len > 0 && d->hosts[i].data[0] != '*')
            return d->hosts[i];
    }
    return SLICE_EMPTY;
}

void dist_main_host(struct buf *out, const struct dist *d, struct slice zone)
{
    struct slice own = first_exact(d);

    buf_add_slice(out, own.len > 0 ? own : d->assigned);
    if (own.len > 0)
        return;
    buf_add_u8(out, '.');
    buf_add_slice(out, zone);
}

bool dist_is_main_host(const struct dist *d, struct slice host, struct slice zone)
{
    struct slice own = first_exact(d), label = d->assigned;

    if (own.len > 0)
        return slice_eq(host, own);
    return zone.len > 0 && host.len == label.len + 1 + zone.len && host.data[label.len] == '.' &&
           slice_eq(slice_head(host, label.len), label) && slice_eq(slice_from(host, label.len + 1), zone);
}

const struct dist_origin *dist_measured(const struct dist_set *s)
{
    for (size_t i = 0; s != NULL && i < s->n; i++) {
        const struct dist *d = &s->dists[i];
        for (size_t j = 0; d->enabled && j < d->origins_n; j++) {
            if (d->origins[j].kind != DIST_DIRECTORY)
                return &d->origins[j];
        }
    }
    return NULL;
}
