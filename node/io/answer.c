#include "node/io/answer.h"

#include <assert.h>

#include "node/http/cache_status.h"
#include "node/http/serialise.h"

enum answer_framing answer_framing(const struct answer *a, const struct answer_to *to)
{
    if (to->head_only || a->head->status == 204 || a->head->status == 304)
        return ANSWER_BARE;
    if (a->has_length)
        return ANSWER_LENGTH;
    return to->minor > 0 ? ANSWER_CHUNKED : ANSWER_UNTIL_CLOSE;
}

/* Fields of a stored answer that say something about this hop, which is ours to say. */
static bool replaced(struct slice name)
{
    switch (name.len) {
    case 3: return slice_eq_nocase(name, SLICE_LIT("age"));
    case 7: return slice_eq_nocase(name, SLICE_LIT("x-cache"));
    case 12:
        return slice_eq_nocase(name, SLICE_LIT("x-request-id")) || slice_eq_nocase(name, SLICE_LIT("cache-status"));
    case 14: return slice_eq_nocase(name, SLICE_LIT("content-length"));
    default: return false;
    }
}

/* Returns whether a Date was among them. */
static bool put_stored(struct buf *out, const struct fields *fields)
{
    bool has_date = false;

    for (size_t i = 0; i < fields->n; i++) {
        const struct field *field = &fields->at[i];
        if (replaced(field->name))
            continue;
        has_date = has_date || slice_eq_nocase(field->name, SLICE_LIT("date"));
        /* The head was judged when it was decoded: what is refused here cannot be there. */
        (void)http_put_field(out, field->name, field->value);
    }
    return has_date;
}

static int64_t floor_s(mesh_ns ns)
{
    return ns >= 0 ? ns / SEC(1) : -((-ns + SEC(1) - 1) / SEC(1));
}

static void describe(struct cache_status *s, const struct answer *a)
{
    switch (a->result) {
    case RESULT_HIT:
    case RESULT_STALE: s->fwd = CACHE_STATUS_HIT; break;
    case RESULT_REFRESH:
        s->fwd = CACHE_STATUS_STALE;
        s->fwd_status = 304;
        break;
    case RESULT_PEER:
    case RESULT_MISS:
    case RESULT_ERROR: s->fwd = CACHE_STATUS_URI_MISS; break;
    }
    s->stored = a->stored;
    s->collapsed = a->collapsed;
    s->has_ttl = a->stored || a->result != RESULT_MISS;
    s->ttl_s = floor_s(a->ttl_ns);
}

/* One member a hop, the one nearest to the origin first (RFC 9211). */
static void put_members(struct buf *out, const struct cache_status *peer, const struct cache_status *ours)
{
    buf_add_str(out, "Cache-Status: ");
    if (peer != NULL) {
        cache_status_put(out, peer);
        buf_add_str(out, ", ");
    }
    cache_status_put(out, ours);
    buf_add_str(out, "\r\n");
}

static void put_cache_status(struct buf *out, const struct answer *a, struct slice node)
{
    struct cache_status ours = { .name = node }, peer = {
        .name = slice_str(a->peer_name),
        .fwd = a->peer_hit ? CACHE_STATUS_HIT : CACHE_STATUS_URI_MISS,
    };
    bool by_peer = a->via_peer && (a->result == RESULT_PEER || a->result == RESULT_MISS);

    describe(&ours, a);
    put_members(out, by_peer ? &peer : NULL, &ours);
}

static void put_via(struct buf *out, struct slice node)
{
    buf_add_str(out, "Via: 1.1 ");
    buf_add_slice(out, node);
    buf_add_str(out, " (hedgerow)\r\n");
}

static void put_x_cache(struct buf *out, enum request_result result)
{
    buf_add_str(out, "X-Cache: ");
    buf_add_str(out, request_result_word(result));
    buf_add_str(out, " from hedgerow\r\n");
}

static void put_connection(struct buf *out, const struct answer_to *to)
{
    if (to->close)
        buf_add_str(out, "Connection: close\r\n");
    else if (to->minor == 0)
        buf_add_str(out, "Connection: keep-alive\r\n");
}

void answer_head(struct buf *out, const struct answer *a, const struct answer_to *to)
{
    const struct head *head = a->head;
    enum answer_framing framing = answer_framing(a, to);

    assert(framing != ANSWER_UNTIL_CLOSE || to->close);
    http_put_status_line(out, head->status);
    if (!put_stored(out, &head->fields))
        (void)http_put_field(out, SLICE_LIT("Date"), to->date);
    if (a->has_length && head->status != 204 && head->status != 304)
        http_put_number(out, SLICE_LIT("Content-Length"), a->length);
    else if (framing == ANSWER_CHUNKED)
        buf_add_str(out, "Transfer-Encoding: chunked\r\n");
    http_put_number(out, SLICE_LIT("Age"), a->age_ns > 0 ? (uint64_t)(a->age_ns / SEC(1)) : 0);
    put_via(out, to->node);
    put_x_cache(out, a->result);
    put_cache_status(out, a, to->node);
    (void)http_put_field(out, SLICE_LIT("X-Request-Id"), to->request_id);
    put_connection(out, to);
    http_put_end(out);
}

static void put_text(struct buf *out, const struct answer_page *page, const struct answer_to *to)
{
    const char *text = page->text, *reason = http_reason(page->status);
    size_t len = strlen(text);

    buf_addf(out,
             "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>%u %s</title>\n<h1>%u %s</h1>\n<p>",
             page->status, reason, page->status, reason);
    if (len > 0) { /* a reason or a sentence: always shown as one */
        buf_add_u8(out, (uint8_t)(text[0] >= 'a' && text[0] <= 'z' ? text[0] - 32 : text[0]));
        buf_add(out, text + 1, len - 1);
        if (text[len - 1] != '.')
            buf_add_u8(out, '.');
    }
    buf_addf(out, "</p>\n<p><small>%.*s, request %.*s</small></p>\n</html>\n", SLICE_FMT(to->node),
             SLICE_FMT(to->request_id));
}

size_t answer_page(struct buf *out, const struct answer_page *page, const struct answer_to *to)
{
    struct buf text = BUF_EMPTY;

    put_text(&text, page, to);
    http_put_status_line(out, page->status);
    (void)http_put_field(out, SLICE_LIT("Date"), to->date);
    buf_add_str(out, "Content-Type: text/html; charset=utf-8\r\n");
    http_put_number(out, SLICE_LIT("Content-Length"), text.len);
    buf_add_str(out, "Cache-Control: no-store\r\n");
    if (page->allow != NULL)
        (void)http_put_field(out, SLICE_LIT("Allow"), slice_str(page->allow));
    put_via(out, to->node);
    put_x_cache(out, RESULT_ERROR);
    if (page->forwarded) {
        struct cache_status ours = { .name = to->node, .fwd = CACHE_STATUS_URI_MISS };
        put_members(out, NULL, &ours);
    }
    (void)http_put_field(out, SLICE_LIT("X-Request-Id"), to->request_id);
    put_connection(out, to);
    http_put_end(out);
    size_t page_at = out->len;
    if (!to->head_only)
        buf_add_slice(out, buf_slice(&text));
    if (!buf_ok(&text))
        out->failed = true;
    buf_free(&text);
    return page_at;
}
