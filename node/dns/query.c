#include "node/dns/query.h"

#include "proto/base/buf.h"

#define V4_BYTES 4
#define V6_BYTES 16

/* FAMILY, SOURCE PREFIX-LENGTH, SCOPE PREFIX-LENGTH, ADDRESS (RFC 7871 section 6). FAMILY 0 is what some send where
 * they name no network. */
static int read_subnet(struct dns_query *q, struct slice o)
{
    if (q->has_subnet || o.len < 4)
        return DNS_FORMERR;
    unsigned family = be16_get(o.data), source = o.data[2], scope = o.data[3];
    struct slice address = slice_from(o, 4);
    size_t most = family == 1 ? V4_BYTES : family == 2 ? V6_BYTES : 0;

    if (family > 2 || source > 8 * most || scope != 0 || address.len != (source + 7) / 8)
        return DNS_FORMERR;
    if (source % 8 != 0 && (address.data[address.len - 1] & 0xff >> source % 8) != 0)
        return DNS_FORMERR;
    q->has_subnet = true;
    q->subnet = o;
    q->network = mesh_addr_v4(0, 0);
    q->network_bits = (uint8_t)source;
    if (family == 2)
        memset(q->network.ip, 0, V6_BYTES);
    if (address.len > 0)
        memcpy(q->network.ip + (family == 1 ? V6_BYTES - V4_BYTES : 0), address.data, address.len);
    return DNS_NOERROR;
}

/* Of more than one the first counts (RFC 7873 section 5.2). */
static int read_cookie(struct dns_query *q, struct slice o)
{
    if (o.len != DNS_COOKIE_CLIENT_BYTES && (o.len < 2 * DNS_COOKIE_CLIENT_BYTES || o.len > DNS_COOKIE_MAX))
        return DNS_FORMERR;
    if (q->cookie.len == 0)
        q->cookie = o;
    return DNS_NOERROR;
}

static int read_options(struct dns_query *q, struct slice rest)
{
    int code = DNS_NOERROR;

    while (rest.len > 0 && code == DNS_NOERROR) {
        if (rest.len < 4 || rest.len - 4 < be16_get(rest.data + 2))
            return DNS_FORMERR;
        unsigned option = be16_get(rest.data);
        struct slice value = slice_of(rest.data + 4, be16_get(rest.data + 2));
        if (option == DNS_OPTION_SUBNET)
            code = read_subnet(q, value);
        else if (option == DNS_OPTION_COOKIE)
            code = read_cookie(q, value);
        rest = slice_from(rest, 4 + value.len);
    }
    return code;
}

/* |fixed|: type, class, TTL and length of the record, whose name is |name|. */
static int read_opt(struct dns_query *q, struct slice name, const uint8_t *fixed, struct slice data)
{
    if (q->edns || name.len != 1)
        return DNS_FORMERR;
    q->edns = true;
    q->udp_bytes = be16_get(fixed + 2);
    q->version = fixed[5];
    q->dnssec_ok = (be16_get(fixed + 6) & DNS_DO) != 0;
    return q->version == 0 ? read_options(q, data) : DNS_NOERROR; /* another version may have other options */
}

/* The record at |*at|; only those of the last section mean anything. |*verdict| is what it leads to once all is read.
 */
static int read_record(struct dns_query *q, struct slice m, size_t *at, bool additional, int *verdict)
{
    size_t begin = *at;

    if (dns_name_skip(m, at) != 0 || m.len - *at < 10)
        return DNS_FORMERR;
    struct slice name = slice_of(m.data + begin, *at - begin);
    const uint8_t *fixed = m.data + *at;
    unsigned type = be16_get(fixed);
    size_t len = be16_get(fixed + 8);

    *at += 10;
    if (len > m.len - *at)
        return DNS_FORMERR;
    struct slice data = slice_of(m.data + *at, len);
    *at += len;
    if (type == DNS_OPT)
        return additional ? read_opt(q, name, fixed, data) : DNS_FORMERR;
    if (additional && (type == DNS_TSIG || type == DNS_SIG))
        *verdict = DNS_NOTAUTH;
    return DNS_NOERROR;
}

static int read_question(struct dns_query *q, struct slice m, size_t *at)
{
    size_t begin = *at;

    if (dns_name_read(m, at, &q->name) != 0 || m.len - *at < 4)
        return DNS_FORMERR;
    q->type = be16_get(m.data + *at);
    q->class = be16_get(m.data + *at + 2);
    *at += 4;
    q->question = slice_of(m.data + begin, *at - begin);
    q->asked = true;
    return q->type == 0 || q->type == DNS_OPT ? DNS_FORMERR : DNS_NOERROR;
}

int dns_query_read(struct dns_query *q, struct slice m)
{
    size_t at = DNS_HEADER_BYTES;
    int verdict = DNS_NOERROR, code = DNS_NOERROR;

    q->asked = q->edns = q->has_subnet = false;
    q->question = q->cookie = SLICE_EMPTY;
    if (m.len < DNS_HEADER_BYTES || (be16_get(m.data + 2) & DNS_QR) != 0)
        return DNS_SILENCE;
    q->id = be16_get(m.data);
    q->flags = be16_get(m.data + 2);
    if (DNS_OPCODE(q->flags) != 0)
        return DNS_NOTIMP;
    unsigned questions = be16_get(m.data + 4), answers = be16_get(m.data + 6), authorities = be16_get(m.data + 8),
             additional = be16_get(m.data + 10);
    if (questions > 1 || answers > 0)
        return DNS_FORMERR;
    if (questions == 1)
        code = read_question(q, m, &at);
    if (authorities > 0 && (!q->asked || q->type != DNS_IXFR)) /* which says there what it has (RFC 1995) */
        return DNS_FORMERR;
    for (unsigned i = 0; i < authorities + additional && code == DNS_NOERROR; i++)
        code = read_record(q, m, &at, i >= authorities, &verdict);
    if (code == DNS_NOERROR && (at != m.len || (!q->asked && q->cookie.len == 0)))
        code = DNS_FORMERR; /* none asks for a cookie alone (RFC 7873 section 5.4) */
    if (code == DNS_NOERROR && q->edns && q->version > 0)
        code = DNS_BADVERS;
    return code == DNS_NOERROR ? verdict : code;
}
