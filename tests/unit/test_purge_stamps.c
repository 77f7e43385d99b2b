/* test_purge_stamps.c - which purges touch what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "node/core/purge_stamps.h"

static const uint8_t hash_key[MAP_KEY_BYTES] = "sixteen secrets";
static struct purge_stamps s;

static int setup(void **state)
{
    (void)state;
    return purge_stamps_init(&s, hash_key);
}

static int teardown(void **state)
{
    (void)state;
    purge_stamps_fini(&s);
    return 0;
}

static void add(enum purge_kind kind, const char *value, bool soft, uint64_t position)
{
    struct purge_target t = { kind, slice_str(value) };
    purge_stamps_add(&s, SLICE_EMPTY, &t, soft, position);
}

static void check(const char *path, uint64_t hard, uint64_t soft)
{
    struct purge_stamp got = purge_stamps_path(&s, SLICE_EMPTY, slice_str(path));

    if (got.hard != hard || got.soft != soft)
        fail_msg("%s: hard %llu, soft %llu", path, (unsigned long long)got.hard, (unsigned long long)got.soft);
}

static void a_path_means_all_its_queries(void **state)
{
    (void)state;
    check("/a", 0, 0);
    add(PURGE_URL, "/a", false, 1);
    add(PURGE_URL, "/a?q=1", true, 2);
    add(PURGE_URL, "/b?", false, 3);
    check("/a", 1, 0);
    check("/a?q=1", 1, 2);
    check("/a?q=2", 1, 0);
    check("/b?", 3, 0);
    check("/b", 0, 0);
    check("/a/", 0, 0);
    check("/", 0, 0);
    add(PURGE_URL, "/a", true, 4);
    check("/a?q=1", 1, 4);
}

static void a_prefix_means_what_begins_so(void **state)
{
    (void)state;
    add(PURGE_PREFIX, "/img/", false, 1);
    add(PURGE_PREFIX, "/img/a", true, 2);
    check("/img/", 1, 0);
    check("/img", 0, 0);
    check("/img/b", 1, 0);
    check("/img/a.png?w=1", 1, 2);
    check("/image", 0, 0);
    add(PURGE_URL, "/img/", false, 3); /* is no prefix */
    check("/img/b", 1, 0);
    add(PURGE_ALL, "", false, 4);
    check("/img/a", 4, 2);
    check("/", 4, 0);
}

/* Beyond so many lengths a prefix is cut to the next shorter one, which takes more, and without one all is taken. */
static void lengths_of_prefixes_are_bounded(void **state)
{
    char prefix[200];

    (void)state;
    for (unsigned i = 0; i < PURGE_LENGTHS_MAX; i++) {
        snprintf(prefix, sizeof(prefix), "/%0*u", (int)(2 * i + 10), i);
        add(PURGE_PREFIX, prefix, false, i + 1);
    }
    check("/0000000000/other", 1, 0);
    add(PURGE_PREFIX, "/abcdefghijkl", false, 100); /* 13 bytes: as 11 and 13 are there, this one fits */
    check("/abcdefghijkl", 100, 0);
    check("/abcdefghij", 0, 0);
    add(PURGE_PREFIX, "/zbcdefghijk", false, 101); /* 12 bytes: cut to 11 */
    check("/zbcdefghij", 101, 0);
    check("/zbcdefghi", 0, 0);
    add(PURGE_PREFIX, "/short", false, 102); /* none is shorter */
    check("/", 102, 0);
}

static void tags(const char *name, const char *value, uint64_t hard, uint64_t soft)
{
    struct purge_stamp got = { 0 };
    struct fields f = { 0 };

    assert_int_equal(fields_add(&f, slice_str(name), slice_str(value)), 0);
    purge_stamps_fields(&s, SLICE_EMPTY, &f, &got);
    if (got.hard != hard || got.soft != soft)
        fail_msg("%s: %s: hard %llu, soft %llu", name, value, (unsigned long long)got.hard,
                 (unsigned long long)got.soft);
}

static void tags_are_found_in_each_field(void **state)
{
    (void)state;
    add(PURGE_TAG, "red", false, 1);
    add(PURGE_TAG, "blue", true, 2);
    assert_true(s.tags.hard == 1 && s.tags.soft == 2);
    tags("Cache-Tag", "green, RED", 1, 0);
    tags("cache-tag", " blue ,red", 1, 2);
    tags("Cache-Tag", "red blue", 0, 0); /* one tag with a blank, which none can have */
    tags("Surrogate-Key", "green red  Blue", 1, 2);
    tags("Surrogate-Key", "redblue", 0, 0);
    tags("Cache-Groups", "\"red\", \"Blue\";a=1", 1, 2);
    tags("Cache-Groups", "red", 0, 0); /* no string */
    tags("Other", "red", 0, 0);
    check("red", 0, 0);
    check("/red", 0, 0);
}

static void the_51st_tag_does_not_count(void **state)
{
    char list[1000] = "", end[1000];

    (void)state;
    add(PURGE_TAG, "red", false, 1);
    for (int i = 0; i < PURGE_TAGS_EACH - 1; i++)
        snprintf(list + strlen(list), sizeof(list) - strlen(list), "t%d, ", i);
    snprintf(end, sizeof(end), "%sred", list);
    tags("Cache-Tag", end, 1, 0);
    snprintf(end, sizeof(end), "%sone, red", list);
    tags("Cache-Tag", end, 0, 0);
}

/* What is stamped no more counts as purged: nothing that was purged is ever taken for good. */
static void stamps_are_bounded(void **state)
{
    char path[20];

    (void)state;
    s.max = 100;
    for (unsigned i = 1; i <= 150; i++) {
        snprintf(path, sizeof(path), "/%u", i);
        add(PURGE_URL, path, i % 2 == 0, i);
    }
    assert_int_equal(s.n, 100);
    check("/never", 49, 50);
    check("/1", 49, 50);
    check("/51", 51, 50);
    check("/150", 49, 150);
    add(PURGE_URL, "/51", true, 151); /* is the latest now */
    add(PURGE_URL, "/new", false, 152);
    check("/51", 51, 151);
    check("/52", 49, 52);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_path_means_all_its_queries), T(a_prefix_means_what_begins_so), T(lengths_of_prefixes_are_bounded),
        T(tags_are_found_in_each_field), T(the_51st_tag_does_not_count),   T(stamps_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
