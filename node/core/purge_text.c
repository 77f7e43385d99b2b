#include "node/core/purge_text.h"

#include <stdio.h>
#include <stdlib.h>

#include "node/core/date.h"
#include "proto/base/err.h"

const char *purge_text_id(const struct purge_log_id *id, uint64_t number, char text[PURGE_ID_MAX])
{
    char node[NODE_ID_TEXT_MAX];

    snprintf(text, PURGE_ID_MAX, "%.8s-%llu-%llu", node_id_text(&id->issuer, node), (unsigned long long)id->begun,
             (unsigned long long)number);
    return text;
}

/* ---- writing ---- */

static void put_hex(struct buf *out, const char *name, struct slice bytes)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t *to;

    buf_addf(out, ",\"%s\":\"", name);
    if ((to = buf_reserve(out, 2 * bytes.len)) == NULL)
        return;
    for (size_t i = 0; i < bytes.len; i++) {
        to[2 * i] = (uint8_t)digits[bytes.data[i] >> 4];
        to[2 * i + 1] = (uint8_t)digits[bytes.data[i] & 15];
    }
    out->len += 2 * bytes.len;
    buf_add_u8(out, '"');
}

static void put_run(struct buf *out, uint64_t run)
{
    uint8_t bytes[8];

    be64_put(bytes, run);
    put_hex(out, "run", SLICE_OF(bytes));
}

static const char *kind_word(enum purge_kind kind)
{
    static const char *const words[] = { "", "url", "prefix", "tag", "all" };
    return words[kind];
}

static void put_targets(struct buf *out, const struct purge *p)
{
    buf_addf(out, ",\"count\":%zu,\"targets\":[", p->targets_n);
    for (size_t i = 0; i < p->targets_n && i < PURGE_TEXT_TARGETS; i++) {
        struct purge_target t = purge_target(p, i);
        buf_addf(out, "%s{\"%s\":", i > 0 ? "," : "", kind_word(t.kind));
        if (t.kind == PURGE_ALL)
            buf_add_str(out, "true}");
        else
            buf_addf(out, "\"%.*s\"}", SLICE_FMT(t.value));
    }
    buf_add_u8(out, ']');
}

static void put_begin(struct buf *out, const struct purge_log *log, uint64_t number, int64_t at_s, uint64_t position)
{
    char time[DATE_TEXT_BYTES + 1], id[PURGE_ID_MAX];

    date_format(at_s, time);
    buf_addf(out, "{\"position\":%llu,\"time\":\"%s\",\"node\":\"%s\",\"id\":\"%s\"", (unsigned long long)position,
             time, log->cert.name, purge_text_id(&log->id, number, id));
}

void purge_text_put(struct buf *out, const struct purge_log *log, const struct purge *p, struct slice raw,
                    uint64_t position, uint64_t run, bool gap, bool with_cert)
{
    put_begin(out, log, p->number, p->at_s, position);
    buf_addf(out, ",\"who\":\"%.*s\",\"soft\":%s", SLICE_FMT(p->who), p->soft ? "true" : "false");
    put_targets(out, p);
    if (gap)
        buf_add_str(out, ",\"gap\":true");
    if (with_cert)
        put_hex(out, "cert", slice_of(log->cert_raw, log->cert_len));
    put_hex(out, "entry", raw);
    put_run(out, run);
    buf_add_str(out, "}\n");
}

void purge_text_put_log(struct buf *out, const struct purge_log *log, uint64_t position, uint64_t run)
{
    put_begin(out, log, log->last, log->last_at_s, position);
    buf_addf(out, ",\"begun\":%llu,\"last\":%llu", (unsigned long long)log->id.begun, (unsigned long long)log->last);
    put_hex(out, "cert", slice_of(log->cert_raw, log->cert_len));
    put_run(out, run);
    buf_add_str(out, "}\n");
}

void purge_text_whole(struct buf *out, const struct purge_logs *l)
{
    struct list *first = list_first(&l->kept);
    uint64_t from = first != NULL ? OBJ_OF(first, struct purge_kept, in_all)->position - 1 : l->position;

    LIST_EACH (at, &l->logs) {
        const struct purge_log *log = OBJ_OF(at, struct purge_log, link);
        if (list_empty(&log->kept))
            purge_text_put_log(out, log, from, purge_runs_of(&l->runs, from));
    }
    LIST_EACH (at, &l->kept) {
        const struct purge_kept *k = OBJ_OF(at, struct purge_kept, in_all);
        struct slice raw = slice_of(k->bytes, k->len);
        struct wire w;
        struct purge p;
        if (purge_parse(&w, raw, &p) == 0) /* always, but for want of memory */
            purge_text_put(out, k->log, &p, raw, k->position, purge_runs_of(&l->runs, k->position),
                           k->number > 1 && list_first(&k->log->kept) == &k->in_log,
                           list_first(&k->log->kept) == &k->in_log);
        else
            out->failed = true;
        wire_close(&w);
    }
}

/* ---- reading ---- */

/* What stands behind |name| in |line|, up to a comma, a quotation mark or the end. A value can hold no quotation mark,
 * so that nothing but a name is found. Empty: it is not there. */
static struct slice field(struct slice line, const char *name)
{
    size_t len = strlen(name), end;

    for (size_t i = 0; i + len < line.len; i++) {
        if (memcmp(line.data + i, name, len) != 0)
            continue;
        i += len;
        for (end = i; end < line.len && line.data[end] != '"' && line.data[end] != ',' && line.data[end] != '}';)
            end++;
        return slice_of(line.data + i, end - i);
    }
    return SLICE_EMPTY;
}

