/* The kinds of values that flags take. Each says what it wanted when it refuses. */
#include <stdio.h>

#include "node/cli/options.h"
#include "node/signed/network.h"
#include "proto/base/err.h"

struct unit {
    const char *name;
    uint64_t factor;
};

int option_text(const char *text, void *field, struct buf *why)
{
    if (text[0] == 0) {
        buf_add_str(why, "must not be empty.");
        return MESH_E_SYNTAX;
    }
    *(const char **)field = text;
    return 0;
}

int option_u32(const char *text, void *field, struct buf *why)
{
    uint64_t v;

    if (slice_u64(slice_str(text), &v) != 0 || v > UINT32_MAX) {
        buf_add_str(why, "must be a whole number.");
        return MESH_E_SYNTAX;
    }
    *(uint32_t *)field = (uint32_t)v;
    return 0;
}

/* Splits "12.5ms" into 12, 500000000 (parts of a billion) and "ms". */
static int number_and_unit(const char *text, uint64_t *whole, uint64_t *part, const char **unit)
{
    const char *p = text;
    uint64_t scale = 100000000;

    while (*p >= '0' && *p <= '9')
        p++;
    if (slice_u64(slice_of(text, (size_t)(p - text)), whole) != 0)
        return MESH_E_SYNTAX;
    *part = 0;
    if (*p == '.') {
        const char *first = ++p;
        for (; *p >= '0' && *p <= '9'; p++, scale /= 10)
            *part += (uint64_t)(*p - '0') * scale;
        if (p == first || p - first > 9)
            return MESH_E_SYNTAX;
    }
    *unit = p;
    return 0;
}

/* |whole|.|part| times |factor|, refused when it does not fit 63 bits. */
static int scale(uint64_t whole, uint64_t part, uint64_t factor, uint64_t *out)
{
    if (whole > (uint64_t)INT64_MAX / factor)
        return MESH_E_RANGE;
    /* part < 10^9, so part / 10^9 * factor is below factor; split to keep it in 64 bits. */
    uint64_t fine = factor / 1000000000 * part + factor % 1000000000 * part / 1000000000;
    if (whole * factor > (uint64_t)INT64_MAX - fine)
        return MESH_E_RANGE;
    *out = whole * factor + fine;
    return 0;
}

static int with_unit(const char *text, const struct unit *units, size_t n, uint64_t *out)
{
    uint64_t whole, part;
    const char *unit;
    int err;

    if ((err = number_and_unit(text, &whole, &part, &unit)) != 0)
        return err;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(unit, units[i].name) == 0)
            return scale(whole, part, units[i].factor, out);
    }
    return MESH_E_SYNTAX;
}

int option_size(const char *text, void *field, struct buf *why)
{
    static const struct unit units[] = {
        { "", 1 },
        { "B", 1 },
        { "KiB", 1ull << 10 },
        { "MiB", 1ull << 20 },
        { "GiB", 1ull << 30 },
        { "TiB", 1ull << 40 },
        { "kB", 1000 },
        { "KB", 1000 },
        { "MB", 1000000 },
        { "GB", 1000000000 },
        { "TB", 1000000000000 },
    };
    int err = with_unit(text, units, sizeof(units) / sizeof(units[0]), field);

    if (err == MESH_E_RANGE)
        buf_add_str(why, "is too large.");
    else if (err != 0)
        buf_add_str(why, "must be a size such as 512MiB, 20GiB, 5MB or 1048576.");
    return err;
}

int option_duration(const char *text, void *field, struct buf *why)
{
    static const struct unit units[] = {
        { "us", 1000 },       { "ms", 1000000 },      { "s", 1000000000 },
        { "m", 60000000000 }, { "h", 3600000000000 }, { "d", 86400000000000 },
    };
    uint64_t ns;
    int err = with_unit(text, units, sizeof(units) / sizeof(units[0]), &ns);

    if (err == 0 && ns == 0)
        err = MESH_E_RANGE;
    if (err != 0) {
        buf_add_str(why, "must be a time such as 400ms, 1.5s or 2m.");
        return err;
    }
    *(mesh_ns *)field = (mesh_ns)ns;
    return 0;
}

const char *option_duration_text(mesh_ns ns, char text[OPTION_DURATION_MAX])
{
    static const struct unit units[] = {
        { "h", 3600000000000 }, { "m", 60000000000 }, { "s", 1000000000 }, { "ms", 1000000 }, { "us", 1000 },
    };
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (ns > 0 && (uint64_t)ns % units[i].factor == 0) {
            snprintf(text, OPTION_DURATION_MAX, "%llu%s", (unsigned long long)((uint64_t)ns / units[i].factor),
                     units[i].name);
            return text;
        }
    }
    snprintf(text, OPTION_DURATION_MAX, "%lldns", (long long)ns);
    return text;
}

static bool name_coding(struct slice name, unsigned *named)
{
    for (int c = CODING_GZIP; c < CODINGS; c++) {
        unsigned bit = CODING_BIT(c);
        if (slice_eq(name, coding_name((enum coding)c)) && (*named & bit) == 0) {
            *named |= bit;
            return true;
        }
    }
    return false;
}

int option_codings(const char *text, void *field, struct buf *why)
{
    struct slice rest = slice_str(text), name;
    unsigned named = 0;

    if (strcmp(text, "off") == 0) {
        *(unsigned *)field = CODINGS_ALL;
        return 0;
    }
    while (slice_split(&rest, ',', &name)) {
        if (name_coding(name, &named))
            continue;
        buf_add_str(why, "must be off, or of br, gzip and zstd those that viewers get, such as br,gzip.");
        return MESH_E_SYNTAX;
    }
    *(unsigned *)field = CODINGS_ALL & ~named;
    return 0;
}

