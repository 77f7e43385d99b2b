#include "node/cli/status_text.h"

#include <stdio.h>

#include "proto/base/err.h"

#define BAR_COLUMNS   60
#define SHARE_COLUMNS 16
#define NAMES_SHOWN   8

#define COLOR_OFF  "\033[0m"
#define COLOR_BOLD "\033[1m"
#define COLOR_SOFT "\033[2m"

struct writer {
    struct buf *out;
    struct status_style style;
};

/* ---- reading JSON that may lack anything ---- */

static uint64_t number(const json_t *object, const char *key)
{
    json_int_t v = json_integer_value(json_object_get(object, key));
    return v > 0 ? (uint64_t)v : 0;
}

static double real(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static const char *text(const json_t *object, const char *key)
{
    const char *s = json_string_value(json_object_get(object, key));
    return s != NULL ? s : "-";
}

/* ---- words ---- */

void status_bytes(struct buf *out, uint64_t bytes)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    double v = (double)bytes;
    size_t unit = 0;

    while (v >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        v /= 1024;
        unit++;
    }
    buf_addf(out, unit == 0 || v >= 99.95 ? "%.0f %s" : "%.1f %s", v, units[unit]);
}

void status_count(struct buf *out, uint64_t n)
{
    char digits[24];
    int len = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n);

    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            buf_add_u8(out, ' ');
        buf_add_u8(out, (uint8_t)digits[i]);
    }
}

void status_span(struct buf *out, uint64_t s)
{
    unsigned long long days = s / 86400, hours = s / 3600, minutes = s / 60;

    if (days > 0)
        buf_addf(out, "%llu d %llu h", days, hours % 24);
    else if (hours > 0)
        buf_addf(out, "%llu h %llu min", hours, minutes % 60);
    else if (minutes > 0)
        buf_addf(out, "%llu min %llu s", minutes, (unsigned long long)(s % 60));
    else
        buf_addf(out, "%llu s", (unsigned long long)s);
}

static void color(const struct writer *w, const char *code)
{
    if (w->style.color)
        buf_add_str(w->out, code);
}

static void percent(struct buf *out, uint64_t part, uint64_t all)
{
    if (all == 0)
        buf_add_str(out, "-");
    else
        buf_addf(out, "%.1f %%", 100.0 * (double)part / (double)all);
}

/* Strings of the answer go to a terminal: what could command it is shown as '?'. */
static void safe(struct buf *out, const char *s, int columns)
{
    int n = 0;

    for (; *s != 0; s++, n++)
        buf_add_u8(out, (uint8_t)*s >= 0x20 && (uint8_t)*s < 0x7f ? (uint8_t)*s : '?');
    for (; n < columns; n++)
        buf_add_u8(out, ' ');
}

/* ---- the parts ---- */

static const struct source {
    const char *key, *word, *color, *utf8;
    char ascii;
} sources[] = {
    { "hit", "this node", "\033[32m", "█", '#' },      { "refresh", "confirmed", "\033[36m", "▓", '%' },
    { "stale", "expired copy", "\033[35m", "▚", '~' }, { "peer", "neighbours", "\033[34m", "▒", '+' },
    { "origin", "origin", "\033[33m", "░", '.' },      { "error", "errors", "\033[31m", "×", '!' },
};
#define SOURCES_N (sizeof(sources) / sizeof(sources[0]))

static void cell(const struct writer *w, const struct source *s)
{
    if (w->style.utf8)
        buf_add_str(w->out, w->style.color ? "█" : s->utf8);
    else
        buf_add_u8(w->out, (uint8_t)s->ascii);
}