static bool get_hex(struct buf *out, struct slice text)
{
    buf_clear(out);
    if (text.len % 2 != 0)
        return false;
    for (size_t i = 0; i < text.len; i += 2) {
        int high = hex_digit(text.data[i]), low = hex_digit(text.data[i + 1]);
        if (high < 0 || low < 0)
            return false;
        buf_add_u8(out, (uint8_t)(high << 4 | low));
    }
    return text.len > 0;
}

/* 0: it does not say who has given its position. */
static uint64_t get_run(struct slice line)
{
    struct buf bytes = BUF_EMPTY;
    bool there = get_hex(&bytes, field(line, "\"run\":\"")) && buf_ok(&bytes) && bytes.len == 8;
    uint64_t run = there ? be64_get(bytes.data) : 0;

    buf_free(&bytes);
    return run;
}

struct reading {
    struct purge_logs *l;
    const struct mesh_id *mesh;
    purge_text_took *took;
    void *ctx;
    struct buf raw, cert_raw;
    struct cert cert;
    bool any;
    uint64_t *from;
};

/* A log whose purges are all let go: it is enough to know how far it went. */
static int read_log(struct reading *r, struct slice line)
{
    struct purge p = { .at_s = 0 };
    bool gap;

    if (slice_u64(field(line, "\"begun\":"), &p.log.begun) != 0 ||
        slice_u64(field(line, "\"last\":"), &p.number) != 0 || p.number == 0 || p.number > PURGE_NUMBER_MAX)
        return MESH_E_SYNTAX;
    if (memcmp(r->cert.mesh.bytes, r->mesh->bytes, MESH_ID_BYTES) != 0)
        return 0;
    p.log.issuer = r->cert.id;
    int err = purge_logs_take(r->l, &p, SLICE_EMPTY, &r->cert, buf_slice(&r->cert_raw), true, &gap);
    if (err == 0)
        purge_logs_let_go(r->l, purge_logs_find(r->l, &p.log));
    return err;
}

/* The issuer's certificate, of this line or of an earlier one. */
static int find_cert(struct reading *r, const struct purge *p, bool has_cert)
{
    const struct purge_log *log = purge_logs_find(r->l, &p->log);

    if (has_cert)
        return 0;
    if (log == NULL)
        return MESH_E_MISSING;
    r->cert = log->cert;
    buf_clear(&r->cert_raw);
    buf_add(&r->cert_raw, log->cert_raw, log->cert_len);
    return buf_ok(&r->cert_raw) ? 0 : MESH_E_NOMEM;
}

static int read_purge(struct reading *r, struct slice line, bool has_cert, uint64_t position)
{
    struct slice raw = buf_slice(&r->raw);
    bool gap = false;
    struct wire w;
    struct purge p;
    int err = purge_parse(&w, raw, &p);

    if (err != 0)
        return err;
    if (memcmp(p.mesh.bytes, r->mesh->bytes, MESH_ID_BYTES) != 0)
        r->l->position = position;
    else if ((err = find_cert(r, &p, has_cert)) == 0 && (err = purge_verify(&p, raw, &r->cert)) == 0)
        err = purge_logs_take(r->l, &p, raw, &r->cert, buf_slice(&r->cert_raw), true, &gap);
    if (err == 0)
        r->took(r->ctx, &p, position, gap || field(line, "\"gap\":").len > 0);
    wire_close(&w);
    return err;
}

static int read_thing(struct reading *r, struct slice line)
{
    struct slice cert = field(line, "\"cert\":\"");
    uint64_t position, before = r->l->position;

    if (line.len == 0 || line.data[line.len - 1] != '}' || slice_u64(field(line, "{\"position\":"), &position) != 0 ||
        position < before || position > PURGE_NUMBER_MAX)
        return MESH_E_SYNTAX;
    if (cert.len > 0 && (!get_hex(&r->cert_raw, cert) || cert_parse(&r->cert, buf_slice(&r->cert_raw)) != 0))
        return buf_ok(&r->cert_raw) ? MESH_E_SYNTAX : MESH_E_NOMEM;
    if (field(line, "\"last\":").len > 0) {
        int err = cert.len > 0 ? read_log(r, line) : MESH_E_MISSING;
        r->l->position = err == 0 ? position : before;
        return err;
    }
    if (!get_hex(&r->raw, field(line, "\"entry\":\"")))
        return buf_ok(&r->raw) ? MESH_E_SYNTAX : MESH_E_NOMEM;
    if (position == 0 || position == before)
        return MESH_E_SYNTAX;
    r->l->position = position - 1; /* it takes the next one */
    int err = read_purge(r, line, cert.len > 0, position);
    if (err != 0)
        r->l->position = before;
    else if (!r->any)
        *r->from = position - 1;
    r->any = r->any || err == 0;
    return err;
}

static int read_line(struct reading *r, struct slice line)
{
    int err = read_thing(r, line);

    if (err == 0)
        purge_runs_given(&r->l->runs, get_run(line), r->l->position);
    return err;
}

int purge_text_read(struct purge_logs *l, const struct mesh_id *mesh, struct slice text, purge_text_took *took,
                    void *ctx, uint64_t *from)
{
    struct reading r = { .l = l, .mesh = mesh, .took = took, .ctx = ctx, .from = from };
    struct slice line;
    int damaged = 0, err = 0;

    *from = 0;
    while (err != MESH_E_NOMEM && slice_split(&text, '\n', &line)) {
        if (line.len == 0)
            continue;
        err = read_line(&r, line);
        damaged += err != 0;
    }
    if (!r.any)
        *from = l->position;
    buf_free(&r.raw);
    buf_free(&r.cert_raw);
    return err == MESH_E_NOMEM ? -1 : damaged;
}
