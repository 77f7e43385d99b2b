#include "sim/report.h"

#include <stdio.h>

#include "sim/check.h"
#include "sim/config_model.h"
#include "sim/net.h"
#include "sim/purge_model.h"
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

/* ---- numbers for people ---- */

/* 1234567 as "1,234,567". */
static const char *number(char text[32], uint64_t n)
{
    char digits[24];
    int len = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n), at = 0;

    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            text[at++] = ',';
        text[at++] = digits[i];
    }
    text[at] = '\0';
    return text;
}

static const char *bytes_text(char text[32], uint64_t n)
{
    static const char *const units[] = { "B", "KB", "MB", "GB", "TB" };
    size_t unit = 0;
    uint64_t tenths = n * 10;

    while (tenths >= 10000 && unit < 4) {
        tenths /= 1000;
        unit++;
    }
    if (unit == 0)
        snprintf(text, 32, "%llu B", (unsigned long long)n);
    else
        snprintf(text, 32, "%llu.%llu %s", (unsigned long long)(tenths / 10), (unsigned long long)(tenths % 10),
                 units[unit]);
    return text;
}

static const char *seconds(char text[32], uint64_t ms)
{
    if (ms == FIGURE_NEVER)
        snprintf(text, 32, "never");
    else
        snprintf(text, 32, "%llu.%llu s", (unsigned long long)(ms / 1000), (unsigned long long)(ms / 100 % 10));
    return text;
}

static const char *latency(char text[32], uint64_t us)
{
    if (us == FIGURE_NEVER)
        snprintf(text, 32, "-");
    else
        snprintf(text, 32, "%llu.%02llu", (unsigned long long)(us / 1000), (unsigned long long)(us / 10 % 100));
    return text;
}

static const char *share(char text[32], uint64_t part, uint64_t whole)
{
    uint64_t tenths = whole == 0 ? 0 : (part * 1000 + whole / 2) / whole;
    snprintf(text, 32, "%llu.%llu %%", (unsigned long long)(tenths / 10), (unsigned long long)(tenths % 10));
    return text;
}

/* ---- the parts ---- */

static void put_mesh(struct buf *out, struct world *w, const struct figures *f)
{
    char a[32], b[32], c[32];
    size_t live = 0;
    uint64_t epoch = 0;

    for (uint32_t i = 0; i < w->sc.nodes; i++) {
        if (!edge_serves(&w->edges[i]))
            continue;
        if (live++ == 0)
            epoch = ring_epoch(mesh_ring(engine_mesh(w->edges[i].engine)));
    }
    buf_addf(out, "Mesh\n");
    buf_addf(out, "  all list all         %s after the last of them started\n", seconds(a, f->joined_ms));
    buf_addf(out, "  at the end           %zu of %llu nodes live; %s, ring epoch %016llx\n", live,
             (unsigned long long)w->sc.nodes,
             w->check->broken[RULE_AGREE] == 0 ? "all agree on members and ring" : "they do NOT agree",
             (unsigned long long)epoch);
    buf_addf(out, "  settled              %s after the last fault and request\n", seconds(a, f->agreed_ms));
    buf_addf(out, "  deaths declared      %s, of nodes that ran: %s; refuted: %s\n", number(a, f->deaths),
             number(b, f->wrong_deaths), number(c, f->refutations));
    buf_addf(out, "  gossip               %s datagrams, %s, %s lost", number(a, f->datagrams),
             bytes_text(b, f->datagram_bytes), number(c, f->datagrams_lost));
    if (f->virtual_ms > 0)
        buf_addf(out, "; %s a node and second", bytes_text(a, f->datagram_bytes * 1000 / f->virtual_ms / w->sc.nodes));
    buf_addf(out, "\n  backbone             %s connections, %s, %s segments sent again\n\n", number(a, f->streams),
             bytes_text(b, f->stream_bytes), number(c, f->stalls));
}

static void put_origin(struct buf *out, const struct figures *f)
{
    char a[32], b[32];

    buf_addf(out, "Origin\n");
    buf_addf(out, "  distinct keys asked  %s\n", number(a, f->keys_asked));
    buf_addf(out, "  origin fetches       %s, %s; the most for one key: %llu\n", number(a, f->origin_fetches),
             bytes_text(b, f->origin_bytes), (unsigned long long)f->origin_fetches_max);
    buf_addf(out, "  between nodes        %s", bytes_text(a, f->peer_bytes));
    buf_addf(out, ", as they travelled %s", bytes_text(a, f->peer_wire_bytes));
    if (f->far_bytes > 0)
        buf_addf(out, "; from one region to another %s", bytes_text(a, f->far_bytes));
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
                 number(a, counts[i]), share(b, counts[i], f->requests), latency(c, none ? p50 : p50 / 1000),
                 latency(d, none ? p99 : p99 / 1000), latency(e, none ? most : most / 1000));
    }
    if (f->cut > 0)
        buf_addf(out, "  %-18s %11s %9s\n", "node stopped", number(a, f->cut), share(b, f->cut, f->requests));
    if (f->gone > 0)
        buf_addf(out, "  %-18s %11s %9s\n", "viewer went", number(a, f->gone), share(b, f->gone, f->requests));
    buf_addf(out, "  %-18s %11s %9s %10s %10s %10s\n", "all", number(a, f->requests), "", latency(b, f->p50_us),
             latency(c, f->p99_us), latency(d, f->max_us));
    buf_addf(out, "  %s to viewers; joined a fetch under way: %s; moved to another copy: %s\n\n",
             bytes_text(a, f->viewer_bytes), number(b, f->collapsed), number(c, f->moved));
}

