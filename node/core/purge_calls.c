/* Purges that are called for here: signed as the next of our log, in force here at once, sent to each member directly
 * and, twice a second, again to whom has not confirmed. A receipt is for all of our log up to its number, so one word
 * of each member answers for many calls. What is sent is durable first, as long as the disk takes it: else we could
 * come back without it, and give its number to another one, which who has the first would take for that. */
#include "node/core/purges_impl.h"

#include <stdlib.h>

#include "node/core/key.h"

#define AGAIN_EACH MS(500)
#define AGAIN_FOR  SEC(60) /* then only as members are heard of: see purge_sync.c */

/* Of a log's name, which is at most 2^53: the second in which it was begun, times so many that are drawn. */
#define BEGUN_DRAWN   (UINT64_C(1) << 16)
#define BEGUN_SECONDS (UINT64_C(1) << 36) /* beyond that of the year 4000 */

/* ---- what people write ---- */

/* The path of a URL; |host|: its host is appended. */
static struct slice without_origin(struct slice url, struct buf *host, const char **why)
{
    size_t scheme = slice_eq_nocase(slice_head(url, 7), SLICE_LIT("http://"))    ? 7
                    : slice_eq_nocase(slice_head(url, 8), SLICE_LIT("https://")) ? 8
                                                                                 : 0;
    if (scheme == 0)
        return url;
    struct slice rest = slice_from(url, scheme);
    size_t n = 0;
    while (n < rest.len && rest.data[n] != '/' && rest.data[n] != '?')
        n++;
    if (n == 0 || key_host(host, slice_head(rest, n)) != 0)
        *why = "its host is not well formed";
    rest = slice_from(rest, n);
    return rest.len == 0 ? SLICE_LIT("/") : rest;
}

static int read_path(struct buf *out, struct slice path, const char **why)
{
    if (path.len == 0 || path.data[0] != '/') {
        *why = "it does not begin with /";
        return MESH_E_SYNTAX;
    }
    int err = key_path(out, path);
    *why = err == MESH_E_RANGE ? "it is too long" : err == MESH_E_NOMEM ? "out of memory" : "it is not well formed";
    return err;
}

static int read_tag(struct buf *out, struct slice tag)
{
    for (size_t i = 0; i < tag.len; i++) {
        uint8_t c = tag.data[i];
        buf_add_u8(out, c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c);
    }
    return buf_ok(out) ? 0 : MESH_E_NOMEM;
}

int purge_read(struct buf *out, enum purge_kind kind, struct slice text, const char **why)
{
    size_t before = out->len;
    int err = 0;

    *why = NULL;
    if (kind == PURGE_URL) {
        struct buf host = BUF_EMPTY;
        struct slice path = without_origin(text, &host, why);
        buf_free(&host);
        err = *why != NULL ? MESH_E_SYNTAX : read_path(out, path, why);
    } else if (kind == PURGE_PREFIX) {
        if (text.len > 1 && text.data[text.len - 1] == '*')
            text.len--;
        err = read_path(out, text, why);
    } else if (kind == PURGE_TAG) {
        *why = "a tag is 1 to 256 visible characters without a comma, quotation mark or backslash";
        err = read_tag(out, text);
    }
    if (err == 0 && !purge_value_ok(kind, slice_from(buf_slice(out), before)))
        err = MESH_E_RANGE;
    if (*why == NULL)
        *why = "it is not well formed";
    if (err != 0)
        out->len = before;
    return err;
}

int purge_host(struct buf *out, struct slice text, const char **why)
{
    size_t before = out->len;

    *why = NULL;
    (void)without_origin(text, out, why);
    if (*why == NULL)
        return 0;
    out->len = before;
    return MESH_E_SYNTAX;
}

/* ---- calling ---- */

static void call_free(struct purges *s, struct purge_call *c)
{
    list_remove(&c->link);
    s->calls_n--;
    free(c->members);
    free(c);
}

