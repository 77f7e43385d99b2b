#include "sim/report.h"

#include <stdio.h>

#include "sim/amounts.h"
#include "sim/answer.h"
#include "sim/config_model.h"
#include "sim/net/net.h"
#include "sim/purge_model.h"
#include "sim/rules/check.h"
#include "sim/series.h"
#include "sim/topology.h"
#include "sim/viewer_model.h"

#define CHANGES_SHOWN 24
#define ACTIONS_SHOWN 60

bool report_ok(const struct world *w)
{
    for (size_t i = 0; i < RULES_N; i++) {
        if (w->check->broken[i] > 0)
            return false;
    }
    return true;
}

/* ---- the parts ---- */

/* How many nodes are up; |*epoch|: the first one's ring, 0 where there is none. */
static size_t live_nodes(const struct world *w, uint64_t *epoch)
{
    size_t live = 0;

    *epoch = 0;
    for (uint32_t i = 0; i < w->sc.nodes; i++) {
        if (!edge_serves(&w->edges[i]))
            continue;
        if (live++ == 0)
            *epoch = ring_epoch(mesh_ring(engine_mesh(w->edges[i].engine)));
    }
    return live;
}

static void put_mesh(struct buf *out, struct world *w, const struct figures *f)
{
    char a[32], b[32], c[32];
    uint64_t epoch;
    size_t live = live_nodes(w, &epoch);

    buf_addf(out, "Mesh\n");
    buf_addf(out, "  all list all         %s after the last of them started\n", amount_seconds(a, f->joined_ms));
    buf_addf(out, "  at the end           %zu of %llu nodes live; %s, ring epoch %016llx\n", live,
             (unsigned long long)w->sc.nodes,
             w->check->broken[RULE_AGREE] == 0 ? "all agree on members and ring" : "they do NOT agree",
             (unsigned long long)epoch);
    buf_addf(out, "  settled              %s after the last fault and request\n", amount_seconds(a, f->agreed_ms));
    buf_addf(out, "  deaths declared      %s, of nodes that ran: %s; refuted: %s\n", amount_number(a, f->deaths),
             amount_number(b, f->wrong_deaths), amount_number(c, f->refutations));
    buf_addf(out, "  gossip               %s datagrams, %s, %s lost", amount_number(a, f->datagrams),
             amount_bytes(b, f->datagram_bytes), amount_number(c, f->datagrams_lost));
    if (f->virtual_ms > 0)
        buf_addf(out, "; %s a node and second",
                 amount_bytes(a, f->datagram_bytes * 1000 / f->virtual_ms / w->sc.nodes));
    buf_addf(out, "\n  backbone             %s connections, %s, %s segments sent again\n\n",
             amount_number(a, f->streams), amount_bytes(b, f->stream_bytes), amount_number(c, f->stalls));
}

static void put_origin(struct buf *out, const struct figures *f)
{
    char a[32], b[32];

    buf_addf(out, "Origin\n");
    buf_addf(out, "  distinct keys asked  %s\n", amount_number(a, f->keys_asked));
    buf_addf(out, "  origin fetches       %s, %s; the most for one key: %llu\n", amount_number(a, f->origin_fetches),
             amount_bytes(b, f->origin_bytes), (unsigned long long)f->origin_fetches_max);
    buf_addf(out, "  between nodes        %s", amount_bytes(a, f->peer_bytes));
    buf_addf(out, ", as they travelled %s", amount_bytes(a, f->peer_wire_bytes));
    if (f->far_bytes > 0)
        buf_addf(out, "; from one region to another %s", amount_bytes(a, f->far_bytes));
    buf_addf(out, "\n\n");
}