/* Where answers came from: one bar, and below it what its parts are. */
static void put_requests(const struct writer *w, const json_t *requests)
{
    uint64_t total = number(requests, "total"), before = 0;
    uint64_t here = number(requests, "hit") + number(requests, "refresh") + number(requests, "stale");

    buf_add_str(w->out, "  Answers    ");
    color(w, COLOR_BOLD);
    status_count(w->out, total);
    color(w, COLOR_OFF);
    if (total == 0) {
        buf_add_str(w->out, "\n");
        return;
    }
    buf_add_str(w->out, ", hit ratio ");
    percent(w->out, here, total);
    buf_add_str(w->out, " on this node, ");
    percent(w->out, here + number(requests, "peer"), total);
    buf_add_str(w->out, " with its neighbours\n  ");
    for (size_t i = 0; i < SOURCES_N; i++) {
        uint64_t from = before * BAR_COLUMNS / total;
        before += number(requests, sources[i].key);
        color(w, sources[i].color);
        for (uint64_t at = from; at < before * BAR_COLUMNS / total; at++)
            cell(w, &sources[i]);
        color(w, COLOR_OFF);
    }
    buf_add_str(w->out, "\n");
    for (size_t i = 0; i < SOURCES_N; i++) {
        uint64_t n = number(requests, sources[i].key);
        if (n == 0 && sources[i].key[0] != 'h' && sources[i].key[0] != 'p' && sources[i].key[0] != 'o')
            continue;
        buf_add_str(w->out, "  ");
        color(w, sources[i].color);
        cell(w, &sources[i]);
        color(w, COLOR_OFF);
        buf_addf(w->out, " %s ", sources[i].word);
        percent(w->out, n, total);
        buf_add_str(w->out, " ");
    }
    buf_add_str(w->out, "\n");
}

static void put_figure(const struct writer *w, const char *name)
{
    buf_addf(w->out, "\n  %-11s", name);
}

static void put_purges(const struct writer *w, const json_t *purge)
{
    uint64_t taken = number(purge, "position"), pending = number(purge, "pending");

    if (taken == 0)
        return;
    put_figure(w, "Purges");
    status_count(w->out, taken);
    buf_addf(w->out, " in force, frontier %s", text(purge, "frontier"));
    if (pending > 0)
        buf_addf(w->out, "; %llu of ours not confirmed by all", (unsigned long long)pending);
}

static void put_config(const struct writer *w, const json_t *config)
{
    uint64_t lost = number(config, "superseded");

    if (number(config, "version") > 0) {
        put_figure(w, "Config");
        buf_addf(w->out, "version %s%s", text(config, "id"),
                 json_is_true(json_object_get(config, "kept")) ? "" : ", not kept on the disk yet");
        if (lost > 0)
            buf_addf(w->out, "; %llu superseded (hedgerow distribution versions)", (unsigned long long)lost);
    }
    uint64_t behind = number(config, "behind");
    if (number(config, "version") > 0 && behind > 0)
        buf_addf(w->out, "; %llu member%s an earlier one", (unsigned long long)behind, behind == 1 ? " has" : "s have");
    const char *refused = json_string_value(json_object_get(config, "refused"));
    if (refused != NULL && refused[0] != '\0') {
        put_figure(w, "Config");
        buf_addf(w->out, "%s cannot be taken: %s", refused, text(config, "refused_why"));
    }
}

static void put_figures(const struct writer *w, const json_t *status)
{
    const json_t *bytes = json_object_get(status, "bytes"), *cache = json_object_get(status, "cache");
    const json_t *transfers = json_object_get(status, "transfers");

    put_figure(w, "Viewers");
    status_bytes(w->out, number(bytes, "viewer"));
    buf_add_str(w->out, " sent");
    put_figure(w, "Neighbours");
    status_bytes(w->out, number(bytes, "peer_in"));
    buf_add_str(w->out, " received (as ");
    status_bytes(w->out, number(bytes, "peer_in_wire"));
    buf_addf(w->out, ": %.2f to 1), ", real(transfers, "compression_ratio"));
    status_bytes(w->out, number(bytes, "peer_out"));
    buf_add_str(w->out, " sent; ");
    status_count(w->out, number(transfers, "verified"));
    buf_add_str(w->out, " transfers verified, ");
    status_count(w->out, number(transfers, "rejected"));
    buf_add_str(w->out, " refused");
    put_figure(w, "Origin");
    status_bytes(w->out, number(bytes, "origin"));
    buf_add_str(w->out, " received");
    put_figure(w, "Cache");
    status_bytes(w->out, number(cache, "memory_bytes"));
    buf_add_str(w->out, " of ");
    status_bytes(w->out, number(cache, "memory_limit"));
    buf_add_str(w->out, ", ");
    status_count(w->out, number(cache, "objects"));
    buf_add_str(w->out, " objects, ");
    status_count(w->out, number(cache, "evictions"));
    buf_add_str(w->out, " evicted");
    if (number(cache, "disk_limit") > 0) {
        buf_add_str(w->out, "; disk ");
        status_bytes(w->out, number(cache, "disk_bytes"));
        buf_add_str(w->out, " of ");
        status_bytes(w->out, number(cache, "disk_limit"));
        buf_add_str(w->out, ", ");
        status_count(w->out, number(cache, "disk_objects"));
        buf_add_str(w->out, " objects");
        if (number(cache, "disk_pending") > 0) {
            buf_add_str(w->out, ", ");
            status_count(w->out, number(cache, "disk_pending"));
            buf_add_str(w->out, " still to be written");
        }
    }
    put_purges(w, json_object_get(status, "purge"));
    put_config(w, json_object_get(status, "config"));
    buf_add_str(w->out, "\n");
}

