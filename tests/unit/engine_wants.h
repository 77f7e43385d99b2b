/* engine_wants.h - viewers who want a range of a body. They are the rim of these tests: the world's own viewers read
 * from the start. */
#ifndef HEDGEROW_TESTS_ENGINE_WANTS_H
#define HEDGEROW_TESTS_ENGINE_WANTS_H

#include "engine_stage.h"

#define MIB (UINT64_C(1) << 20)

static inline struct site *large(const char *path, uint64_t length)
{
    struct site *s = site_at(w, path, length);
    s->ranges = true;
    return s;
}

/* A viewer who reads |length| bytes from |first| on. */
struct want {
    struct request r;
    int node;
    struct site *site;
    uint64_t first, length, stop, got, version; /* stop: it reads no further than so many; 0: on */
    bool right, done, failed, all;              /* all: it is given all of the body, though it wanted a part */
    char range[64];
    struct answer answer;
    char lines[600];
    struct want *next;
};

static struct want *wants;

static inline void read_on(struct want *v)
{
    struct engine *e = engine_of(w, v->node);
    struct slice piece;

    if (v->done || v->failed)
        return;
    if (v->r.state == REQUEST_FAILED) {
        v->failed = true;
        return;
    }
    if (v->r.state != REQUEST_BODY)
        return;
    if (!v->r.head_sent) {
        struct fields fields;
        struct slice version;
        request_answer(e, w->now, &v->r);
        v->r.head_sent = true;
        v->answer = v->r.answer;
        kept_head_fields(v->answer.head, &fields);
        fields_text(&fields, v->lines, sizeof(v->lines));
        assert_true(kept_head_find(v->answer.head, SLICE_LIT("x-version"), &version));
        assert_int_equal(slice_u64(version, &v->version), 0);
        if (v->answer.head->status != 200) {
            v->done = true;
            return;
        }
        if (!v->all)
            request_seek(e, w->now, &v->r, v->first, v->length);
    }
    while (v->got < v->length && request_body(&v->r, &piece, 1) == 1) {
        uint64_t left = (v->stop != 0 ? v->stop : v->length) - v->got;
        if (left == 0)
            return;
        if (piece.len > left)
            piece.len = left;
        v->right = v->right && site_has(v->site, v->version, v->first + v->got, piece);
        v->got += piece.len;
        request_take(e, w->now, &v->r, piece.len);
    }
    v->done = v->got == v->length;
}

static inline void run(mesh_ns ns)
{
    for (mesh_ns end = w->now + ns; w->now < end;) {
        world_run(w, MS(1));
        for (struct want *v = wants; v != NULL; v = v->next)
            read_on(v);
    }
}

static inline struct want *want_text(int n, const char *path, const char *range, uint64_t first, uint64_t length)
{
    static struct fields none;
    struct want *v = calloc(1, sizeof(*v));

    assert_non_null(v);
    v->node = n;
    v->site = site_of(w, slice_str(path));
    v->first = first;
    v->length = length;
    v->right = true;
    snprintf(v->range, sizeof(v->range), "%s", range);
    v->r.io = NULL;
    v->r.host = SLICE_LIT("example.com");
    v->r.target = slice_str(path);
    v->r.request_id = SLICE_LIT("id-1");
    v->r.fields = &none;
    v->r.range = slice_str(v->range);
    v->next = wants;
    wants = v;
    engine_request(engine_of(w, n), w->now, &v->r);
    read_on(v);
    return v;
}

static inline struct want *want(int n, const char *path, uint64_t first, uint64_t length)
{
    char text[64];
    snprintf(text, sizeof(text), "bytes=%llu-%llu", (unsigned long long)first,
             (unsigned long long)(first + length - 1));
    return want_text(n, path, text, first, length);
}

static inline void end(struct want *v)
{
    if (v->r.magic != 0)
        engine_request_end(engine_of(w, v->node), w->now, &v->r, true);
}

static inline void end_all(void)
{
    while (wants != NULL) {
        struct want *v = wants;
        wants = v->next;
        end(v);
        free(v);
    }
}

static inline void check_want(const struct want *v)
{
    if (!v->done || !v->right)
        fail_msg("%s at n%d: %s, state %d (%u), %llu of %llu bytes, %s", v->range, v->node,
                 v->failed ? "failed" : "not", v->r.state, v->r.error_status, (unsigned long long)v->got,
                 (unsigned long long)v->length, v->right ? "right" : "WRONG");
}

#endif
