/* The status page as the build embedded it. */
#include "node/admin/admin.h"

void admin_page_put(struct buf *out, const char *nonce)
{
    static const char mark[] = "{{nonce}}";
    struct slice rest = slice_of(admin_page, admin_page_len);

    for (;;) {
        const uint8_t *at = memmem(rest.data, rest.len, mark, sizeof(mark) - 1);
        if (at == NULL)
            break;
        size_t before = (size_t)(at - rest.data);
        buf_add_slice(out, slice_head(rest, before));
        buf_add_str(out, nonce);
        rest = slice_from(rest, before + sizeof(mark) - 1);
    }
    buf_add_slice(out, rest);
}