static const char *state_color(const char *state)
{
    if (strcmp(state, "alive") == 0)
        return "\033[32m";
    if (strcmp(state, "suspect") == 0)
        return "\033[33m";
    return strcmp(state, "dead") == 0 ? "\033[31m" : COLOR_SOFT;
}

static int widest(const json_t *members, const char *key, int least)
{
    const json_t *m;
    size_t i;

    json_array_foreach(members, i, m)
    {
        int n = (int)strlen(text(m, key));
        if (n > least)
            least = n;
    }
    return least;
}

static void put_share(const struct writer *w, double share)
{
    int full = (int)(share * SHARE_COLUMNS + 0.5);

    for (int i = 0; i < SHARE_COLUMNS; i++)
        buf_add_str(w->out, i < full ? (w->style.utf8 ? "▬" : "=") : (w->style.utf8 ? "·" : " "));
    buf_addf(w->out, " %5.1f %%", 100.0 * share);
}

static void put_member(const struct writer *w, const json_t *m, int name_columns, int zone_columns, bool self)
{
    const json_t *rtt = json_object_get(m, "rtt_ms");
    char word[32];

    buf_add_str(w->out, self ? (w->style.utf8 ? "▸ " : "> ") : "  ");
    safe(w->out, text(m, "name"), name_columns + 2);
    safe(w->out, text(m, "zone"), zone_columns + 2);
    color(w, state_color(text(m, "state")));
    safe(w->out, text(m, "state"), 9);
    color(w, COLOR_OFF);
    if (json_is_number(rtt))
        snprintf(word, sizeof(word), "%.1f ms", json_number_value(rtt));
    else
        snprintf(word, sizeof(word), "-");
    buf_addf(w->out, "%9s  ", word);
    put_share(w, real(m, "ring_share"));
    buf_addf(w->out, "  %6llu  ", (unsigned long long)number(m, "weight"));
    safe(w->out, text(m, "address"), 0);
    unsigned long long distrusted = (unsigned long long)number(m, "distrusted_s");
    if (distrusted > 0) {
        color(w, state_color("dead"));
        buf_addf(w->out, "  lied: not asked for %llu s", distrusted);
        color(w, COLOR_OFF);
    }
    unsigned long long over = (unsigned long long)number(m, "passed_over_s");
    if (over > 0) {
        color(w, state_color("suspect"));
        buf_addf(w->out, "  fails: passed over for %llu s", over);
        color(w, COLOR_OFF);
    }
    buf_add_str(w->out, "\n");
}

static void put_members(const struct writer *w, const json_t *mesh, const char *self)
{
    const json_t *members = json_object_get(mesh, "members"), *m;
    int name_columns = widest(members, "name", 4), zone_columns = widest(members, "zone", 4);
    size_t i;

    buf_add_str(w->out, "\n");
    color(w, COLOR_SOFT);
    buf_addf(w->out, "  %-*s  %-*s  %-9s%9s  %-*s  %6s  %s\n", name_columns, "NODE", zone_columns, "ZONE", "STATE",
             "RTT", SHARE_COLUMNS + 8, "RING", "WEIGHT", "ADDRESS");
    color(w, COLOR_OFF);
    json_array_foreach(members, i, m) put_member(w, m, name_columns, zone_columns, strcmp(text(m, "id"), self) == 0);
}

/* ---- what calls for attention ---- */

static void put_authority(const struct writer *w, const json_t *authority)
{
    const json_t *revoked = json_object_get(authority, "revoked"), *each;
    size_t n = json_array_size(json_object_get(authority, "authorities")), i;

    if (number(authority, "number") == 0)
        return;
    put_figure(w, "Authority");
    buf_addf(w->out, "roll %llu, %zu authorit%s, %zu revoked", (unsigned long long)number(authority, "number"), n,
             n == 1 ? "y" : "ies", json_array_size(revoked));
    json_array_foreach(revoked, i, each)
    {
        if (i == NAMES_SHOWN) {
            buf_add_str(w->out, ", ...");
            break;
        }
        buf_add_str(w->out, i == 0 ? ": " : ", ");
        safe(w->out, text(each, "name"), 0);
    }
    if (json_is_true(json_object_get(authority, "behind")))
        buf_add_str(w->out, "; a later one is on its way");
    if (json_is_true(json_object_get(authority, "forked")))
        buf_add_str(w->out, "; two rolls of one number were seen: was the authority's directory copied?");
    buf_add_str(w->out, "\n");
}

