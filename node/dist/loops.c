/* Redirects that lead to themselves. Each rule is tried with a path and a host that it is for, in which every star is
 * an x, and followed as a browser would, until it leaves what is ours, or comes to rest. What fields and parameters a
 * request has does not change on the way, so a rule with other such conditions than the one tried is taken not to act.
 */
#include <stdio.h>

#include "node/dist/fields.h"

#define STEPS_MAX 10 /* browsers give up at 20 */
#define PLACE_MAX 1536

struct place {
    struct buf host, path;
};

static void sample(struct buf *out, struct slice pattern)
{
    buf_clear(out);
    for (size_t i = 0; i < pattern.len; i++) {
        uint8_t c = pattern.data[i];
        buf_add_u8(out, c == '*' || c == '?' ? 'x' : c);
    }
}

static struct slice with_slash(struct slice pattern, struct buf *scratch)
{
    if (pattern.len > 0 && (pattern.data[0] == '/' || pattern.data[0] == '*'))
        return pattern;
    buf_clear(scratch);
    buf_add_u8(scratch, '/');
    buf_add_slice(scratch, pattern);
    return buf_slice(scratch);
}

static bool path_fits(struct slice pattern, struct slice path)
{
    struct dist_path cut;

    dist_path_cut(&cut, pattern);
    return dist_path_fits(&cut, slice_from(path, 1));
}

static const struct dist_behaviour *behaviour_of(const struct dist *d, struct slice path)
{
    for (size_t i = 0; i + 1 < d->behaviours_n; i++) {
        if (path_fits(d->behaviours[i].path, path))
            return &d->behaviours[i];
    }
    return &d->behaviours[d->behaviours_n - 1];
}

static bool same_conditions(const struct dist_rule *a, const struct dist_rule *b)
{
    return slice_eq(a->field, b->field) && slice_eq(a->field_value, b->field_value) && slice_eq(a->query, b->query) &&
           slice_eq(a->query_value, b->query_value);
}

static bool acts(const struct dist_rule *u, const struct dist_rule *tried, const struct place *at)
{
    if (u->action != DIST_REDIRECT && u->action != DIST_REWRITE)
        return false;
    if ((u->field.len > 0 || u->query.len > 0) && !same_conditions(u, tried))
        return false;
    if (u->host.len > 0 && !dist_matches(u->host, buf_slice(&at->host)))
        return false;
    return u->path.len == 0 || path_fits(u->path, buf_slice(&at->path));
}

static bool is_ours(const struct dist *d, struct slice host)
{
    for (size_t i = 0; i < d->hosts_n; i++) {
        struct slice h = d->hosts[i];
        if (h.data[0] == '*'
                ? host.len > h.len - 1 && slice_eq(slice_from(host, host.len - (h.len - 1)), slice_from(h, 1))
                : slice_eq(host, h))
            return true;
    }
    return false;
}

/* Moves |at| to where |to|, with its stars filled in, leads. False: that is somebody else's. */
static bool go(const struct dist *d, struct place *at, struct slice to)
{
    size_t scheme = slice_eq(slice_head(to, 7), SLICE_LIT("http://"))    ? 7
                    : slice_eq(slice_head(to, 8), SLICE_LIT("https://")) ? 8
                                                                         : 0;
    size_t end;

    if (scheme > 0) {
        struct slice host, authority;
        to = slice_from(to, scheme);
        for (end = 0; end < to.len && strchr("/?#", to.data[end]) == NULL; end++)
            ;
        authority = slice_head(to, end);
        host = authority;
        slice_split(&authority, ':', &host);
        if (!is_ours(d, host))
            return false;
        buf_clear(&at->host);
        buf_add_slice(&at->host, host);
        to = slice_from(to, end);
    }
    for (end = 0; end < to.len && to.data[end] != '?' && to.data[end] != '#'; end++)
        ;
    buf_clear(&at->path);
    if (end == 0)
        buf_add_u8(&at->path, '/');
    buf_add_slice(&at->path, slice_head(to, end));
    return true;
}

/* One request: does it end in a redirect to what is ours? */
static bool step(const struct dist *d, const struct dist_rule *tried, struct place *at)
{
    const struct dist_behaviour *b = behaviour_of(d, buf_slice(&at->path));
    struct buf to = BUF_EMPTY;
    bool on = false;

    for (size_t i = 0; i < b->rules_n; i++) {
        const struct dist_rule *u = &b->rules[i];
        if (!acts(u, tried, at))
            continue;
        buf_clear(&to);
        dist_rule_to(&to, u, buf_slice(&at->path));
        if (!buf_ok(&to) || to.len > PLACE_MAX)
            break;
        on = go(d, at, buf_slice(&to)) && u->action == DIST_REDIRECT;
        if (u->action == DIST_REDIRECT)
            break;
    }
    buf_free(&to);
    return on;
}

static void begin(const struct dist *d, const struct dist_behaviour *b, const struct dist_rule *u, struct place *at)
{
    struct buf scratch = BUF_EMPTY;
    struct slice host = u->host.len > 0 ? u->host : d->hosts_n > 0 ? d->hosts[0] : SLICE_LIT("x");

    sample(&at->path, with_slash(u->path.len > 0 ? u->path : b->path, &scratch));
    if (at->path.len == 0 || at->path.data[0] != '/') {
        buf_clear(&at->path);
        buf_add_str(&at->path, "/x");
    }
    sample(&at->host, host);
    buf_free(&scratch);
}

bool check_loops(struct reader *r, const struct tree *n, const struct dist *d)
{
    struct place at = { BUF_EMPTY, BUF_EMPTY };
    bool ok = true;

    for (size_t i = 0; i < d->behaviours_n; i++) {
        const struct dist_behaviour *b = &d->behaviours[i];
        for (size_t j = 0; j < b->rules_n; j++) {
            size_t steps = 0;
            if (b->rules[j].action != DIST_REDIRECT)
                continue;
            begin(d, b, &b->rules[j], &at);
            struct buf from = BUF_EMPTY;
            buf_add_slice(&from, buf_slice(&at.path));
            while (steps < STEPS_MAX && step(d, &b->rules[j], &at))
                steps++;
            if (steps == STEPS_MAX)
                ok = wrong_field(r, n, "behaviours", "rule %zu of \"%.*s\" redirects %.*s to itself, over and over%s.",
                                 j, SLICE_FMT(b->path), SLICE_FMT(buf_slice(&from)),
                                 slice_eq(slice_head(b->rules[j].to, 8), SLICE_LIT("https://"))
                                     ? " (from http to https leads viewer_protocol: redirect)"
                                     : "");
            buf_free(&from);
        }
    }
    buf_free(&at.host);
    buf_free(&at.path);
    return ok;
}
