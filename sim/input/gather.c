#include "sim/input/gather.h"

#include <stdlib.h>

#include "proto/base/buf.h"
#include "proto/base/rand.h"

#define EDGES_MAX  1000
#define SECOND_US  1000000
#define SAMPLE_MIX UINT64_C(0x53484152445320aa) /* so that the sample is not a part of the table */

struct slot {
    uint64_t hash;
    uint32_t key; /* 0: free */
};

struct gather {
    struct log_reader reader;
    struct workload *load;
    uint64_t requests_cap, keys_cap;
    struct slot *slots;
    uint64_t slots_n; /* power of two */
    uint32_t last_edge;
    bool failed;
    uint64_t log_at; /* first request of the log that is read; 0: of the first one */
    bool sorted;     /* what was read of it, the last of it at: */
    int64_t last_us;
};

struct gather *gather_new(uint64_t sample)
{
    struct gather *g = calloc(1, sizeof(*g));

    if (g == NULL)
        return NULL;
    g->load = calloc(1, sizeof(*g->load));
    g->slots_n = 1024;
    g->slots = calloc((size_t)g->slots_n, sizeof(*g->slots));
    g->sorted = true;
    g->last_us = INT64_MIN;
    if (g->load == NULL || g->slots == NULL) {
        gather_free(g);
        return NULL;
    }
    g->load->sample = sample;
    return g;
}

void gather_free(struct gather *g)
{
    if (g == NULL)
        return;
    workload_free(g->load);
    free(g->slots);
    free(g);
}

bool gather_ok(const struct gather *g)
{
    return !g->failed;
}

uint64_t gather_understood(const struct gather *g)
{
    const struct workload *l = g->load;
    return l->n + l->methods + l->statuses + l->others;
}

void gather_broken(struct gather *g)
{
    g->load->lines++;
    g->load->broken++;
}

/* ---- which object ---- */

static uint64_t hash_add(uint64_t h, struct slice s)
{
    uint8_t last[8] = { 0 };

    for (; s.len >= 8; s = slice_from(s, 8))
        h = rand_mix(h ^ be64_get(s.data));
    if (s.len > 0)
        memcpy(last, s.data, s.len);
    return rand_mix(h ^ be64_get(last) ^ (uint64_t)s.len << 56);
}

static uint64_t hash_host(struct slice host)
{
    uint8_t lower[64];
    uint64_t h = 1;

    for (; host.len > 0; host = slice_from(host, sizeof(lower))) {
        size_t n = host.len < sizeof(lower) ? host.len : sizeof(lower);
        for (size_t i = 0; i < n; i++)
            lower[i] = host.data[i] >= 'A' && host.data[i] <= 'Z' ? (uint8_t)(host.data[i] + 32) : host.data[i];
        h = hash_add(h, slice_of(lower, n));
    }
    return h;
}

/* A query in a column of its own is the same as behind a question mark. */
static uint64_t hash_object(const struct log_line *l)
{
    struct slice query = l->uri, path;
    uint64_t h = hash_host(l->host);

    slice_split(&query, '?', &path);
    h = hash_add(h, path);
    if (l->query.len > 0)
        query = l->query;
    return query.len > 0 ? hash_add(h, query) : h;
}

static bool grow_slots(struct gather *g)
{
    uint64_t n = 2 * g->slots_n;
    struct slot *new = calloc((size_t)n, sizeof(*new));

    if (new == NULL)
        return false;
    for (uint64_t i = 0; i < g->slots_n; i++) {
        uint64_t at = g->slots[i].hash & (n - 1);
        if (g->slots[i].key == 0)
            continue;
        while (new[at].key != 0)
            at = (at + 1) & (n - 1);
        new[at] = g->slots[i];
    }
    free(g->slots);
    g->slots = new;
    g->slots_n = n;
    return true;
}