static void put_requests(struct buf *out, struct world *w, const struct figures *f)
{
    char a[32], b[32], c[32], d[32], e[32];
    const uint64_t counts[] = { f->hit, f->refresh, f->stale, f->peer, f->miss, f->error };
    struct viewers *v = w->viewers;

    buf_addf(out, "Viewers                 requests     share     p50 ms     p99 ms     max ms\n");
    for (size_t i = 0; i < 6; i++) {
        struct times *t = &v->by_result_ns[i];
        if (counts[i] == 0)
            continue;
        uint64_t p50 = times_at(t, 500), p99 = times_at(t, 990), most = times_at(t, 1000);
        bool none = p50 == FIGURE_NEVER;
        buf_addf(out, "  %-18s %11s %9s %10s %10s %10s\n", request_result_word((enum request_result)i),
                 amount_number(a, counts[i]), amount_share(b, counts[i], f->requests),
                 amount_ms(c, none ? p50 : p50 / 1000), amount_ms(d, none ? p99 : p99 / 1000),
                 amount_ms(e, none ? most : most / 1000));
    }
    if (f->cut > 0)
        buf_addf(out, "  %-18s %11s %9s\n", "node stopped", amount_number(a, f->cut),
                 amount_share(b, f->cut, f->requests));
    if (f->gone > 0)
        buf_addf(out, "  %-18s %11s %9s\n", "viewer went", amount_number(a, f->gone),
                 amount_share(b, f->gone, f->requests));
    buf_addf(out, "  %-18s %11s %9s %10s %10s %10s\n", "all", amount_number(a, f->requests), "",
             amount_ms(b, f->p50_us), amount_ms(c, f->p99_us), amount_ms(d, f->max_us));
    buf_addf(out, "  %s to viewers; joined a fetch under way: %s; moved to another copy: %s\n\n",
             amount_bytes(a, f->viewer_bytes), amount_number(b, f->collapsed), amount_number(c, f->moved));
}

static void put_purges(struct buf *out, const struct figures *f)
{
    char a[32], b[32], c[32], d[32];

    if (f->purges + f->purges_refused == 0)
        return;
    buf_addf(out, "Purges\n");
    buf_addf(out, "  called for           %s, and %s that no node took\n", amount_number(a, f->purges),
             amount_number(b, f->purges_refused));
    buf_addf(out, "  on a node's disk     after %s ms on average; p99 %s, p99.9 %s, at most %s; missed %llu times\n",
             amount_ms(a, f->purge_mean_us), amount_ms(b, f->purge_p99_us), amount_ms(c, f->purge_p999_us),
             amount_ms(d, f->purge_max_us), (unsigned long long)f->purges_missed);
    buf_addf(out, "  older answers        %s, the last one asked for %s after the call\n\n", amount_number(a, f->old),
             amount_seconds(b, f->old_max_ms));
}

static void put_configs(struct buf *out, const struct figures *f)
{
    char a[32], b[32], c[32];

    if (f->configs > 0)
        buf_addf(out, "Configuration\n  changes              %s, %s superseded; at all live nodes within %s\n\n",
                 amount_number(a, f->configs), amount_number(b, f->config_superseded),
                 amount_seconds(c, f->config_max_ms));
}

static void put_disks(struct buf *out, const struct world *w, const struct figures *f)
{
    char a[32], b[32], c[32], d[32];

    if (w->sc.disk == 0)
        return;
    buf_addf(out, "Disks\n  answered             %s objects, %s read; %s too late, %s damaged\n",
             amount_number(a, f->disk_hits), amount_bytes(b, f->disk_read_bytes), amount_number(c, f->disk_late),
             amount_number(d, f->disk_corrupt));
    buf_addf(out, "  written              %s objects, %s of them again; %s in all\n", amount_number(a, f->disk_written),
             amount_number(b, f->disk_again), amount_bytes(c, f->disk_written_bytes));
    buf_addf(out, "  at the end           %s objects; reads, writes and syncs that failed: %s\n\n",
             amount_number(a, f->disk_objects), amount_number(b, f->disk_failures));
}

static void put_story(struct buf *out, struct world *w)
{
    const struct check *c = w->check;
    char a[32], b[32];
    size_t shown = 0;

    if (w->sc.actions_n > 0) {
        buf_addf(out, "What happened\n");
        for (size_t i = 0; i < w->sc.actions_n && i < ACTIONS_SHOWN; i++) {
            buf_add_str(out, "  ");
            scenario_put_action(out, &w->sc, &w->sc.actions[i]);
            buf_add_u8(out, '\n');
        }
        if (w->sc.actions_n > ACTIONS_SHOWN)
            buf_addf(out, "  ... and %zu more\n", w->sc.actions_n - ACTIONS_SHOWN);
        buf_add_u8(out, '\n');
    }
    mesh_ns begin = (mesh_ns)(w->sc.nodes * w->sc.join_every);
    for (size_t i = 0; i < c->changes_n; i++) {
        const struct change *ch = &c->changes[i];
        if (ch->at <= begin && w->sc.actions_n == 0)
            continue;
        if (ch->at <= begin)
            continue;
        if (shown == 0)
            buf_addf(out, "Members                  at        all had noticed after\n");
        if (shown++ == CHANGES_SHOWN) {
            buf_addf(out, "  ... and %zu more\n", c->changes_n - i);
            break;
        }
        uint64_t took = ch->agreed_at == MESH_NS_NEVER ? FIGURE_NEVER : (uint64_t)(ch->agreed_at - ch->at) / MS(1);
        buf_addf(out, "  %-20s %9s  %9s\n", ch->text, amount_seconds(a, (uint64_t)(ch->at / MS(1))),
                 amount_seconds(b, took));
    }
    if (shown > 0)
        buf_add_u8(out, '\n');
}