static bool is_alive(const struct member_record *r)
{
    return r->state == MEMBER_ALIVE || r->state == MEMBER_SUSPECT;
}

/* Who is there now. */
static struct purge_call *call_new(struct engine *e, mesh_ns now, const struct purge_order *order)
{
    struct purges *s = e->purges;
    struct purge_call *c = calloc(1, sizeof(*c));
    size_t count = mesh_count(e->mesh);

    if (c == NULL || (c->members = calloc(count > 0 ? count : 1, sizeof(*c->members))) == NULL) {
        free(c);
        return NULL;
    }
    c->at = now;
    c->at_s = e->wall_s;
    c->soft = order->soft;
    c->targets = order->targets_n;
    if (order->who.len > 0)
        memcpy(c->who, order->who.data, order->who.len);
    c->once_len = order->once.len;
    if (order->once.len > 0)
        memcpy(c->once, order->once.data, order->once.len);
    for (size_t i = 0; i < count; i++) {
        struct mesh_member m;
        if (!mesh_member(e->mesh, i, &m) || m.record->state == MEMBER_LEFT)
            continue;
        struct purge_asked *a = &c->members[c->members_n++];
        a->id = m.record->id;
        a->alive = i == 0 || is_alive(m.record);
        memcpy(a->name, m.cert->name, sizeof(a->name));
    }
    list_init(&c->link);
    list_push_front(&s->calls, &c->link);
    if (++s->calls_n > PURGE_CALLS_MAX)
        call_free(s, OBJ_OF(s->calls.prev, struct purge_call, link));
    return c;
}

/* Signs as many of the targets as fit into one purge, and puts it in force. Returns how many, or a code. */
static int issue(struct engine *e, struct purge_call *c, struct slice of, const struct purge_target *targets, size_t n)
{
    const struct identity *self = e->cfg.mesh.self;
    const struct purge_log *own = purge_logs_find(&e->purges->logs, &c->log);
    struct purge p = { .log = c->log,
                       .number = own != NULL ? own->last + 1 : 1,
                       .at_s = e->wall_s,
                       .who = slice_str(c->who),
                       .distribution = of,
                       .soft = c->soft };
    struct buf raw = BUF_EMPTY;
    int err;

    if (n > PURGE_TARGETS_MAX)
        n = PURGE_TARGETS_MAX;
    while ((err = purge_sign(&raw, &p, targets, n, self)) == MESH_E_RANGE && n > 1)
        n = (n + 1) / 2;
    if (err == 0)
        err = purges_take(e, buf_slice(&raw), &self->cert, identity_cert(self), false);
    buf_free(&raw);
    if (err != 0)
        return err;
    if (e->purges->own_begun != p.log.begun)
        e->purges->spread = 0;
    e->purges->own_begun = p.log.begun;
    e->purges->own_last = p.number;
    c->last = p.number;
    c->first = c->first == 0 ? p.number : c->first;
    return (int)n;
}

/* As many from |at| on as are of one distribution, or what fits of those. */
static int issue_next(struct engine *e, struct purge_call *c, const struct purge_forms *forms, size_t at)
{
    struct purge_target some[PURGE_TARGETS_MAX];
    struct slice of = forms->all[at].of;
    size_t n = 0;

    while (n < PURGE_TARGETS_MAX && at + n < forms->n && slice_eq(forms->all[at + n].of, of)) {
        some[n] = forms->all[at + n].target;
        n++;
    }
    return issue(e, c, of, some, n);
}

/* The log that is ours: called for here, or from our disk. Not one that only others have told us of. */
static const struct purge_log *ours(const struct engine *e)
{
    const struct purge_log_id id = { e->cfg.mesh.self->cert.id, e->purges->own_begun };

    return id.begun != 0 ? purge_logs_find(&e->purges->logs, &id) : NULL;
}

