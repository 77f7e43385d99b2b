#include "sim/members/members_report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/figures.h"
#include "sim/members/protocol.h"

/* ---- figures ---- */

static uint64_t ms(mesh_ns from, mesh_ns at)
{
    if (from == MESH_NS_NEVER || at == MESH_NS_NEVER)
        return FIGURE_NEVER;
    return (uint64_t)(at - from) / (uint64_t)MS(1);
}

static int by_size(const void *a, const void *b)
{
    mesh_ns x = *(const mesh_ns *)a, y = *(const mesh_ns *)b;
    return x < y ? -1 : x > y;
}

/* The |per_mille|-th value, by nearest rank. */
static uint64_t at_ms(const struct series *s, uint64_t per_mille)
{
    if (s->n == 0)
        return FIGURE_NEVER;
    size_t rank = (size_t)((s->n * per_mille + 999) / 1000);
    return (uint64_t)(s->values[rank > 0 ? rank - 1 : 0] / MS(1));
}

static uint64_t mean_ms(const struct series *s)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < s->n; i++)
        sum += (uint64_t)s->values[i] / (uint64_t)US(1);
    return s->n == 0 ? FIGURE_NEVER : sum / s->n / 1000;
}

static void add_gossip(struct crowd *c, struct members_figures *f)
{
    struct gossip_counters sum = c->ended;

    for (uint32_t i = 0; i < c->n; i++) {
        if (!crowd_up(c, i))
            continue;
        f->live++;
        const struct gossip_counters *g = protocol_counters(c, i);
#define X(name, help) sum.name += g->name;
        GOSSIP_COUNTERS(X)
#undef X
    }
    f->suspicions = sum.suspicions;
    f->deaths = sum.deaths;
    f->refutations = sum.refutations;
    f->syncs = sum.syncs;
    f->overflows = sum.overflows;
    f->malformed = sum.malformed;
}

static void add_series(struct crowd *c, struct members_figures *f)
{
    if (c->crash_times.n > 0)
        qsort(c->crash_times.values, c->crash_times.n, sizeof(mesh_ns), by_size);
    if (c->update_times.n > 0)
        qsort(c->update_times.values, c->update_times.n, sizeof(mesh_ns), by_size);
    f->crashes = c->crashes;
    f->crash_missed = c->crash_missed;
    f->crash_p50_ms = at_ms(&c->crash_times, 500);
    f->crash_p99_ms = at_ms(&c->crash_times, 990);
    f->crash_max_ms = at_ms(&c->crash_times, 1000);
    f->updates = c->updates;
    f->updates_lost = c->updates_lost;
    f->update_mean_ms = mean_ms(&c->update_times);
    f->update_p99_ms = at_ms(&c->update_times, 990);
    f->update_max_ms = at_ms(&c->update_times, 1000);
    f->update_half_ms = mean_ms(&c->update_shares[0]);
    f->update_90_ms = mean_ms(&c->update_shares[1]);
    f->update_99_ms = mean_ms(&c->update_shares[2]);
    f->update_node_mean_ms = c->update_nodes == 0 ? FIGURE_NEVER : c->update_node_us / c->update_nodes / 1000;
}

static uint64_t per_node_second(const struct crowd *c, uint64_t bytes)
{
    uint64_t ms_measured = c->sc.time > c->sc.warmup ? (c->sc.time - c->sc.warmup) / (uint64_t)MS(1) : 0;
    return ms_measured == 0 ? 0 : bytes * 1000 / ms_measured / c->n;
}

void crowd_figures(struct crowd *c, struct members_figures *f)
{
    memset(f, 0, sizeof(*f));
    f->joined_ms = ms(c->joined_from, c->joined_at);
    f->healed_ms = ms(c->healed_from, c->healed_at);
    f->agreed_ms = ms(c->calm_from, c->agreed_at);
    f->restarted_ms = ms(c->started_from, c->restarted_at);
    f->stuck = agree_stuck(c);
    add_series(c, f);
    f->wrong_deaths = c->wrong_deaths;
    f->wrong_views = c->wrong_views;
    f->faulty_deaths = c->faulty_deaths;
    f->ring_moves = c->ring_moves;
    f->idle_bytes = per_node_second(c, c->bytes_at_time - c->bytes_at_warmup);
    f->idle_datagram_bytes = per_node_second(c, c->datagram_bytes_at_time - c->datagram_bytes_at_warmup);
    f->peak_bytes = c->peak_bytes;
#define X(name) f->name = c->counts.name;
    CROWD_COUNTS(X)
#undef X
    add_gossip(c, f);
    f->virtual_ms = (uint64_t)(c->now / MS(1));
    f->events = c->events;
}