/* How often each kind of fault bit, if any did. */
static void put_faults(struct buf *out, const struct world *w)
{
    size_t shown = 0;
    char a[32];

    for (size_t i = 0; i < FAULT_KINDS_N; i++) {
        uint64_t n = world_bitten(w, (enum fault_kind)i);
        if (n > 0)
            buf_addf(out, "%s  %-17s %11s",
                     shown++ == 0     ? "Faults that bit, and how often\n"
                     : shown % 3 == 1 ? "\n"
                                      : "",
                     fault_kinds[i].word, amount_number(a, n));
    }
    if (shown > 0)
        buf_add_str(out, "\n\n");
}

static void put_checks(struct buf *out, struct world *w, const char *how)
{
    const struct check *c = w->check;

    buf_addf(out, "Checks\n");
    for (size_t i = 0; i < RULES_N; i++) {
        if (i == RULE_EXPECT && w->sc.expectations_n == 0)
            continue;
        if ((i == RULE_PURGED || i == RULE_COMPLETE) && w->purges->n == 0)
            continue;
        if ((i == RULE_CONFIGURED && w->configs->n == 0) || (i == RULE_DISK && w->sc.disk == 0))
            continue;
        buf_addf(out, "  %s  (%c) %s",
                 c->broken[i] > 0   ? "BROKEN"
                 : c->not_judged[i] ? "  -   "
                                    : "  ok  ",
                 (char)('a' + i), rule_texts[i]);
        if (c->broken[i] > 1)
            buf_addf(out, ": %llu times", (unsigned long long)c->broken[i]);
        buf_addf(out, "%s\n", c->not_judged[i] ? ": not judged, there were evictions" : "");
    }
    for (size_t i = 0; i < c->messages_n; i++)
        buf_addf(out, "%s    %s\n", i == 0 ? "\n" : "", c->messages[i]);
    if (!report_ok(w))
        buf_addf(out, "\nBROKEN with seed %llu. To see it again: %s\n", (unsigned long long)w->sc.seed, how);
}

void report_text(struct buf *out, struct world *w, const struct figures *f, const char *how)
{
    char a[32], hash[TRACE_HASH_TEXT_MAX];

    answer_put(out, w, f, false);
    buf_add_str(out, ".\n");
    answer_load_put(out, w, "");
    buf_add_str(out, "\n");
    buf_addf(out, "hedgerow-sim: seed %llu, %llu nodes in %llu zones, %s of virtual time\n\n",
             (unsigned long long)w->sc.seed, (unsigned long long)w->sc.nodes, (unsigned long long)w->sc.zones,
             amount_seconds(a, f->virtual_ms));
    if (world_stand_in(&w->sc))
        buf_addf(out, "crypto: stand-in. Sizes and refusals are as ever, but nothing is secret or hard to forge.\n\n");
    topology_put(out, &w->sc);
    put_mesh(out, w, f);
    put_origin(out, f);
    put_requests(out, w, f);
    put_purges(out, f);
    put_configs(out, f);
    put_disks(out, w, f);
    put_story(out, w);
    put_faults(out, w);
    put_checks(out, w, how);
    buf_addf(out, "\ntrace %s over %s events\n", trace_hash_text(&w->trace, hash), amount_number(a, f->events));
}

/* ---- JSON ---- */

void report_quoted(struct buf *out, const char *text)
{
    buf_add_u8(out, '"');
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '"' || *p == '\\')
            buf_add_u8(out, '\\');
        if ((unsigned char)*p < 0x20)
            buf_addf(out, "\\u%04x", (unsigned)(unsigned char)*p);
        else
            buf_add_u8(out, (uint8_t)*p);
    }
    buf_add_u8(out, '"');
}