/* The log that goes on: our latest, but not where others have told us of it, since they may not have told all of it.
 * A new one must be none that ever was, though who has lost its disk knows of none, not even how often it started: so
 * it is named by the time and, where clocks begin at the same moment each time, by what this start has drawn. */
static uint64_t begun(const struct engine *e)
{
    const struct purges *s = e->purges;
    const struct purge_log *own = purge_logs_own(&s->logs, &e->cfg.mesh.self->cert.id);
    uint64_t second = e->wall_s > 0 ? (uint64_t)e->wall_s & (BEGUN_SECONDS - 1) : 0;
    uint64_t anew = second * BEGUN_DRAWN + mesh_boot(e->mesh).salt % (BEGUN_DRAWN - 1) + 1;

    if (own == NULL)
        return anew;
    if (own->id.begun == s->own_begun && own->last == s->own_last)
        return own->id.begun;
    return anew > own->id.begun ? anew : own->id.begun + 1;
}

static struct purge_call *called_before(const struct purges *s, struct slice once)
{
    LIST_EACH (at, &s->calls) {
        struct purge_call *c = OBJ_OF(at, struct purge_call, link);
        if (slice_eq(slice_of(c->once, c->once_len), once))
            return c;
    }
    return NULL;
}

static void spread(struct engine *e, mesh_ns now);

int engine_purge(struct engine *e, mesh_ns now, const struct purge_order *order, char id[PURGE_ID_MAX])
{
    struct purges *s = e->purges;
    struct purge_call *c;
    size_t at = 0;
    int n = 0;

    e->now = now;
    if (!purges_are_complete(e))
        return MESH_E_STATE;
    if (order->targets_n == 0 || order->targets_n > PURGE_ORDER_MAX || !purge_who_ok(order->who) ||
        order->once.len > PURGE_ONCE_MAX)
        return MESH_E_RANGE;
    if (order->once.len > 0 && (c = called_before(s, order->once)) != NULL) {
        memcpy(id, c->id, PURGE_ID_MAX);
        return MESH_E_EXISTS;
    }
    struct purge_forms forms;
    if (!purge_forms_make(e, order, &forms) || (c = call_new(e, now, order)) == NULL) {
        purge_forms_free(&forms);
        return MESH_E_NOMEM;
    }
    c->log.issuer = e->cfg.mesh.self->cert.id;
    c->log.begun = begun(e);
    while (at < forms.n && (n = issue_next(e, c, &forms, at)) > 0)
        at += (size_t)n;
    purge_forms_free(&forms);
    purges_in_force(e, now);
    if (n < 0) {
        call_free(s, c);
        return n;
    }
    memcpy(id, purge_text_id(&c->log, c->last, c->id), PURGE_ID_MAX);
    spread(e, now);
    return 0;
}

/* ---- who has confirmed ---- */

static struct purge_peer *peer_find(const struct purges *s, const struct node_id *id)
{
    for (struct map_node *n = map_find(&s->peers_by_id, map_hash_digest(&s->peers_by_id, id->bytes)); n != NULL;
         n = map_same(n)) {
        struct purge_peer *p = OBJ_OF(n, struct purge_peer, by_id);
        if (node_id_eq(&p->id, id))
            return p;
    }
    return NULL;
}

static struct purge_peer *peer_new(struct purges *s, const struct node_id *id)
{
    struct purge_peer *p = calloc(1, sizeof(*p));

    if (p == NULL)
        return NULL;
    if (s->peers_n >= PURGE_LOGS_MAX) { /* the one that we heard of first */
        struct purge_peer *old = OBJ_OF(list_first(&s->peers), struct purge_peer, link);
        map_remove(&s->peers_by_id, &old->by_id);
        list_remove(&old->link);
        free(old);
        s->peers_n--;
    }
    p->id = *id;
    list_init(&p->link);
    list_push_back(&s->peers, &p->link);
    map_insert(&s->peers_by_id, &p->by_id, map_hash_digest(&s->peers_by_id, id->bytes));
    s->peers_n++;
    return p;
}

