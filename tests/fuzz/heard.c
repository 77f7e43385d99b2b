/* heard.c - http_parser (Debian's libhttp-parser), fed with one message. */
#include "tests/fuzz/heard.h"

#include <http_parser.h>
#include <limits.h>

static struct heard *heard_of(http_parser *p)
{
    return p->data;
}

static int on_url(http_parser *p, const char *at, size_t len)
{
    buf_add(&heard_of(p)->url, at, len);
    return 0;
}

static int on_field(http_parser *p, const char *at, size_t len)
{
    struct heard *h = heard_of(p);

    if (h->headers_done) /* a trailer */
        return 0;
    if (h->in_value)
        buf_add_u8(&h->fields, 0);
    h->in_value = false;
    h->any = true;
    buf_add(&h->fields, at, len);
    return 0;
}

static int on_value(http_parser *p, const char *at, size_t len)
{
    struct heard *h = heard_of(p);

    if (h->headers_done)
        return 0;
    if (!h->in_value)
        buf_add_u8(&h->fields, 0);
    h->in_value = true;
    buf_add(&h->fields, at, len);
    return 0;
}

static int on_headers_complete(http_parser *p)
{
    struct heard *h = heard_of(p);

    if (h->any)
        buf_add_u8(&h->fields, 0);
    h->headers_done = true;
    /* Whether there is a body is for its user to say: to a 304 with a length it would read one (RFC 9112 section 6.3).
     */
    return h->head_request || p->status_code == 304 ? 1 : 0;
}

static int on_body(http_parser *p, const char *at, size_t len)
{
    buf_add(&heard_of(p)->body, at, len);
    return 0;
}

static int on_complete(http_parser *p)
{
    heard_of(p)->done = true;
    http_parser_pause(p, 1); /* what follows is another message */
    return 0;
}

/* The refusals that it alone makes:
 * - a method that it has no number for;
 * - a target with a byte that it does not know of in that place: it walks absolute and authority forms with a machine
 * of its own, while we take what RFC 3986 has and what browsers send;
 * - a trailer with a framing field: it reads trailers as more of the header, we drop them (RFC 9110 section 6.5.1). */
static bool stricter(enum http_errno err, bool in_trailer)
{
    if (in_trailer)
        return err == HPE_INVALID_CONTENT_LENGTH || err == HPE_UNEXPECTED_CONTENT_LENGTH ||
               err == HPE_INVALID_TRANSFER_ENCODING;
    return err == HPE_INVALID_METHOD || err == HPE_INVALID_URL;
}

void heard_read(struct heard *h, bool response, struct slice in)
{
    http_parser_settings s;
    http_parser p;

    http_parser_settings_init(&s);
    s.on_url = on_url;
    s.on_header_field = on_field;
    s.on_header_value = on_value;
    s.on_headers_complete = on_headers_complete;
    s.on_body = on_body;
    s.on_message_complete = on_complete;
    http_parser_init(&p, response ? HTTP_RESPONSE : HTTP_REQUEST);
    p.data = h;
    h->used = http_parser_execute(&p, &s, (const char *)in.data, in.len);

    enum http_errno err = HTTP_PARSER_ERRNO(&p);
    h->failed = err != HPE_OK && err != HPE_PAUSED;
    h->stricter = stricter(err, h->headers_done);
    h->error = http_errno_name(err);
    h->method = response ? "" : http_method_str((enum http_method)p.method);
    h->chunked = (p.flags & F_CHUNKED) != 0;
    h->has_length = (p.flags & F_CONTENTLENGTH) != 0;
    h->until_close = response && !h->chunked && p.content_length == ULLONG_MAX;
    h->keep_alive = http_should_keep_alive(&p) != 0;
    h->major = p.http_major;
    h->minor = p.http_minor;
    h->status = p.status_code;
    h->left = p.content_length;
}

void heard_free(struct heard *h)
{
    buf_free(&h->url);
    buf_free(&h->fields);
    buf_free(&h->body);
}
