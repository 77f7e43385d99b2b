/* names.h - domain names: read from messages, and compared as text in lower case. RFC 1035 sections 3.1 and 4.1.4, RFC
 * 4343. Pure functions. */
#ifndef HEDGEROW_DNS_NAMES_H
#define HEDGEROW_DNS_NAMES_H

#include "proto/base/slice.h"

#define DNS_NAME_WIRE_MAX 255
#define DNS_NAME_TEXT_MAX 253
#define DNS_LABEL_MAX     63

/* A name in lower case without its final dot; the root has no bytes. A dot inside of a label, which text could not tell
 * from one between two, is a zero byte here: such a name is nobody's, unless it is below a wildcard. */
struct dns_name {
    uint8_t text[DNS_NAME_TEXT_MAX];
    uint8_t len;
};

static inline struct slice dns_name_slice(const struct dns_name *n)
{
    return slice_of(n->text, n->len);
}

static inline uint8_t dns_lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

/* dns_name_read reads the name at |*at| of |message|, which must have no compression, and leaves |*at| behind it. 0, or
 * with |*at| as it was: MESH_E_SHORT (it goes on behind the end), MESH_E_SYNTAX (a pointer, or no known kind of label),
 * MESH_E_RANGE (longer than a name may be). */
int dns_name_read(struct slice message, size_t *at, struct dns_name *out);

/* dns_name_skip is the same of a name that may be compressed. Its pointer has to lead backwards, behind the header, and
 * is not followed: so a message is read in time that grows with its length alone. */
int dns_name_skip(struct slice message, size_t *at);

/* dns_name_below: is |name| |zone| itself, or below it? */
bool dns_name_below(struct slice name, struct slice zone);

#endif