static void put_parent(const struct writer *w, const json_t *parent)
{
    const json_t *regions = json_object_get(parent, "regions"), *each;
    size_t i;

    if (!json_is_string(json_object_get(parent, "region")))
        return;
    put_figure(w, "Parent");
    safe(w->out, text(parent, "region"), 0);
    buf_add_str(w->out,
                json_is_true(json_object_get(parent, "measured")) ? ", the nearest to the origin" : ", as configured");
    json_array_foreach(regions, i, each)
    {
        if (i == NAMES_SHOWN || !json_is_number(json_object_get(each, "origin_ms")))
            continue;
        buf_add_str(w->out, "; ");
        safe(w->out, text(each, "region"), 0);
        buf_addf(w->out, " %.1f ms", real(each, "origin_ms"));
    }
    buf_add_str(w->out, "\n");
}

static void put_alarms(const struct writer *w, const json_t *alarms)
{
    const json_t *each;
    size_t i;

    json_array_foreach(alarms, i, each)
    {
        buf_add_str(w->out, "\n  ");
        color(w, "\033[31m");
        buf_add_str(w->out, "ALARM ");
        safe(w->out, text(each, "name"), 0);
        color(w, COLOR_OFF);
        buf_add_str(w->out, ", for ");
        status_span(w->out, number(each, "seconds"));
        buf_add_str(w->out, ": ");
        safe(w->out, text(each, "text"), 0);
    }
    if (json_array_size(alarms) > 0)
        buf_add_str(w->out, "\n");
}

static void put_refusals(const struct writer *w, const json_t *refusals)
{
    const json_t *each;
    size_t i;

    json_array_foreach(refusals, i, each)
    {
        const char *name = text(each, "name");
        put_figure(w, i == 0 ? "Refused" : "");
        safe(w->out, name[0] != 0 ? name : "somebody", 0);
        buf_add_str(w->out, " at ");
        safe(w->out, text(each, "address"), 0);
        buf_add_str(w->out, strcmp(text(each, "by"), "us") == 0 ? ", by us: " : ", by it: ");
        safe(w->out, text(each, "reason"), 0);
        buf_addf(w->out, ", %llu times, last ", (unsigned long long)number(each, "count"));
        status_span(w->out, number(each, "seconds_ago"));
        buf_add_str(w->out, " ago");
    }
    if (json_array_size(refusals) > 0)
        buf_add_str(w->out, "\n");
}

int status_text(struct buf *out, const json_t *status, struct status_style style)
{
    const json_t *node = json_object_get(status, "node"), *mesh = json_object_get(status, "mesh");
    const struct writer w = { out, style };
    const char *dot = style.utf8 ? " · " : ", ";

    if (!json_is_object(node) || !json_is_object(mesh))
        return MESH_E_MISSING;
    buf_add_str(out, "\n  ");
    color(&w, COLOR_BOLD);
    safe(out, text(node, "name"), 0);
    color(&w, COLOR_OFF);
    buf_add_str(out, dot);
    safe(out, text(node, "zone"), 0);
    buf_addf(out, "%sHedgerow ", dot);
    safe(out, text(node, "version"), 0);
    buf_addf(out, "%sup ", dot);
    status_span(out, number(node, "uptime_s"));
    buf_addf(out, "%sview ", dot);
    safe(out, text(mesh, "view_digest"), 0);
    buf_add_str(out, "\n");
    put_alarms(&w, json_object_get(status, "alarms"));
    put_members(&w, mesh, text(node, "id"));
    buf_add_str(out, "\n");
    put_requests(&w, json_object_get(status, "requests"));
    put_figures(&w, status);
    put_parent(&w, json_object_get(status, "parent"));
    put_authority(&w, json_object_get(status, "authority"));
    put_refusals(&w, json_object_get(status, "refusals"));
    buf_add_str(out, "\n");
    return buf_ok(out) ? 0 : MESH_E_NOMEM;
}
