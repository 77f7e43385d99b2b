/* Directories as origins: their URLs. */
#include "node/dist/fields.h"
#include "node/dist/url.h"
#include "node/sf/chars.h"
#include "node/sf/sf.h"

void folder_url(struct buf *out, struct slice root)
{
    buf_add_str(out, "file://");
    for (size_t i = 0; i < root.len; i++) {
        uint8_t c = root.data[i], escape[3];
        bool plain = chars_is(c, CHARS_URI) && c != '%' && c != '?' && c != '#';
        chars_escape(c, escape);
        buf_add(out, plain ? &c : escape, plain ? 1 : sizeof(escape));
    }
}

bool folder_url_is(struct slice text)
{
    return slice_eq_nocase(slice_head(text, 5), SLICE_LIT("file:"));
}

/* False: there is no such path. */
static bool path_of(struct buf *out, struct slice text)
{
    text = slice_from(text, 5);
    if (!slice_eq(slice_head(text, 3), SLICE_LIT("///")))
        return false;
    text = slice_from(text, 2);
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (c == '?' || c == '#')
            return false;
        if (c == '%') {
            int high = i + 2 < text.len ? hex_digit(text.data[i + 1]) : -1;
            int low = high >= 0 ? hex_digit(text.data[i + 2]) : -1;
            if (low < 0)
                return false;
            c = (uint8_t)(high << 4 | low);
            i += 2;
        }
        buf_add_u8(out, c);
    }
    return true;
}

bool read_folder_url(struct reader *r, const struct tree *n, struct slice *root)
{
    char quoted[FAULT_QUOTED_MAX];
    struct buf path = BUF_EMPTY;
    struct tree decoded = *n;
    bool ok;

    if (!path_of(&path, n->text) || !sf_utf8(buf_slice(&path))) {
        ok = wrong(r, n,
                   "%s is no directory: such a URL has three slashes, such as file:///srv/www, no query, and UTF-8.",
                   fault_quoted(n->text, quoted));
    } else if (!buf_ok(&path)) {
        ok = wrong(r, n, "out of memory.");
    } else {
        decoded.text = buf_slice(&path);
        ok = take_folder(r, &decoded, root);
    }
    buf_free(&path);
    return ok;
}
