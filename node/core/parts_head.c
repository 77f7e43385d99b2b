/* What the heads of leaves say of the body that they belong to. */
#include "node/core/date.h"
#include "node/core/engine_impl.h"
#include "node/core/selection.h"

/* A Last-Modified so much older than the answer is a strong validator (RFC 9110 section 8.8.2.2). */
#define STRONG_AFTER_S 60

bool parts_place_of(const struct fields *fields, struct content_range *out)
{
    const struct field *f = fields_find(fields, SLICE_LIT("content-range"));
    return f != NULL && content_range_read(out, f->value);
}

bool parts_place(const struct kept_head *head, struct content_range *out)
{
    struct slice value;
    return kept_head_find(head, SLICE_LIT("content-range"), &value) && content_range_read(out, value);
}

/* A digest of the content is that of what was sent (RFC 9530 section 2), and MD5 was understood either way. */
void parts_of_whole(struct fields *out, const struct fields *f)
{
    struct fields some, fewer;

    fields_without(&some, f, SLICE_LIT("content-range"));
    fields_without(&fewer, &some, SLICE_LIT("content-digest"));
    fields_without(out, &fewer, SLICE_LIT("content-md5"));
}

bool parts_sound(const struct flight *f, const struct head *head)
{
    struct content_range r;
    uint64_t first = (uint64_t)f->index * LEAF_BYTES;

    if (!f->leaf)
        return true;
    return head->status == 206 && parts_place_of(&head->fields, &r) && r.first == first && head->has_length &&
           r.last - r.first + 1 == head->length && head->length <= LEAF_BYTES &&
           (head->length == LEAF_BYTES || r.last + 1 == r.length);
}

static struct slice validator(struct slice etag, struct slice modified, struct slice date)
{
    int64_t date_s, modified_s;

    if (etag_strongly_equal(etag, etag))
        return etag;
    if (etag.len == 0 && date_parse(modified, &modified_s) == 0 &&
        date_parse(date, &date_s) == 0 && date_s - modified_s >= STRONG_AFTER_S)
        return modified;
    return SLICE_EMPTY;
}

static struct slice value_of(const struct fields *fields, struct slice name)
{
    const struct field *f = fields_find(fields, name);
    return f != NULL ? f->value : SLICE_EMPTY;
}

struct slice parts_validator_of(const struct fields *fields)
{
    return validator(value_of(fields, SLICE_LIT("etag")), value_of(fields, SLICE_LIT("last-modified")),
                     value_of(fields, SLICE_LIT("date")));
}

struct slice parts_validator(const struct kept_head *head)
{
    return validator(kept_head_value(head, SLICE_LIT("etag")), kept_head_value(head, SLICE_LIT("last-modified")),
                     kept_head_value(head, SLICE_LIT("date")));
}
