/* prefix.h - networks of viewers: what is measured is kept for each /24 of IPv4 and /48 of IPv6, and for coarser ones
 * where it has to be (/16, /32), for countries, and for all. Pure functions. */
#ifndef HEDGEROW_STEER_PREFIX_H
#define HEDGEROW_STEER_PREFIX_H

#include "proto/base/addr.h"

enum steer_kind { STEER_NET4, STEER_NET6, STEER_COUNTRY, STEER_ALL };
struct steer_prefix {
    uint8_t kind;
    uint8_t bits;   /* of |net|: 24 or 16; 48 or 32; countries 16, all 0 */
    uint8_t net[6]; /* what lies behind |bits| is zero; a country's two capital letters */
};

#define STEER_LEVELS 2 /* of networks, the finest first */

/* steer_prefix_of: the network of |a| at |level|, 0 the finest. False: it has none (loopback and private addresses have
 * ones, like all others). */
bool steer_prefix_of(struct steer_prefix *out, const struct mesh_addr *a, unsigned level);
void steer_prefix_country(struct steer_prefix *out, const char country[2]);
void steer_prefix_all(struct steer_prefix *out);
bool steer_prefix_eq(const struct steer_prefix *a, const struct steer_prefix *b);

/* steer_prefix_text writes "203.0.113.0/24", "2001:db8::/48", "DE" or "all", and returns |text|. */
#define STEER_PREFIX_TEXT_MAX 64
const char *steer_prefix_text(const struct steer_prefix *p, char text[STEER_PREFIX_TEXT_MAX]);

/* steer_label writes a node's name as one label of DNS: itself in lower case where that is one (letters, digits, single
 * inner hyphens, STEER_LABEL_MAX at most), else "n" and 16 characters that follow from |id|. "LABEL--" of a
 * distribution fits before it. */
#define STEER_LABEL_MAX 40
void steer_label(char out[STEER_LABEL_MAX + 1], struct slice name, const uint8_t id[16]);

#endif