/* The key of |hash|, a new one if need be. 0: out of memory. */
static uint32_t key_of(struct gather *g, uint64_t hash)
{
    struct workload *l = g->load;
    uint64_t at = hash & (g->slots_n - 1);

    while (g->slots[at].key != 0) {
        if (g->slots[at].hash == hash)
            return g->slots[at].key;
        at = (at + 1) & (g->slots_n - 1);
    }
    if (l->keys_n == g->keys_cap) {
        uint64_t cap = 2 * g->keys_cap + 1024;
        struct workload_key *grown = realloc(l->keys, (size_t)cap * sizeof(*grown));
        if (grown == NULL || cap > UINT32_MAX)
            return 0;
        l->keys = grown;
        g->keys_cap = cap;
    }
    l->keys[l->keys_n++] = (struct workload_key){ .bytes = WORKLOAD_UNKNOWN, .max_age_s = WORKLOAD_UNSAID };
    g->slots[at] = (struct slot){ hash, (uint32_t)l->keys_n };
    if (4 * l->keys_n > 3 * g->slots_n && !grow_slots(g))
        return 0;
    return (uint32_t)l->keys_n;
}

static void know_body(struct workload_key *k, const struct log_line *l)
{
    if (l->has_max_age)
        k->max_age_s = l->max_age_s;
    if (!l->has_bytes || (k->whole && !l->whole))
        return;
    bool better = (l->whole && !k->whole) || k->bytes == WORKLOAD_UNKNOWN || l->bytes > k->bytes;
    if (better && (l->whole || l->status == 206)) {
        k->bytes = l->bytes;
        k->whole = l->whole;
    }
}

/* ---- who asked where ---- */

/* The number of a node's name; EDGES_MAX: there are too many of them, or no memory. */
static uint32_t edge_of(struct gather *g, struct slice name)
{
    struct workload *l = g->load;

    name = slice_head(name, WORKLOAD_NAME_MAX - 1);
    for (uint32_t i = 0; i < l->edges_n; i++) { /* mostly there are few, and often it is the same again */
        uint32_t at = (g->last_edge + i) % (uint32_t)l->edges_n;
        if (slice_eq(name, slice_str(l->edges[at])))
            return g->last_edge = at;
    }
    if (l->edges_n == EDGES_MAX)
        return EDGES_MAX;
    char(*grown)[WORKLOAD_NAME_MAX] = realloc(l->edges, (size_t)(l->edges_n + 1) * sizeof(*grown));
    if (grown == NULL)
        return EDGES_MAX;
    l->edges = grown;
    memset(l->edges[l->edges_n], 0, WORKLOAD_NAME_MAX);
    for (size_t i = 0; i < name.len; i++) /* a zero would end it, and it would never be found again */
        l->edges[l->edges_n][i] = name.data[i] != 0 ? (char)name.data[i] : '?';
    return (uint32_t)l->edges_n++;
}

static uint32_t who_asked(struct gather *g, const struct log_line *l)
{
    if (l->edge.len > 0) {
        uint32_t edge = edge_of(g, l->edge);
        if (edge < EDGES_MAX)
            return WORKLOAD_EDGE | edge;
    }
    struct slice who = l->client.len > 0 ? l->client : l->edge;
    uint64_t hash = who.len > 0 ? hash_add(2, who) : rand_mix(g->load->lines);
    return (uint32_t)(hash >> 33);
}

/* ---- lines ---- */

static bool add(struct gather *g, const struct log_line *line, uint32_t key)
{
    struct workload *l = g->load;

    if (l->n == g->requests_cap) {
        uint64_t cap = g->requests_cap + g->requests_cap / 2 + 4096;
        struct workload_request *grown = realloc(l->requests, (size_t)cap * sizeof(*grown));
        if (grown == NULL)
            return false;
        l->requests = grown;
        g->requests_cap = cap;
    }
    /* Until the end times are as they are written; unsigned, shifted, so that they compare alike. */
    l->requests[l->n++] =
        (struct workload_request){ (uint64_t)line->at_us ^ UINT64_C(1) << 63, key, who_asked(g, line) };
    g->sorted = g->sorted && line->at_us >= g->last_us;
    g->last_us = line->at_us;
    return true;
}

/* What has a body of its own that may be kept: 206 and 304 are about one. */
static bool is_object(const struct log_line *l)
{
    return !l->has_status || (l->status >= 200 && l->status < 300) || l->status == 301 || l->status == 304 ||
           l->status == 308;
}