/* What |id| has said of |log|, which is ours; NULL: nothing. */
static const struct purge_word *word_of(const struct purges *s, const struct node_id *id, uint64_t log)
{
    const struct purge_peer *p = peer_find(s, id);

    for (size_t i = 0; p != NULL && i < PURGE_LOGS_EACH; i++) {
        if (p->words[i].receipt.number > 0 && p->words[i].receipt.log.begun == log)
            return &p->words[i];
    }
    return NULL;
}

/* How far |id| has confirmed |log|, which is ours. */
static uint64_t confirmed(const struct engine *e, const struct node_id *id, const struct purge_log_id *log)
{
    const struct purge_log *own = purge_logs_find(&e->purges->logs, log);

    if (node_id_eq(id, &e->cfg.mesh.self->cert.id))
        return own != NULL ? own->durable : 0;
    const struct purge_word *word = word_of(e->purges, id, log->begun);
    return word != NULL ? word->receipt.number : 0;
}

/* Where |p|'s word on |log| goes: over that before, else over that on the earliest log. */
static struct purge_word *word_place(struct purge_peer *p, uint64_t log)
{
    struct purge_word *place = &p->words[0];

    for (size_t i = 0; i < PURGE_LOGS_EACH; i++) {
        if (p->words[i].receipt.log.begun == log)
            return &p->words[i];
        if (p->words[i].receipt.log.begun < place->receipt.log.begun)
            place = &p->words[i];
    }
    return place;
}

bool purge_calls_receipt(struct engine *e, struct link *l, const struct msg_purged *m)
{
    const struct cert *cert = session_peer(l->session);
    struct purge_receipt r = { .mesh = e->cfg.mesh.self->mesh.id,
                               .node = cert->id,
                               .log = { e->cfg.mesh.self->cert.id, m->begun },
                               .number = m->number,
                               .at_s = m->at_s };
    struct purge_peer *p = peer_find(e->purges, &cert->id);

    if (purge_logs_find(&e->purges->logs, &r.log) == NULL || confirmed(e, &cert->id, &r.log) >= m->number)
        return true; /* of another life of ours, or nothing new */
    if (purge_receipt_verify(m->sig, &r, cert->sign_key) != 0)
        return false;
    if (p == NULL && (p = peer_new(e->purges, &cert->id)) == NULL)
        return true; /* it is asked again */
    struct purge_word *word = word_place(p, m->begun);
    word->receipt = r;
    memcpy(word->sig, m->sig, SIGNATURE_BYTES);
    return true;
}

/* ---- our receipts ---- */

static void receipt(struct engine *e, struct link *l, const struct purge_log *log)
{
    const struct identity *self = e->cfg.mesh.self;
    struct purge_receipt r = {
        .mesh = self->mesh.id, .node = self->cert.id, .log = log->id, .number = log->durable, .at_s = e->wall_s
    };
    struct msg_purged m = { .begun = log->id.begun, .number = log->durable, .at_s = e->wall_s };

    purge_receipt_sign(m.sig, &r, self);
    msg_put_purged(session_begin(l->session), &m);
    link_commit(e, l);
}

/* Of each log of the peer's that has come further since it was told, or of all (|again|). */
static void receipts(struct engine *e, struct link *l, bool again)
{
    LIST_EACH (at, &e->purges->logs.logs) {
        struct purge_log *theirs = OBJ_OF(at, struct purge_log, link);
        if (!node_id_eq(&theirs->id.issuer, &l->peer) || theirs->durable <= (again ? 0 : theirs->receipted))
            continue;
        if (!link_is_open(l))
            return;
        theirs->receipted = theirs->durable;
        receipt(e, l, theirs);
    }
}

void purge_receipts(struct engine *e, struct link *l)
{
    receipts(e, l, true);
}

void purge_calls_sendable(struct engine *e, mesh_ns now)
{
    const struct purge_log *own = ours(e);

    if (own != NULL && purge_sendable(e->purges, own) > e->purges->spread)
        spread(e, now);
}

