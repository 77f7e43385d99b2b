#include "node/io/answer.h"

#include <assert.h>

#include "node/core/vary.h"
#include "node/http/cache_status.h"
#include "node/http/serialise.h"
#include "node/sf/sf.h"

#define RETRY_AFTER_S 1

enum answer_framing answer_framing(const struct answer *a, const struct selection *s, const struct answer_to *to)
{
    if (to->head_only || s->how == SELECT_NOT_MODIFIED || a->head->status == 204 || a->head->status == 304)
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
    case 11: return slice_eq_nocase(name, VARY_POLICY);
    case 12:
        return slice_eq_nocase(name, SLICE_LIT("x-request-id")) || slice_eq_nocase(name, SLICE_LIT("cache-status"));
    case 14:
        return slice_eq_nocase(name, SLICE_LIT("content-length")) || slice_eq_nocase(name, SLICE_LIT("x-hedgerow-pop"));
    default: return false;
    }
}

/* What says how the body is made up is not said of one that is not sent (RFC 9110 section 15.4.5). */
static bool of_the_body(struct slice name)
{
    return slice_eq_nocase(name, SLICE_LIT("content-type")) || slice_eq_nocase(name, SLICE_LIT("content-encoding")) ||
           slice_eq_nocase(name, SLICE_LIT("content-language")) || slice_eq_nocase(name, SLICE_LIT("content-range"));
}

/* What holds of the very bytes before they were coded, and no longer. */
static bool of_the_identity(struct slice name)
{
    static const char *const names[] = { "accept-ranges", "content-digest", "content-md5", "digest", "repr-digest" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (slice_eq_nocase(name, slice_str(names[i])))
            return true;
    }
    return false;
}

/* What holds of all of the bytes, where some of them are sent (RFC 9530 section 2). */
static bool of_the_whole(struct slice name)
{
    return slice_eq_nocase(name, SLICE_LIT("content-range")) || slice_eq_nocase(name, SLICE_LIT("content-digest")) ||
           slice_eq_nocase(name, SLICE_LIT("content-md5"));
}

static bool omitted(const struct answer *a, const struct selection *s, struct slice name)
{
    if (a->coding != CODING_IDENTITY && of_the_identity(name))
        return true;
    if (s->how == SELECT_NOT_MODIFIED)
        return of_the_body(name);
    return s->how == SELECT_RANGES &&
           (of_the_whole(name) || (s->ranges.n > 1 && slice_eq_nocase(name, SLICE_LIT("content-type"))));
}

/* The same in another coding is not the same byte for byte (RFC 9110 section 8.8.3.3). */
static void put_weak(struct buf *out, struct slice etag)
{
    bool weak = etag.len > 1 && etag.data[0] == 'W' && etag.data[1] == '/';

    buf_addf(out, "ETag: %s%.*s\r\n", weak ? "" : "W/", SLICE_FMT(etag));
}

/* What the owner says of the fields that are |in|. */
static void apply_policy(struct fields *out, const struct fields *in, const struct response *p, bool ours)
{
    response_common(out, in, p, ours);
    response_alone(out, in, p);
    response_rules(out, in, p, ours);
}

/* Returns whether a Date was among them. |shared|: what is for one request alone is not written. */
static bool put_stored(struct buf *out, const struct answer *a, const struct selection *s, const struct response *p,
                       bool shared)
{
    struct fields fields, made, *all = &fields;
    bool has_date = false;

    kept_head_fields(a->head, &fields);
    if (p != NULL && response_says(p)) {
        if (shared)
            response_common(&made, &fields, p, false);
        else
            apply_policy(&made, &fields, p, false);
        all = &made;
    }
    for (size_t i = 0; i < all->n; i++) {
        const struct field *field = &all->at[i];
        if (replaced(field->name) || omitted(a, s, field->name))
            continue;
        if (a->coding != CODING_IDENTITY && slice_eq_nocase(field->name, SLICE_LIT("etag"))) {
            put_weak(out, field->value);
            continue;
        }
        has_date = has_date || slice_eq_nocase(field->name, SLICE_LIT("date"));
        http_put_sound(out, field->name, field->value); /* the head was judged when it was decoded */
    }
    return has_date;
}

static void put_coding(struct buf *out, const struct answer *a, const struct selection *s)
{
    if (a->coding != CODING_IDENTITY && s->how != SELECT_NOT_MODIFIED)
        (void)http_put_field(out, SLICE_LIT("Content-Encoding"), coding_name(a->coding));
    if (a->negotiated && !a->head->varies_by_coding)
        buf_add_str(out, "Vary: Accept-Encoding\r\n");
}

static int64_t floor_s(mesh_ns ns)
{
    return ns >= 0 ? ns / SEC(1) : -((-ns + SEC(1) - 1) / SEC(1));
}