static void put_purges(struct buf *out, const struct figures *f)
{
    char a[32], b[32], c[32], d[32];

    if (f->purges + f->purges_refused == 0)
        return;
    buf_addf(out, "Purges\n");
    buf_addf(out, "  called for           %s, and %s that no node took\n", number(a, f->purges),
             number(b, f->purges_refused));
    buf_addf(out, "  on a node's disk     after %s ms on average; p99 %s, p99.9 %s, at most %s; missed %llu times\n",
             latency(a, f->purge_mean_us), latency(b, f->purge_p99_us), latency(c, f->purge_p999_us),
             latency(d, f->purge_max_us), (unsigned long long)f->purges_missed);
    buf_addf(out, "  older answers        %s, the last one asked for %s after the call\n\n", number(a, f->old),
             seconds(b, f->old_max_ms));
}

static void put_configs(struct buf *out, const struct figures *f)
{
    char a[32], b[32], c[32];

    if (f->configs > 0)
        buf_addf(out, "Configuration\n  changes              %s, %s superseded; at all live nodes within %s\n\n",
                 number(a, f->configs), number(b, f->config_superseded), seconds(c, f->config_max_ms));
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
        buf_addf(out, "  %-20s %9s  %9s\n", ch->text, seconds(a, (uint64_t)(ch->at / MS(1))), seconds(b, took));
    }
    if (shown > 0)
        buf_add_u8(out, '\n');
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
        if (i == RULE_CONFIGURED && w->configs->n == 0)
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

    buf_addf(out, "hedgerow-sim: seed %llu, %llu nodes in %llu zones, %s of virtual time\n\n",
             (unsigned long long)w->sc.seed, (unsigned long long)w->sc.nodes, (unsigned long long)w->sc.zones,
             seconds(a, f->virtual_ms));
    if (world_stand_in(&w->sc))
        buf_addf(out, "crypto: stand-in. Sizes and refusals are as ever, but nothing is secret or hard to forge.\n\n");
    put_mesh(out, w, f);
    put_origin(out, f);
    put_requests(out, w, f);
    put_purges(out, f);
    put_configs(out, f);
    put_story(out, w);
    put_checks(out, w, how);
    buf_addf(out, "\ntrace %s over %s events\n", trace_hash_text(&w->trace, hash), number(a, f->events));
}

/* ---- JSON ---- */

static void put_json_text(struct buf *out, const char *text)
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

void report_json(struct buf *out, struct world *w, const struct figures *f, const char *how)
{
    const struct check *c = w->check;
    char hash[TRACE_HASH_TEXT_MAX];

    buf_addf(out, "{\"schema\":1,\"ok\":%s,\"seed\":%llu,\"trace\":\"%s\",\"crypto\":\"%s\",\"command\":",
             report_ok(w) ? "true" : "false", (unsigned long long)w->sc.seed, trace_hash_text(&w->trace, hash),
             world_stand_in(&w->sc) ? "stand-in" : "real");
    put_json_text(out, how);
    buf_addf(out, ",\"nodes\":%llu,\"zones\":%llu,\"figures\":{", (unsigned long long)w->sc.nodes,
             (unsigned long long)w->sc.zones);
    for (size_t i = 0; i < w->sc.words->figures_n; i++) {
        uint64_t v = figure_of(f, i);
        buf_addf(out, "%s\"%s\":", i > 0 ? "," : "", w->sc.words->figures[i]);
        if (v == FIGURE_NEVER)
            buf_add_str(out, "null");
        else
            buf_addf(out, "%llu", (unsigned long long)v);
    }
    buf_addf(out, "},\"checks\":[");
    for (size_t i = 0; i < RULES_N; i++) {
        buf_addf(out, "%s{\"rule\":\"%c\",\"text\":", i > 0 ? "," : "", (char)('a' + i));
        put_json_text(out, rule_texts[i]);
        buf_addf(out, ",\"broken\":%llu,\"judged\":%s}", (unsigned long long)c->broken[i],
                 c->not_judged[i] ? "false" : "true");
    }
    buf_addf(out, "],\"messages\":[");
    for (size_t i = 0; i < c->messages_n; i++) {
        buf_add_str(out, i > 0 ? "," : "");
        put_json_text(out, c->messages[i]);
    }
    buf_addf(out, "]}\n");
}