void purge_calls_kept(struct engine *e, mesh_ns now)
{
    purge_calls_sendable(e, now);
    LIST_EACH (at, &e->links) {
        struct link *l = OBJ_OF(at, struct link, link);
        if (link_is_open(l))
            receipts(e, l, false);
    }
}

/* ---- spreading ---- */

static bool is_complete(const struct engine *e, const struct purge_call *c)
{
    struct purge_state s;

    purge_call_state(e, c, &s);
    return s.complete;
}

/* Nobody is waited for: neither who was alive at the call, nor who has come back since. */
static bool is_done(const struct engine *e, const struct purge_call *c)
{
    struct purge_state s;

    purge_call_state(e, c, &s);
    return s.complete && s.waiting == 0;
}

bool purge_calls_pending(const struct engine *e)
{
    LIST_EACH (at, &e->purges->calls) {
        const struct purge_call *c = OBJ_OF(at, struct purge_call, link);
        if (e->now - c->at < AGAIN_FOR && !is_done(e, c))
            return true;
    }
    return false;
}

/* What is sent of our log to who has confirmed nothing of it: the calls that wait. */
static uint64_t pending_from(const struct engine *e, const struct purge_log *own)
{
    uint64_t from = own->last;

    LIST_EACH (at, &e->purges->calls) {
        const struct purge_call *c = OBJ_OF(at, struct purge_call, link);
        if (purge_log_id_cmp(&c->log, &own->id) == 0 && e->now - c->at < AGAIN_FOR && c->first <= from)
            from = c->first - 1;
    }
    return from;
}

static void tell(struct engine *e, mesh_ns now, const struct purge_log *own, uint64_t from, const struct node_id *id)
{
    uint64_t has = confirmed(e, id, &own->id), last = purge_sendable(e->purges, own);
    struct link *l = has < own->last ? link_to(e, now, id) : NULL;

    if (l == NULL || !link_is_open(l) || (l->purges_told == last && link_backlog(l) > 0))
        return; /* what is not open says it when it is: purge_calls_opened */
    purge_send(e, l, own, l->purges_told > has && l->purges_told < last ? l->purges_told : has > from ? has : from);
    l->purges_told = last;
}

static void spread(struct engine *e, mesh_ns now)
{
    const struct purge_log *own = ours(e);
    uint64_t from;

    if (own == NULL || !purge_calls_pending(e))
        return;
    from = pending_from(e, own);
    if (purge_sendable(e->purges, own) > e->purges->spread)
        purge_cast(e, now, own, from > e->purges->spread ? from : e->purges->spread);
    for (size_t i = 1; i < mesh_count(e->mesh); i++) {
        struct mesh_member m;
        if (mesh_member(e->mesh, i, &m) && is_alive(m.record)) {
            struct node_id id = m.record->id;
            tell(e, now, own, from, &id);
        }
    }
    e->purges->spread = purge_sendable(e->purges, own);
    timer_set(e, &e->purges->call_timer, now + AGAIN_EACH);
}

static void call_fire(struct engine *e, mesh_ns now, struct timer *t)
{
    (void)t;
    LIST_EACH (at, &e->links)
        OBJ_OF(at, struct link, link)->purges_told = 0; /* all of what is not confirmed, once more */
    spread(e, now);
}

/* Who comes back may get the purges from anybody, and with no connection to us would never say so. */
void purge_calls_again(struct engine *e, mesh_ns now)
{
    if (!e->purges->call_timer.node.queued)
        spread(e, now);
}

void purge_calls_opened(struct engine *e, mesh_ns now, struct link *l)
{
    const struct purge_log *own = ours(e);

    purge_receipts(e, l);
    if (own != NULL && link_is_open(l) && purge_calls_pending(e))
        tell(e, now, own, pending_from(e, own), &l->peer);
}