static void describe(struct cache_status *s, const struct answer *a)
{
    if (a->passed) {
        s->fwd = CACHE_STATUS_METHOD;
        return;
    }
    switch (a->result) {
    case RESULT_HIT:
    case RESULT_STALE:
        s->fwd = CACHE_STATUS_HIT;
        s->detail = a->from_disk ? SLICE_LIT("disk") : SLICE_EMPTY;
        break;
    case RESULT_REFRESH:
        s->fwd = CACHE_STATUS_STALE;
        s->fwd_status = 304;
        break;
    case RESULT_PEER:
    case RESULT_MISS:
    case RESULT_ERROR: s->fwd = a->was_stale ? CACHE_STATUS_STALE : CACHE_STATUS_URI_MISS; break;
    }
    s->stored = a->stored;
    s->collapsed = a->collapsed;
    s->has_ttl = a->stored || a->result != RESULT_MISS;
    s->ttl_s = floor_s(a->ttl_ns);
}

/* One member a hop, the one nearest to the origin first (RFC 9211). */
static void put_members(struct buf *out, const struct cache_status *const *hops, size_t n,
                        const struct cache_status *ours)
{
    buf_add_str(out, "Cache-Status: ");
    for (size_t i = 0; i < n; i++) {
        cache_status_put(out, hops[i]);
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
    struct cache_status parent = {
        .name = slice_str(a->parent_name),
        .fwd = a->parent_hit ? CACHE_STATUS_HIT : CACHE_STATUS_URI_MISS,
    };
    bool by_peer = a->via_peer && (a->result == RESULT_PEER || a->result == RESULT_MISS);

    const struct cache_status *hops[2];
    size_t n = 0;

    if (by_peer && parent.name.len > 0)
        hops[n++] = &parent;
    if (by_peer)
        hops[n++] = &peer;
    describe(&ours, a);
    put_members(out, hops, n, &ours);
}

static void put_via(struct buf *out, struct slice node, struct slice pop)
{
    buf_add_str(out, "Via: 1.1 ");
    buf_add_slice(out, node);
    buf_add_str(out, " (hedgerow)\r\nX-Hedgerow-Pop: ");
    buf_add_slice(out, pop);
    buf_add_str(out, "\r\n");
}

static void put_x_cache(struct buf *out, enum request_result result)
{
    buf_add_str(out, "X-Cache: ");
    buf_add_str(out, request_result_word(result));
    buf_add_str(out, " from hedgerow\r\n");
}

void answer_hit(struct buf *out, struct slice node, struct slice pop)
{
    struct cache_status ours = { .name = node };

    put_via(out, node, pop);
    put_x_cache(out, RESULT_HIT);
    buf_add_str(out, "Cache-Status: ");
    cache_status_put(out, &ours);
}

/* Via, X-Cache and Cache-Status. */
static void put_hop(struct buf *out, const struct answer *a, const struct answer_to *to)
{
    if (a->result == RESULT_HIT && !a->passed && !a->from_disk && to->hit.len > 0) {
        buf_add_slice(out, to->hit);
        buf_add_str(out, "; ttl=");
        (void)sf_put_integer(out, floor_s(a->ttl_ns)); /* of nanoseconds: in range */
        buf_add_str(out, "\r\n");
        return;
    }
    put_via(out, to->node, to->pop);
    put_x_cache(out, a->result);
    put_cache_status(out, a, to->node);
}

/* The next hop is not named: where origins are is no viewer's business (RFC 9209 section 4). */
static void put_proxy_status(struct buf *out, const struct answer_page *page, struct slice node)
{
    struct proxy_status ours = { .name = node, .error = page->error };

    if (page->details != NULL)
        ours.details = slice_str(page->details);

    buf_add_str(out, "Proxy-Status: ");
    proxy_status_put(out, &ours);
    buf_add_str(out, "\r\n");
}

/* Also of what is made here: it is no answer of the origin's. */
static void put_age(struct buf *out, mesh_ns age)
{
    http_put_number(out, SLICE_LIT("Age"), age > 0 ? (uint64_t)(age / SEC(1)) : 0);
}

static void put_connection(struct buf *out, const struct answer_to *to)
{
    if (to->close)
        buf_add_str(out, "Connection: close\r\n");
    else if (to->minor == 0)
        buf_add_str(out, "Connection: keep-alive\r\n");
}

/* ---- ranges ---- */

static void put_content_range(struct buf *out, const struct range *r, uint64_t length)
{
    buf_addf(out, "Content-Range: bytes %llu-%llu/%llu\r\n", (unsigned long long)r->first,
             (unsigned long long)(r->first + r->length - 1), (unsigned long long)length);
}

void answer_part(struct buf *out, const struct answer *a, const struct selection *s, size_t i,
                 const struct answer_to *to)
{
    struct slice type;

    buf_addf(out, "\r\n--%.*s%s\r\n", SLICE_FMT(to->request_id), i == s->ranges.n ? "--" : "");
    if (i == s->ranges.n)
        return;
    if (kept_head_find(a->head, SLICE_LIT("content-type"), &type))
        (void)http_put_field(out, SLICE_LIT("Content-Type"), type);
    put_content_range(out, &s->ranges.at[i], a->length);
    buf_add_str(out, "\r\n");
}

/* Also says how long the whole is: the parts are written for it, and taken back. */
static uint64_t parts_length(struct buf *out, const struct answer *a, const struct selection *s,
                             const struct answer_to *to)
{
    size_t before = out->len;
    uint64_t length = 0;

    for (size_t i = 0; i <= s->ranges.n; i++) {
        answer_part(out, a, s, i, to);
        length += i < s->ranges.n ? s->ranges.at[i].length : 0;
    }
    length += out->len - before;
    out->len = before;
    return length;
}

static uint64_t put_ranges(struct buf *out, const struct answer *a, const struct selection *s,
                           const struct answer_to *to)
{
    if (s->ranges.n == 1) {
        put_content_range(out, &s->ranges.at[0], a->length);
        return s->ranges.at[0].length;
    }
    buf_addf(out, "Content-Type: multipart/byteranges; boundary=%.*s\r\n", SLICE_FMT(to->request_id));
    return parts_length(out, a, s, to);
}

static uint16_t status_of(const struct answer *a, const struct selection *s)
{
    uint16_t whole = a->as != 0 ? a->as : a->head->status;
    return s->how == SELECT_NOT_MODIFIED ? 304 : s->how == SELECT_RANGES ? 206 : whole;
}

/* Does an answer begin with what is the same for all from its copy? */
static bool is_plain(const struct answer *a, const struct selection *s, const struct response *p)
{
    return (p == NULL || !response_ruled(p)) && s->how == SELECT_WHOLE && a->as == 0 && a->coding == CODING_IDENTITY &&
           a->has_length && a->head->status != 204 && a->head->status != 304;
}

bool answer_lines(struct buf *out, const struct answer *a, const struct selection *s, const struct response *policy)
{
    struct slice date;

    if (!is_plain(a, s, policy) || !kept_head_find(a->head, SLICE_LIT("date"), &date))
        return false;
    http_put_status_line(out, a->head->status);
    (void)put_stored(out, a, s, policy, true);
    put_coding(out, a, s);
    http_put_number(out, SLICE_LIT("Content-Length"), a->length);
    return true;
}

/* Status, what is stored, and what says how long the body is. */
static void put_content(struct buf *out, const struct answer *a, const struct selection *s, const struct answer_to *to)
{
    uint16_t status = status_of(a, s);
    uint64_t length = a->length;

    http_put_status_line(out, status);
    if (!put_stored(out, a, s, to->policy, false))
        (void)http_put_field(out, SLICE_LIT("Date"), to->date);
    put_coding(out, a, s);
    if (s->how == SELECT_RANGES)
        length = put_ranges(out, a, s, to);
    if (a->has_length && status != 204 && status != 304)
        http_put_number(out, SLICE_LIT("Content-Length"), length);
    else if (answer_framing(a, s, to) == ANSWER_CHUNKED)
        buf_add_str(out, "Transfer-Encoding: chunked\r\n");
}

static void put_lines(struct buf *out, const struct answer *a, const struct response *p)
{
    struct fields stored, alone;

    buf_add_slice(out, a->lines);
    if (p == NULL || p->origin == 0)
        return;
    kept_head_fields(a->head, &stored);
    fields_clear(&alone);
    response_alone(&alone, &stored, p);
    for (size_t i = 0; i < alone.n; i++)
        http_put_sound(out, alone.at[i].name, alone.at[i].value);
}

uint16_t answer_head(struct buf *out, const struct answer *a, const struct selection *s, const struct answer_to *to)
{
    assert(answer_framing(a, s, to) != ANSWER_UNTIL_CLOSE || to->close);
    assert(s->how != SELECT_UNSATISFIABLE);
    if (a->lines.len > 0 && is_plain(a, s, to->policy))
        put_lines(out, a, to->policy);
    else
        put_content(out, a, s, to);
    if (!a->passed) /* Age would say that it came from a copy (RFC 9111 section 5.1) */
        put_age(out, a->age_ns);
    put_hop(out, a, to);
    http_put_sound(out, SLICE_LIT("X-Request-Id"), to->request_id);
    put_connection(out, to);
    http_put_end(out);
    return status_of(a, s);
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

/* What the owner adds to a page of ours: what that says itself stays. */
static void put_policy(struct buf *out, const struct response *p)
{
    static const struct slice always[] = { SLICE_LIT("content-type"),  SLICE_LIT("content-length"),
                                           SLICE_LIT("cache-control"), SLICE_LIT("retry-after"),
                                           SLICE_LIT("allow"),         SLICE_LIT("location"),
                                           SLICE_LIT("content-range") };
    struct fields ours, all;

    if (p == NULL || !response_says(p))
        return;
    fields_clear(&ours);
    for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
        (void)fields_add(&ours, always[i], SLICE_EMPTY);
    apply_policy(&all, &ours, p, true);
    for (size_t i = ours.n; i < all.n; i++)
        (void)http_put_field(out, all.at[i].name, all.at[i].value);
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
    if (page->retry_after_s > 0)
        http_put_number(out, SLICE_LIT("Retry-After"), page->retry_after_s);
    else if (page->status == 503) /* of our own it always means that we are busy, or out of something */
        http_put_number(out, SLICE_LIT("Retry-After"), RETRY_AFTER_S);
    if (page->allow.len > 0)
        (void)http_put_field(out, SLICE_LIT("Allow"), page->allow);
    if (page->location.len > 0)
        (void)http_put_field(out, SLICE_LIT("Location"), page->location);
    put_policy(out, to->policy);
    if (page->of != NULL)
        buf_addf(out, "Content-Range: bytes */%llu\r\n", (unsigned long long)page->of->length);
    put_age(out, 0);
    put_via(out, to->node, to->pop);
    if (page->location.len > 0)
        buf_add_str(out, "X-Cache: Redirect from hedgerow\r\n");
    else
        put_x_cache(out, page->of != NULL ? page->of->result : RESULT_ERROR);
    if (page->forwarded) {
        struct cache_status ours = { .name = to->node,
                                     .fwd = page->passed ? CACHE_STATUS_METHOD : CACHE_STATUS_URI_MISS };
        put_members(out, NULL, 0, &ours);
    }
    if (page->of != NULL)
        put_cache_status(out, page->of, to->node);
    if (page->error != PROXY_OK)
        put_proxy_status(out, page, to->node);
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

/* What ends the head of an answer that this node gives by itself. */
static void put_our_end(struct buf *out, const struct answer_to *to)
{
    put_age(out, 0);
    put_via(out, to->node, to->pop);
    put_x_cache(out, RESULT_HIT);
    (void)http_put_field(out, SLICE_LIT("X-Request-Id"), to->request_id);
    put_connection(out, to);
    http_put_end(out);
}

void answer_preflight(struct buf *out, const struct answer_to *to)
{
    struct buf made = BUF_EMPTY;
    struct fields says;

    http_put_status_line(out, 204);
    (void)http_put_field(out, SLICE_LIT("Date"), to->date);
    response_preflight(&says, to->policy, &made);
    for (size_t i = 0; i < says.n; i++)
        (void)http_put_field(out, says.at[i].name, says.at[i].value);
    put_our_end(out, to);
    if (!buf_ok(&made))
        out->failed = true;
    buf_free(&made);
}

void answer_options(struct buf *out, struct slice allow, const struct answer_to *to)
{
    http_put_status_line(out, 200);
    (void)http_put_field(out, SLICE_LIT("Date"), to->date);
    (void)http_put_field(out, SLICE_LIT("Allow"), allow);
    http_put_number(out, SLICE_LIT("Content-Length"), 0);
    put_our_end(out, to);
}

size_t answer_list(struct buf *out, struct slice list, uint32_t ttl_s, const struct answer_to *to)
{
    http_put_status_line(out, 200);
    (void)http_put_field(out, SLICE_LIT("Date"), to->date);
    buf_add_str(out, "Content-Type: application/json\r\n");
    http_put_number(out, SLICE_LIT("Content-Length"), list.len);
    buf_addf(out, "Cache-Control: private, max-age=%u\r\nAccess-Control-Allow-Origin: *\r\n", ttl_s);
    put_our_end(out, to);
    size_t page_at = out->len;
    if (!to->head_only)
        buf_add_slice(out, list);
    return page_at;
}

size_t answer_purge(struct buf *out, const char *id, const struct answer_to *to)
{
    http_put_status_line(out, 202);
    (void)http_put_field(out, SLICE_LIT("Date"), to->date);
    buf_add_str(out, "Content-Type: application/json\r\n");
    http_put_number(out, SLICE_LIT("Content-Length"), strlen(id) + sizeof("{\"id\":\"\"}\n") - 1);
    buf_add_str(out, "Cache-Control: no-store\r\n");
    put_our_end(out, to);
    size_t page_at = out->len;
    buf_addf(out, "{\"id\":\"%s\"}\n", id);
    return page_at;
}
