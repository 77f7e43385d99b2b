/* write.h - messages, written with compressed names (RFC 1035 section 4.1.4) and never beyond a limit: what does not
 * fit is not begun, or taken back as a whole. */
#ifndef HEDGEROW_DNS_WRITE_H
#define HEDGEROW_DNS_WRITE_H

#include "node/dns/query.h"
#include "proto/base/buf.h"

#define DNS_SEEN_MAX 160 /* more than a name has labels */

enum dns_section { DNS_ANSWER, DNS_AUTHORITY, DNS_ADDITIONAL, DNS_SECTIONS };

/* Where a name, or the rest of one, stands. */
struct dns_seen {
    uint16_t at;
    uint8_t text_len;
};

struct dns_writer {
    uint8_t *out;
    size_t len, limit;
    bool full; /* something did not fit; nothing more is written until dns_write_back */
    enum dns_section section;
    uint16_t counts[DNS_SECTIONS];
    struct dns_seen seen[DNS_SEEN_MAX];
    size_t seen_n;
};

/* dns_write_start writes a header without flags and, if there is one, the question as it was asked. |limit| has room
 * for both. dns_write_finish writes the header's flags and counts, and returns the message's length. */
void dns_write_start(struct dns_writer *w, uint8_t *out, size_t limit, const struct dns_query *q);
size_t dns_write_finish(struct dns_writer *w, unsigned flags, enum dns_rcode rcode);

void dns_write_bytes(struct dns_writer *w, const void *data, size_t len);
void dns_write_u8(struct dns_writer *w, unsigned v);
void dns_write_u16(struct dns_writer *w, unsigned v);
void dns_write_u32(struct dns_writer *w, uint32_t v);

/* dns_write_name: text in lower case, without a final dot, as struct dns_name has it. */
void dns_write_name(struct dns_writer *w, struct slice name);

/* dns_write_record begins a record of class IN; |owner| empty: the question's name. What is written then is its data,
 * up to dns_write_end with what dns_write_record returned. */
size_t dns_write_record(struct dns_writer *w, struct slice owner, enum dns_type type, uint32_t ttl_s);
void dns_write_end(struct dns_writer *w, size_t record);

/* dns_write_mark remembers what there is; dns_write_back makes it so again, also after something did not fit. */
struct dns_mark {
    size_t len, seen_n;
    uint16_t counts[DNS_SECTIONS];
};
struct dns_mark dns_write_mark(const struct dns_writer *w);
void dns_write_back(struct dns_writer *w, const struct dns_mark *m);

#endif
