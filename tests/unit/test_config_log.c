/* test_config_log.c - whatever order versions come in, the same one is in force, and the same ones are superseded.
 * CONFIG_SEEDS=1000 tries so many histories. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "node/core/config_log.h"
#include "proto/base/err.h"
#include "proto/base/rand.h"

#define DOCS_MAX 8

static struct identity operator;
static struct zpack *z;

static int setup(void **state)
{
    struct admission what = { .name = SLICE_LIT("ada"),
                              .zone = SLICE_LIT("desk"),
                              .not_after_s = 1900000000,
                              .roles = CERT_ROLE_NODE | CERT_ROLE_OPERATOR };
    struct authority a;

    (void)state;
    assert_int_equal(crypto_start(), 0);
    authority_make(&a, MESH_ARC_BITS_DEFAULT);
    assert_int_equal(authority_admit(&operator, & a, &what), 0);
    assert_non_null(z = zpack_new());
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    zpack_free(z);
    return 0;
}

static struct config_doc *after(const struct config_doc *before, const char *text)
{
    struct config_head head = { .at_s = 1 };
    struct config_doc *d;

    config_doc_follow(&head, before != NULL ? &before->head : NULL);
    assert_int_equal(config_doc_make(&d, z, &head, slice_str(text), &operator), 0);
    return d;
}

static struct config_doc *copy_of(const struct config_doc *d)
{
    struct config_doc *out;

    assert_int_equal(config_doc_read(&out, z, buf_slice(&d->bytes)), 0);
    return out;
}

/* A copy of |d| comes. */
static int take(struct config_log *l, const struct config_doc *d)
{
    struct config_doc *c = copy_of(d);
    struct config_kept *kept;
    int err = config_log_take(l, c, &kept);

    assert_true(err == 0 ? kept != NULL : true);
    if (kept == NULL)
        config_doc_free(c);
    return err;
}

static struct config_kept *kept_of(const struct config_log *l, const struct config_doc *d)
{
    return config_log_find(l, &d->head.version.hash);
}

/* Any history of up to DOCS_MAX versions, each after any of those before it, or the first of all. */
static size_t draw(struct rand *r, struct config_doc *docs[DOCS_MAX])
{
    size_t n = 2 + rand_below(r, DOCS_MAX - 1);
    char text[32];

    for (size_t i = 0; i < n; i++) {
        uint64_t parent = rand_below(r, i + 1);
        snprintf(text, sizeof(text), "version %zu %llu", i, (unsigned long long)rand_u64(r));
        docs[i] = after(parent < i ? docs[parent] : NULL, text);
    }
    return n;
}

static void check_order(struct config_doc *const *docs, size_t n, const size_t *order)
{
    const struct config_doc *best = docs[0];
    struct config_log l;

    config_log_init(&l);
    for (size_t i = 0; i < n; i++)
        take(&l, docs[order[i]]);
    for (size_t i = 1; i < n; i++) {
        if (config_version_cmp(&docs[i]->head.version, &best->head.version) > 0)
            best = docs[i];
    }
    assert_int_equal(config_version_cmp(&l.current->doc->head.version, &best->head.version), 0);
    size_t superseded = 0;
    for (size_t i = 0; i < n; i++) {
        const struct config_kept *k = kept_of(&l, docs[i]);
        bool follows = config_doc_descends(&best->head, &docs[i]->head.version);
        superseded += !follows;
        if (!follows) /* nobody's change gets lost, however they come */
            assert_true(k != NULL && k->state == CONFIG_SUPERSEDED);
        else if (k != NULL)
            assert_int_equal(k->state, docs[i] == best ? CONFIG_CURRENT : CONFIG_FORMER);
    }
    assert_int_equal(l.superseded, superseded);
    config_log_fini(&l);
}

static void every_order_gives_the_same(void **state)
{
    const char *many = getenv("CONFIG_SEEDS");
    uint64_t seeds = many != NULL ? strtoull(many, NULL, 10) : 40;
    struct config_doc *docs[DOCS_MAX];
    size_t order[DOCS_MAX];

    (void)state;
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        struct rand r = rand_of(seed, 1, 1);
        size_t n = draw(&r, docs);
        for (size_t i = 0; i < n; i++)
            order[i] = i;
        for (int turn = 0; turn < 50; turn++) {
            check_order(docs, n, order);
            for (size_t i = n; i-- > 1;) {
                size_t k = rand_below(&r, i + 1), swap = order[i];
                order[i] = order[k];
                order[k] = swap;
            }
        }
        for (size_t i = 0; i < n; i++)
            config_doc_free(docs[i]);
    }
}

static void an_old_version_that_comes_again_changes_nothing(void **state)
{
    struct config_doc *a = after(NULL, "a"), *b = after(a, "b"), *c = after(b, "c");
    struct config_log l;

    (void)state;
    config_log_init(&l);
    assert_int_equal(take(&l, a), 0);
    assert_int_equal(take(&l, a), MESH_E_EXISTS);
    assert_int_equal(take(&l, c), 0);
    assert_int_equal(take(&l, b), MESH_E_STATE);
    assert_int_equal(kept_of(&l, b)->state, CONFIG_FORMER);
    assert_int_equal(take(&l, a), MESH_E_EXISTS);
    assert_int_equal(config_version_cmp(&l.current->doc->head.version, &c->head.version), 0);
    assert_int_equal(l.superseded, 0);
    config_log_fini(&l);
    config_doc_free(a);
    config_doc_free(b);
    config_doc_free(c);
}

static void the_lowest_go_but_never_the_one_in_force(void **state)
{
    struct config_doc *d = after(NULL, "0"), *fork = NULL;
    struct config_log l;

    (void)state;
    config_log_init(&l);
    for (int i = 1; i < 60; i++) {
        assert_int_equal(take(&l, d), 0);
        assert_true(l.n <= CONFIG_LOG_MAX);
        struct config_doc *next = after(d, "next");
        if (i == 57)
            fork = after(d, "fork");
        config_doc_free(d);
        d = next;
    }
    assert_int_equal(l.n, CONFIG_LOG_MAX);
    assert_int_equal(l.current->doc->head.version.counter, 59);
    take(&l, fork);
    assert_int_equal(l.current->doc->head.version.counter, 59);
    assert_int_equal(kept_of(&l, fork)->state, CONFIG_SUPERSEDED);
    assert_non_null(config_log_named(&l, SLICE_LIT("59")));
    assert_non_null(config_log_named(&l, SLICE_LIT("45")));
    assert_null(config_log_named(&l, SLICE_LIT("40")));
    assert_int_equal(config_log_named(&l, SLICE_LIT("58"))->state, CONFIG_FORMER); /* rather than what lost */
    char text[CONFIG_VERSION_TEXT_MAX];
    assert_ptr_equal(config_log_named(&l, slice_str(config_version_text(&fork->head.version, text))),
                     kept_of(&l, fork));
    config_log_fini(&l);
    config_doc_free(d);
    config_doc_free(fork);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_order_gives_the_same),
        cmocka_unit_test(an_old_version_that_comes_again_changes_nothing),
        cmocka_unit_test(the_lowest_go_but_never_the_one_in_force),
    };
    return cmocka_run_group_tests_name("config_log", tests, setup, teardown);
}