static const char *format_of(const struct workload *l, const char *word)
{
    return l->format == NULL || strcmp(l->format, word) == 0 ? word : "several formats";
}

const char *gather_line(struct gather *g, struct slice text)
{
    struct workload *l = g->load;
    struct log_line line;
    const char *why;

    l->lines++;
    switch (log_read(&g->reader, text, &line, &why)) {
    case LOG_NOTHING: return NULL;
    case LOG_BROKEN: l->broken++; return why;
    case LOG_REQUEST: break;
    }
    l->format = format_of(l, log_format_word(g->reader.format));
    if (line.method.len > 0 && !slice_eq(line.method, SLICE_LIT("GET"))) {
        l->methods++;
        return NULL;
    }
    if (!is_object(&line)) {
        l->statuses++;
        return NULL;
    }
    uint64_t hash = hash_object(&line);
    if (l->sample > 1 && rand_mix(hash ^ SAMPLE_MIX) % l->sample != 0) {
        l->others++;
        return NULL;
    }
    uint32_t key = key_of(g, hash);
    if (key == 0 || !add(g, &line, key)) {
        g->failed = true;
        return NULL;
    }
    know_body(&l->keys[key - 1], &line);
    return NULL;
}

/* ---- in order ---- */

/* Merge sort, since equal times keep the order in which they were written. false: out of memory. */
static bool sort(struct workload_request *requests, uint64_t n)
{
    struct workload_request *from = requests, *to = malloc((size_t)n * sizeof(*to)), *spare = to;

    if (to == NULL)
        return n == 0;
    for (uint64_t width = 1; width < n; width *= 2) {
        for (uint64_t at = 0; at < n; at += 2 * width) {
            uint64_t middle = at + width < n ? at + width : n, end = at + 2 * width < n ? at + 2 * width : n;
            uint64_t a = at, b = middle;
            for (uint64_t i = at; i < end; i++)
                to[i] = a < middle && (b == end || from[a].at_us <= from[b].at_us) ? from[a++] : from[b++];
        }
        struct workload_request *other = from;
        from = to;
        to = other;
    }
    if (from != requests)
        memcpy(requests, from, (size_t)n * sizeof(*from));
    free(spare);
    return true;
}

static bool whole_seconds(const struct workload_request *requests, uint64_t n)
{
    for (uint64_t i = 1; i < n; i++) {
        if ((requests[i].at_us - requests[0].at_us) % SECOND_US != 0)
            return false;
    }
    return n > 0;
}

static void spread(struct workload_request *requests, uint64_t n)
{
    uint64_t end;

    for (uint64_t at = 0; at < n; at = end) {
        uint64_t second = requests[at].at_us;
        end = at;
        while (end < n && requests[end].at_us == second)
            end++;
        for (uint64_t i = at; i < end; i++)
            requests[i].at_us = second + (i - at) * SECOND_US / (end - at);
    }
}

void gather_next(struct gather *g)
{
    struct workload *l = g->load;
    struct workload_request *requests = l->n > g->log_at ? &l->requests[g->log_at] : NULL;
    uint64_t n = l->n - g->log_at;

    if (!g->sorted && !sort(requests, n))
        g->failed = true;
    if (whole_seconds(requests, n))
        spread(requests, n);
    memset(&g->reader, 0, sizeof(g->reader));
    g->log_at = l->n;
    g->sorted = true;
    g->last_us = INT64_MIN;
}

struct workload *gather_end(struct gather *g)
{
    struct workload *l = g->load;
    bool several = g->log_at > 0;

    gather_next(g);
    if (g->failed || (several && !sort(l->requests, l->n)))
        return NULL;
    for (uint64_t i = l->n; i-- > 0;)
        l->requests[i].at_us -= l->requests[0].at_us;
    if (l->format == NULL)
        l->format = log_format_word(LOG_UNKNOWN);
    if (l->n > 0) {
        struct workload_request *fit = realloc(l->requests, (size_t)l->n * sizeof(*fit));
        l->requests = fit != NULL ? fit : l->requests;
    }
    g->load = NULL;
    return l;
}