/* ---- judging ---- */

__attribute__((format(printf, 2, 3))) static void complain(struct crowd *c, const char *fmt, ...)
{
    char text[400];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    buf_addf(&c->complaints, "  %s\n", text);
    c->unmet++;
}

static void judge(struct crowd *c, const struct members_figures *f)
{
    if (c->wrong[0] != '\0')
        complain(c, "at the end the views are not right: %s", c->wrong);
    if (f->malformed > 0)
        complain(c, "gossip refused %llu payloads of its own kind", (unsigned long long)f->malformed);
    c->unmet += scenario_unmet(&c->complaints, &c->sc, f);
}

/* ---- showing ---- */

static const char *const figure_help[] = {
#define X(name, help) help,
    MEMBERS_FIGURES(X)
#undef X
};

static void put_value(struct buf *out, uint64_t v)
{
    if (v == FIGURE_NEVER)
        buf_add_str(out, "null");
    else
        buf_addf(out, "%llu", (unsigned long long)v);
}

static void put_series(struct buf *out, const char *name, const struct series *s)
{
    buf_addf(out, "\"%s\":[", name);
    for (size_t i = 0; i < s->n; i++)
        buf_addf(out, "%s%llu", i > 0 ? "," : "", (unsigned long long)(s->values[i] / MS(1)));
    buf_add_str(out, "],");
}

static void put_json(struct buf *out, struct crowd *c, const struct members_figures *f, const char *again)
{
    buf_addf(out, "{\"ok\":%s,\"seed\":%llu,\"nodes\":%u,", c->unmet == 0 ? "true" : "false",
             (unsigned long long)c->sc.seed, c->n);
    for (size_t i = 0; i < c->sc.words->figures_n; i++) {
        buf_addf(out, "\"%s\":", c->sc.words->figures[i]);
        put_value(out, figure_of(f, i));
        buf_add_u8(out, ',');
    }
    put_series(out, "crash_ms", &c->crash_times);
    put_series(out, "update_ms", &c->update_times);
    buf_addf(out, "\"trace\":\"%016llx%016llx\",\"again\":\"%s\"}\n", (unsigned long long)c->trace[0],
             (unsigned long long)c->trace[1], again);
}

static void put_text(struct buf *out, struct crowd *c, const struct members_figures *f, const char *again)
{
    buf_addf(out, "%u members, seed %llu\n\n", c->n, (unsigned long long)c->sc.seed);
    for (size_t i = 0; i < c->sc.words->figures_n; i++) {
        uint64_t v = figure_of(f, i);
        if (v == FIGURE_NEVER)
            buf_addf(out, "%14s", "-");
        else
            buf_addf(out, "%14llu", (unsigned long long)v);
        buf_addf(out, "  %-20s  %s\n", c->sc.words->figures[i], figure_help[i]);
    }
    buf_add_u8(out, '\n');
    if (c->unmet > 0) {
        buf_addf(out, "BROKEN with seed %llu. To see it again: %s\n", (unsigned long long)c->sc.seed, again);
        buf_add_slice(out, buf_slice(&c->complaints));
    } else {
        buf_add_str(out, "all held\n");
    }
    buf_addf(out, "trace %016llx%016llx %llu events\n", (unsigned long long)c->trace[0],
             (unsigned long long)c->trace[1], (unsigned long long)c->events);
}

bool members_report(struct buf *out, struct crowd *c, const struct members_figures *f, bool json, const char *again)
{
    judge(c, f);
    if (json)
        put_json(out, c, f, again);
    else
        put_text(out, c, f, again);
    return c->unmet == 0;
}