int option_listen(const char *text, void *field, struct buf *why)
{
    static const char local[] = "localhost:";
    struct option_addr *out = field;
    struct buf numeric = BUF_EMPTY;
    int err;

    if (strncmp(text, local, sizeof(local) - 1) == 0)
        buf_addf(&numeric, "127.0.0.1:%s", text + sizeof(local) - 1);
    else
        buf_add_str(&numeric, text);
    err = mesh_addr_parse(buf_slice(&numeric), &out->addr);
    buf_free(&numeric);
    if (err != 0) {
        buf_add_str(why, "must be an IP address and a port, such as 0.0.0.0:8080, [::]:8080 or 127.0.0.1:0.");
        return err;
    }
    out->given = true;
    return 0;
}

/* A host name of RFC 1123, an IPv4 address, or an IPv6 address in brackets. */
static bool host_ok(struct slice host)
{
    struct mesh_addr addr;
    struct buf text = BUF_EMPTY;
    bool ok;

    if (host.len >= 2 && host.data[0] == '[') {
        buf_addf(&text, "%.*s:1", SLICE_FMT(host));
        ok = mesh_addr_parse(buf_slice(&text), &addr) == 0;
        buf_free(&text);
        return ok;
    }
    for (size_t i = 0; i < host.len; i++) {
        uint8_t c = host.data[i];
        bool alnum = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
        if (!alnum && !((c == '-' || c == '.' || c == '_') && i > 0))
            return false;
    }
    return host.len > 0 && host.len <= 253;
}

static int add_value(struct option_hosts *out, const char *text, struct buf *why)
{
    if (out->n == OPTION_VALUES_MAX) {
        buf_addf(why, "is one too many: %d are the limit.", OPTION_VALUES_MAX);
        return MESH_E_FULL;
    }
    out->at[out->n++] = text;
    return 0;
}

int option_texts(const char *text, void *field, struct buf *why)
{
    if (text[0] == '\0') {
        buf_add_str(why, "must not be empty.");
        return MESH_E_SYNTAX;
    }
    return add_value(field, text, why);
}

int option_host(const char *text, void *field, struct buf *why)
{
    const char *colon = strrchr(text, ':');
    uint64_t port;

    if (colon == NULL || !host_ok(slice_of(text, (size_t)(colon - text))) ||
        slice_u64(slice_str(colon + 1), &port) != 0 || port == 0 || port > 65535) {
        buf_add_str(why,
                    "must be a host and a port, such as edge1.example.net:7400, 192.0.2.7:7400 or [2001:db8::7]:7400.");
        return MESH_E_SYNTAX;
    }
    return add_value(field, text, why);
}

int option_methods(const char *text, void *field, struct buf *why)
{
    const char *fault;
    int err = methods_parse(field, slice_str(text), &fault);

    if (err != 0)
        buf_addf(why, "must be get, options or all, with more methods behind commas if need be: all,PROPFIND. %s.",
                 fault);
    return err;
}

/* ---- what an edge is to viewers ---- */

int option_viewer_address(const char *text, void *field, struct buf *why)
{
    struct option_viewer_addrs *out = field;
    struct network net;

    if (strchr(text, '/') != NULL || network_read(&net, slice_str(text)) != 0) {
        buf_add_str(why, "must be an address without a port, such as 203.0.113.7 or 2001:db8::7.");
        return MESH_E_SYNTAX;
    }
    if (out->n == STEER_ADDRS_MAX) {
        buf_addf(why, "may be given %d times at most.", STEER_ADDRS_MAX);
        return MESH_E_FULL;
    }
    struct mesh_addr *a = &out->at[out->n++];
    memcpy(a->ip, net.ip, sizeof(a->ip));
    a->port = 0;
    return 0;
}

/* Up to four digits behind the point count. False: it is no number of at most |max| degrees. */
static bool read_degrees(struct slice text, int32_t max, int32_t *out_e4)
{
    bool minus = text.len > 0 && text.data[0] == '-';
    struct slice rest = minus ? slice_from(text, 1) : text, whole_text = SLICE_EMPTY;
    uint64_t whole, part = 0;

    bool point = slice_split(&rest, '.', &whole_text) && whole_text.len < (minus ? text.len - 1 : text.len);
    if (slice_u64(whole_text, &whole) != 0 || whole > (uint64_t)max || (point && rest.len == 0))
        return false;
    for (size_t i = 0; i < rest.len; i++) {
        if (rest.data[i] < '0' || rest.data[i] > '9')
            return false;
    }
    for (size_t i = 0; i < 4; i++)
        part = part * 10 + (i < rest.len ? (uint64_t)(rest.data[i] - '0') : 0);
    int64_t all = (int64_t)(whole * 10000 + part);
    *out_e4 = (int32_t)(minus ? -all : all);
    return all <= (int64_t)max * 10000;
}

int option_place(const char *text, void *field, struct buf *why)
{
    struct option_place *out = field;
    struct slice lon = slice_str(text), lat;

    if (!slice_split(&lon, ',', &lat) || !read_degrees(slice_trim(lat), 90, &out->lat_e4) ||
        !read_degrees(slice_trim(lon), 180, &out->lon_e4)) {
        buf_add_str(why, "must be a latitude from -90 to 90 and a longitude from -180 to 180, such as 50.11,8.68.");
        return MESH_E_SYNTAX;
    }
    out->given = true;
    return 0;
}
