#include "node/core/selection.h"

#include "node/core/date.h"

static struct slice opaque(struct slice tag)
{
    return tag.len >= 2 && tag.data[0] == 'W' && tag.data[1] == '/' ? slice_from(tag, 2) : tag;
}

static bool is_tag(struct slice tag)
{
    return tag.len >= 2 && tag.data[0] == '"' && tag.data[tag.len - 1] == '"';
}

bool etag_weakly_equal(struct slice a, struct slice b)
{
    return is_tag(opaque(a)) && slice_eq(opaque(a), opaque(b));
}

bool etag_strongly_equal(struct slice a, struct slice b)
{
    return is_tag(a) && slice_eq(a, b);
}

/* The next tag of a list; in a tag a backslash is like any other character. False: no more, or no tag. */
static bool next_tag(struct slice *rest, struct slice *tag)
{
    size_t i = 0;

    while (i < rest->len && (rest->data[i] == ',' || rest->data[i] == ' ' || rest->data[i] == '\t'))
        i++;
    size_t begin = i, quote = i + 1 < rest->len && rest->data[i] == 'W' && rest->data[i + 1] == '/' ? i + 2 : i;
    if (quote >= rest->len || rest->data[quote] != '"')
        return false;
    const uint8_t *end = memchr(rest->data + quote + 1, '"', rest->len - quote - 1);
    if (end == NULL)
        return false;
    size_t after = (size_t)(end - rest->data) + 1;
    *tag = slice_of(rest->data + begin, after - begin);
    *rest = slice_from(*rest, after);
    return true;
}

/* If-None-Match: is the tag among those? */
static bool listed(struct slice list, struct slice tag)
{
    struct slice one;

    if (slice_eq(slice_trim(list), SLICE_LIT("*")))
        return true;
    while (next_tag(&list, &one)) {
        if (etag_weakly_equal(one, tag))
            return true;
    }
    return false;
}

/* RFC 9111 section 4.3.2: against Last-Modified, else Date, else when it came. */
static bool modified_since(struct slice since, const struct kept_head *head, int64_t received_s)
{
    int64_t limit, at = received_s;

    if (date_parse(since, &limit) != 0)
        return true;
    if (date_parse(kept_head_value(head, SLICE_LIT("last-modified")), &at) != 0)
        (void)date_parse(kept_head_value(head, SLICE_LIT("date")), &at);
    return at > limit;
}

static bool not_modified(const struct wants *w, const struct kept_head *head, int64_t received_s)
{
    if (head->status != 200)
        return false; /* conditions are about what a plain request would be answered with success */
    if (w->if_none_match.len > 0)
        return listed(w->if_none_match, kept_head_value(head, SLICE_LIT("etag")));
    return w->if_modified_since.len > 0 && !modified_since(w->if_modified_since, head, received_s);
}

/* RFC 9110 sections 13.1.5 and 8.8.2.2: a date is a strong validator only if the answer was made a while after. */
static bool still_the_same(struct slice if_range, const struct kept_head *head)
{
    int64_t asked, modified, made;

    if (is_tag(opaque(if_range)))
        return etag_strongly_equal(if_range, kept_head_value(head, SLICE_LIT("etag")));
    return date_parse(if_range, &asked) == 0 &&
           date_parse(kept_head_value(head, SLICE_LIT("last-modified")), &modified) == 0 &&
           asked == modified && date_parse(kept_head_value(head, SLICE_LIT("date")), &made) == 0 && made > modified;
}

#define PART_BYTES 192 /* at most, of a part's delimiter and fields but for the type's value (node/io/answer.c) */

/* Several ranges that with all around them are longer than the body: then the body is the better answer. */
static bool too_costly(const struct ranges *r, const struct kept_head *head, uint64_t length)
{
    uint64_t sum = 0;

    if (r->n < 2)
        return false;
    for (size_t i = 0; i < r->n; i++)
        sum += r->at[i].length + PART_BYTES + kept_head_value(head, SLICE_LIT("content-type")).len;
    return sum > length;
}

void selection_make(struct selection *out, const struct wants *w, const struct kept_head *head, bool has_length,
                    uint64_t length, bool head_only, int64_t received_s)
{
    out->how = SELECT_WHOLE;
    out->ranges.n = 0;
    if (not_modified(w, head, received_s)) {
        out->how = SELECT_NOT_MODIFIED;
        return;
    }
    if (w->range.len == 0 || head_only || head->status != 200 || !has_length ||
        (w->if_range.len > 0 && !still_the_same(w->if_range, head)))
        return;
    switch (ranges_read(&out->ranges, w->range, length)) {
    case RANGE_WHOLE: break;
    case RANGE_PART:
        if (!too_costly(&out->ranges, head, length))
            out->how = SELECT_RANGES;
        break;
    case RANGE_UNSATISFIABLE: out->how = SELECT_UNSATISFIABLE; break;
    }
    if (out->how != SELECT_RANGES)
        out->ranges.n = 0;
}