/* Every fiftieth, and closer where it matters. */
unsigned report_quantile(size_t i)
{
    static const uint16_t last[] = { 990, 995, 999, 1000 };
    return i < 50 ? 20 * (unsigned)i : last[i - 50];
}

/* What is drawn when runs are compared: SERIES_BUCKETS_MAX steps at most, however long the run. */
static void put_times(struct buf *out, struct world *w)
{
    const struct series_book *s = w->series;
    struct viewers *v = w->viewers;

    buf_addf(out, "\"over_time\":{\"step_ms\":%llu,\"requests\":[", (unsigned long long)(s->width / MS(1)));
    for (size_t i = 0; i < s->n; i++) {
        uint64_t all = 0;
        for (size_t e = 0; e < SERIES_ENDS_N; e++)
            all += s->buckets[i].ends[e];
        buf_addf(out, "%s%llu", i > 0 ? "," : "", (unsigned long long)all);
    }
    buf_add_str(out, "],\"origin_fetches\":[");
    for (size_t i = 0; i < s->n; i++)
        buf_addf(out, "%s%llu", i > 0 ? "," : "", (unsigned long long)s->buckets[i].fetches);
    buf_add_str(out, "]},\"first_byte_us\":[");
    for (size_t i = 0; i < REPORT_QUANTILES; i++) {
        uint64_t ns = times_at(&v->first_byte_ns, report_quantile(i));
        buf_add_str(out, i > 0 ? "," : "");
        if (ns == FIGURE_NEVER)
            buf_add_str(out, "null");
        else
            buf_addf(out, "%llu", (unsigned long long)(ns / (uint64_t)US(1)));
    }
    buf_add_str(out, "],");
}

void report_json(struct buf *out, struct world *w, const struct figures *f, const char *how)
{
    const struct check *c = w->check;
    char hash[TRACE_HASH_TEXT_MAX];
    uint64_t epoch;

    live_nodes(w, &epoch);
    buf_addf(out, "{\"schema\":1,\"ok\":%s,\"seed\":%llu,\"trace\":\"%s\",\"crypto\":\"%s\",\"command\":",
             report_ok(w) ? "true" : "false", (unsigned long long)w->sc.seed, trace_hash_text(&w->trace, hash),
             world_stand_in(&w->sc) ? "stand-in" : "real");
    report_quoted(out, how);
    buf_addf(out, ",\"nodes\":%llu,\"zones\":%llu,\"ring_epoch\":\"%016llx\",\"figures\":{",
             (unsigned long long)w->sc.nodes, (unsigned long long)w->sc.zones, (unsigned long long)epoch);
    for (size_t i = 0; i < w->sc.words->figures_n; i++) {
        uint64_t v = figure_of(f, i);
        buf_addf(out, "%s\"%s\":", i > 0 ? "," : "", w->sc.words->figures[i]);
        if (v == FIGURE_NEVER)
            buf_add_str(out, "null");
        else
            buf_addf(out, "%llu", (unsigned long long)v);
    }
    buf_add_str(out, "},\"faults\":{");
    for (size_t i = 0; i < FAULT_KINDS_N; i++)
        buf_addf(out, "%s\"%s\":%llu", i > 0 ? "," : "", fault_kinds[i].word,
                 (unsigned long long)world_bitten(w, (enum fault_kind)i));
    buf_add_str(out, "},");
    put_times(out, w);
    buf_add_str(out, "\"checks\":[");
    for (size_t i = 0; i < RULES_N; i++) {
        buf_addf(out, "%s{\"rule\":\"%c\",\"text\":", i > 0 ? "," : "", (char)('a' + i));
        report_quoted(out, rule_texts[i]);
        buf_addf(out, ",\"broken\":%llu,\"judged\":%s}", (unsigned long long)c->broken[i],
                 c->not_judged[i] ? "false" : "true");
    }
    buf_addf(out, "],\"messages\":[");
    for (size_t i = 0; i < c->messages_n; i++) {
        buf_add_str(out, i > 0 ? "," : "");
        report_quoted(out, c->messages[i]);
    }
    buf_addf(out, "]}\n");
}
