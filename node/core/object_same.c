/* May a reader of one copy go on with another? Only if what was shown of the one holds of the other. */
#include "node/core/object_impl.h"

/* Do both say what their bytes sum up to (RFC 9530, and its elders), and not the same? Who checks that would find the
 * one's body wrong under the other's head. Some copies of the same body lack it: origins say it as they like. */
static bool other_digest(const struct kept_head *a, const struct kept_head *b)
{
    static const char *const names[] = { "repr-digest", "content-digest", "digest", "content-md5" };
    struct slice x, y;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (kept_head_find(a, slice_str(names[i]), &x) && kept_head_find(b, slice_str(names[i]), &y) && !slice_eq(x, y))
            return true;
    }
    return false;
}

/* Does |b|'s head say of its body what |a|'s said? Of a head that was shown, that must hold
 * for all that follows it. */
static bool same_representation(const struct kept_head *a, const struct kept_head *b)
{
    static const char *const names[] = {
        "etag", "last-modified", "content-type", "content-encoding", "content-language", "location"
    };

    if (a->status != b->status || other_digest(a, b))
        return false;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct slice x = SLICE_EMPTY, y = SLICE_EMPTY;
        if (kept_head_find(a, slice_str(names[i]), &x) != kept_head_find(b, slice_str(names[i]), &y) || !slice_eq(x, y))
            return false;
    }
    return true;
}

int object_same(const struct object *a, const struct object *b, uint64_t bytes)
{
    uint32_t whole = (uint32_t)(bytes / LEAF_BYTES), rest = (uint32_t)(bytes % LEAF_BYTES);
    struct slice x, y;

    if (bytes > object_available(a)) { /* read from further on, which it did not reach: nothing of that was seen */
        bytes = object_available(a);
        whole = (uint32_t)(bytes / LEAF_BYTES);
        rest = (uint32_t)(bytes % LEAF_BYTES);
    }
    if (!same_representation(a->head, b->head))
        return 0;
    if (a->has_length && b->has_length ? a->length != b->length : a->has_length) {
        /* A length that was promised must turn out right; a window is gone by then. */
        return !b->has_length && b->state == OBJECT_FILLING && !b->pass_through ? -1 : 0;
    }
    if (whole > object_hashes_n(a))
        return 0; /* cannot be: what was read had been verified */
    for (uint32_t i = 0; i < whole; i++) {
        if (i >= b->leaves_n)
            return b->state == OBJECT_FILLING ? -1 : 0;
        if (!digest_eq(&object_hashes(a)[i], &object_hashes(b)[i]))
            return 0;
    }
    if (rest == 0)
        return 1;
    if (whole < object_hashes_n(a)) { /* the rest lies in a leaf that is known whole */
        if (whole < b->leaves_n)
            return digest_eq(&object_hashes(a)[whole], &object_hashes(b)[whole]);
        return b->state == OBJECT_FILLING ? -1 : 0;
    }
    uint64_t from = (uint64_t)whole * LEAF_BYTES;
    if (object_read(a, from, &x, 1) == 0 || x.len < rest)
        return 0; /* our own piece is gone: nothing to compare with */
    if (object_read(b, from, &y, 1) == 0 || y.len < rest)
        return b->state == OBJECT_FILLING ? -1 : 0;
    return memcmp(x.data, y.data, rest) == 0;
}