void purge_calls_start(struct engine *e)
{
    list_init(&e->purges->calls);
    list_init(&e->purges->peers);
    e->purges->call_timer.fire = call_fire;
}

void purge_calls_fini(struct engine *e)
{
    struct purges *s = e->purges;

    timer_stop(e, &s->call_timer);
    LIST_EACH_SAFE (at, &s->calls)
        call_free(s, OBJ_OF(at, struct purge_call, link));
    LIST_EACH_SAFE (at, &s->peers) {
        struct purge_peer *p = OBJ_OF(at, struct purge_peer, link);
        map_remove(&s->peers_by_id, &p->by_id);
        list_remove(at);
        free(p);
    }
}

/* ---- being asked about ---- */

const struct purge_call *engine_purge_call(const struct engine *e, struct slice id)
{
    LIST_EACH (at, &e->purges->calls) {
        const struct purge_call *c = OBJ_OF(at, struct purge_call, link);
        if (slice_eq(slice_str(c->id), id))
            return c;
    }
    return NULL;
}

const struct purge_call *engine_purge_calls(const struct engine *e, size_t i)
{
    LIST_EACH (at, &e->purges->calls) {
        if (i-- == 0)
            return OBJ_OF(at, struct purge_call, link);
    }
    return NULL;
}

/* False: it is no member any more, and nobody waits for it. */
static bool progress_of(const struct engine *e, const struct purge_call *c, const struct purge_asked *a,
                        enum purge_progress *out)
{
    struct mesh_member m;
    bool here = node_id_eq(&a->id, &e->cfg.mesh.self->cert.id);

    if (confirmed(e, &a->id, &c->log) >= c->last) {
        *out = PURGE_ACKNOWLEDGED;
        return true;
    }
    if (!here && (!mesh_find(e->mesh, &a->id, &m) || m.record->state == MEMBER_LEFT))
        return false;
    *out = here || is_alive(m.record) ? PURGE_WAITING : PURGE_UNREACHABLE;
    return true;
}

void purge_call_state(const struct engine *e, const struct purge_call *c, struct purge_state *out)
{
    *out = (struct purge_state){
        .at_s = c->at_s, .soft = c->soft, .targets = c->targets, .members = c->members_n, .complete = true
    };
    memcpy(out->id, c->id, sizeof(out->id));
    memcpy(out->who, c->who, sizeof(out->who));
    for (size_t i = 0; i < c->members_n; i++) {
        enum purge_progress p;
        if (!progress_of(e, c, &c->members[i], &p))
            continue;
        out->acknowledged += p == PURGE_ACKNOWLEDGED;
        out->waiting += p == PURGE_WAITING;
        out->unreachable += p == PURGE_UNREACHABLE;
        out->complete = out->complete && (p == PURGE_ACKNOWLEDGED || !c->members[i].alive);
    }
}

bool purge_call_member(const struct engine *e, const struct purge_call *c, size_t i, struct purge_member *out)
{
    const struct purge_asked *a = &c->members[i];
    const struct purge_word *word = word_of(e->purges, &a->id, c->log.begun);

    *out = (struct purge_member){ .id = a->id, .asked = a->alive };
    memcpy(out->name, a->name, sizeof(out->name));
    if (!progress_of(e, c, a, &out->progress))
        return false;
    if (out->progress == PURGE_ACKNOWLEDGED && word != NULL) {
        out->receipt = word->receipt;
        memcpy(out->sig, word->sig, SIGNATURE_BYTES);
    }
    return true;
}

void engine_purges(const struct engine *e, struct engine_purges *out)
{
    const struct purges *s = e->purges;

    *out = (struct engine_purges){ .digest = s->logs.digest,
                                   .position = s->logs.position,
                                   .logs = s->logs.logs_n,
                                   .kept = s->logs.kept_n,
                                   .caught_up = s->caught_up };
    LIST_EACH (at, &s->calls)
        out->pending += !is_complete(e, OBJ_OF(at, struct purge_call, link));
}
