/* sf.h - structured field values (RFC 9651). Parsing lends: a cursor walks the members of a
 * field, of an inner list or of parameters, and nothing is allocated. Decimals are thousandths. */
#ifndef HEDGEROW_SF_SF_H
#define HEDGEROW_SF_SF_H

#include "proto/base/buf.h"

#define SF_INTEGER_MAX INT64_C(999999999999999) /* 15 digits: integers, dates, and decimals in thousandths */

/* The RFC asks for at least as many members. Where keys are repeated each is looked for among all of them; so that
 * this costs no more than a little, there may then be only so many different ones. */
#define SF_DICTIONARY_MAX 1024
#define SF_PARAMS_MAX     256
#define SF_REPEATING_MAX  64

enum sf_type { SF_INTEGER, SF_DECIMAL, SF_STRING, SF_TOKEN, SF_BYTES, SF_BOOLEAN, SF_DATE, SF_DISPLAY };

struct sf_value {
    enum sf_type type;
    int64_t number;    /* integer; decimal in thousandths; boolean 0 or 1; date in seconds since 1970 */
    struct slice text; /* the other types: as in the field between its delimiters when parsed (sf_text
                        * decodes it), plain when written */
};

/* A member of a list or dictionary, an item of an inner list, or a parameter. */
struct sf_member {
    struct slice key; /* of dictionaries and parameters, else empty */
    bool inner;       /* an inner list: |items| instead of |value| */
    struct sf_value value;
    struct slice items, params; /* for sf_items and sf_params */
};

enum sf_kind { SF_ITEM, SF_LIST, SF_DICTIONARY, SF_ITEMS, SF_PARAMS };

struct sf_cursor {
    enum sf_kind kind;
    bool repeats; /* some key is there more than once */
    struct slice all, rest;
};

/* sf_join appends the lines of a field of several as one (RFC 9110 section 5.3). */
void sf_join(struct buf *out, const struct slice *lines, size_t n);

/* sf_open checks all of |field| as an SF_ITEM, SF_LIST or SF_DICTIONARY, and sets |c| before its
 * first member. Returns 0, or MESH_E_SYNTAX, MESH_E_FULL: then nothing of the field counts. */
int sf_open(struct sf_cursor *c, enum sf_kind kind, struct slice field);

/* sf_next lends the next member; false at the end. A key that is there twice comes once: where it
 * was first, with its last value. */
bool sf_next(struct sf_cursor *c, struct sf_member *m);

/* Cursors over an inner list's items (without members unless |m->inner|), and over parameters. */
struct sf_cursor sf_items(const struct sf_member *m);
struct sf_cursor sf_params(const struct sf_member *m);

/* sf_find lends the member called |key| of a dictionary or of parameters, wherever |c| stands. */
bool sf_find(const struct sf_cursor *c, struct slice key, struct sf_member *m);

/* sf_text appends the decoded text of a parsed string, token, byte sequence or display string. */
void sf_text(struct buf *out, const struct sf_value *v);

/* sf_put appends |v|, whose text is plain: strings of 0x20 to 0x7E, display strings of UTF-8.
 * Returns 0, or with |out| unchanged MESH_E_RANGE (a number) or MESH_E_SYNTAX (a text that the
 * type cannot hold). The others are short for one type each. */
int sf_put(struct buf *out, const struct sf_value *v);
int sf_put_integer(struct buf *out, int64_t v);
int sf_put_token(struct buf *out, struct slice text);
int sf_put_string(struct buf *out, struct slice text);

/* sf_put_pair appends a dictionary's member or a parameter (without its semicolon): `key=value`,
 * or `key` alone for true. Errors as sf_put. */
int sf_put_pair(struct buf *out, struct slice key, const struct sf_value *v);

/* sf_put_escaped appends a string of bytes of any kind: what no string may hold is percent-encoded.
 * sf_put_word does so, too, but appends a token where |text| can be one. */
void sf_put_escaped(struct buf *out, struct slice text);
void sf_put_word(struct buf *out, struct slice text);

/* sf_put_field appends the canonical form of |field|; nothing for a list or dictionary without
 * members (such a field is not sent). Errors as sf_open, MESH_E_NOMEM. */
int sf_put_field(struct buf *out, enum sf_kind kind, struct slice field);

/* sf_thousandths rounds |value|, which has |digits| <= 18 decimals, half to even (RFC 9651 section
 * 4.1.5). Few digits and a large value: the result is out of sf_put's range. */
int64_t sf_thousandths(int64_t value, unsigned digits);

/* sf_key: may |text| be a key? */
bool sf_key(struct slice text);

/* sf_utf8: is |text| well-formed UTF-8 (RFC 3629)? */
bool sf_utf8(struct slice text);

#endif
