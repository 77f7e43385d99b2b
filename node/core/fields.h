/* fields.h - a message's header fields (RFC 9110 section 5) as plain data: names and
 * values lent from wherever they were parsed, in order of arrival. Not thread safe. */
#ifndef HEDGEROW_CORE_FIELDS_H
#define HEDGEROW_CORE_FIELDS_H

#include "proto/base/slice.h"

#define FIELDS_MAX 128

struct field {
    struct slice name, value; /* value without surrounding blanks */
};

struct fields {
    size_t n;
    uint64_t names; /* a bit for each name that is here, others' as well: most that are asked for are not here */
    struct field at[FIELDS_MAX]; /* last, so that a copy may be cut behind the n-th */
};

/* fields_add appends. 0 or MESH_E_FULL (nothing changed). */
int fields_add(struct fields *f, struct slice name, struct slice value);

static inline void fields_clear(struct fields *f)
{
    f->n = 0;
    f->names = 0;
}

/* fields_find lends the first field called |name| (without case), NULL when absent. */
const struct field *fields_find(const struct fields *f, struct slice name);

/* fields_next lends the next field called |name| behind |after| (NULL: the first). */
const struct field *fields_next(const struct fields *f, struct slice name, const struct field *after);

/* fields_list walks the comma-separated elements of all fields called |name|, as if
 * they were one line (RFC 9110 section 5.6.1), commas inside quoted strings kept.
 * Start with |*at| zeroed; returns false at the end. Empty elements are skipped. */
struct fields_cursor {
    const struct field *field;
    struct slice rest;
    bool started;
};
bool fields_list(const struct fields *f, struct slice name, struct fields_cursor *at, struct slice *element);

/* fields_lists: is |element| (without case) in the list called |name|? */
bool fields_lists(const struct fields *f, struct slice name, struct slice element);

/* field_weight reads "q=0.5" (RFC 9110 section 12.4.2) in thousandths. False: it is no weight. */
bool field_weight(struct slice s, unsigned *out);

/* field_is_token: RFC 9110 section 5.6.2. field_is_sound: is |name| one, and |value| free of control bytes but for
 * tabs? */
bool field_is_token(struct slice s);
bool field_is_sound(struct slice name, struct slice value);

/* fields_without copies |f| without its fields called |name|. */
void fields_without(struct fields *out, const struct fields *f, struct slice name);

/* fields_hop_by_hop: must this field stop at this hop (RFC 9110 section 7.6.1)? Names it
 * from the fixed list and from the message's own Connection field. */
bool fields_hop_by_hop(const struct fields *f, const struct field *field);

#endif
