/* test_buckets.c - keys by region and profile, from one file that changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/io/buckets.h"
#include "proto/base/err.h"

#define WALL_S INT64_C(1369353600)

static char folder[] = "/tmp/hedgerow-buckets-XXXXXX";
static char path[64];

/* Another file in its place, as tools replace one. */
static void put(const char *text, mode_t mode)
{
    char made[80];

    snprintf(made, sizeof(made), "%s.new", path);
    FILE *f = fopen(made, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(made, mode), 0);
    assert_int_equal(rename(made, path), 0);
}

/* Whose id is in the signature? Empty: nobody's. */
static const char *signed_by(struct bucket *b)
{
    static char id[32];
    struct buf head = BUF_EMPTY;
    struct sigv4_chain chain;
    bool chunks;

    id[0] = 0;
    buf_add_str(&head, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    int err = bucket_sign(b, UPSTREAM_SIGN_ALWAYS, &head, false, WALL_S, &chain, &chunks);
    assert_int_equal(err, bucket_ready(b) ? 0 : MESH_E_MISSING);
    buf_add_u8(&head, 0);
    const char *at = strstr((const char *)head.data, "Credential=");
    if (at != NULL)
        snprintf(id, sizeof(id), "%.*s", (int)strcspn(at + 11, "/"), at + 11);
    buf_free(&head);
    return id;
}

static struct bucket *find(struct buckets *all, const char *profile, mesh_ns now, const char *want_said)
{
    struct buf said = BUF_EMPTY;
    struct bucket *b = buckets_find(all, SLICE_LIT("eu"), slice_str(profile), now, &said);

    buf_add_u8(&said, 0);
    assert_non_null(b);
    if (want_said == NULL ? said.len != 1 : strstr((const char *)said.data, want_said) == NULL)
        fail_msg("%s: \"%s\", not \"%s\"", profile, (const char *)said.data, want_said != NULL ? want_said : "");
    buf_free(&said);
    return b;
}

#define ONE "[one]\naws_access_key_id = AKONE\naws_secret_access_key = s1\n"
#define TWO "[two]\naws_access_key_id = AKTWO\naws_secret_access_key = s2\n"

static void feat_C3_each_profile_has_its_keys_and_follows_the_file(void **state)
{
    struct buckets *all = buckets_new(path);

    (void)state;
    put(ONE, 0600);
    assert_string_equal(signed_by(find(all, "one", SEC(1), NULL)), "AKONE");
    assert_string_equal(signed_by(find(all, "two", SEC(1), "no profile [two]")), "");
    assert_string_equal(signed_by(find(all, "two", SEC(2), NULL)), ""); /* told once */
    put(ONE TWO, 0644);
    assert_string_equal(signed_by(find(all, "two", SEC(2) + MS(500), NULL)), ""); /* not looked at each time */
    assert_string_equal(signed_by(find(all, "two", SEC(3), "chmod 600")), "AKTWO");
    put("[one]\naws_access_key_id = AKNEW\naws_secret_access_key = s1\n[two\n", 0600);
    assert_string_equal(signed_by(find(all, "one", SEC(5), "line 4")), "AKONE");
    assert_string_equal(signed_by(find(all, "two", SEC(5), "The keys in use stay.")), "AKTWO");
    put("[one]\naws_access_key_id = AKNEW\naws_secret_access_key = s1\n", 0600);
    assert_string_equal(signed_by(find(all, "one", SEC(6), NULL)), "AKNEW");
    assert_int_equal(unlink(path), 0);
    assert_string_equal(signed_by(find(all, "one", SEC(8), "cannot be read")), "AKNEW");
    assert_string_equal(signed_by(find(all, "one", SEC(9), NULL)), "AKNEW");
    buckets_free(all);
}

static void feat_C3_a_reread_does_not_wait(void **state)
{
    struct buckets *all = buckets_new(path);
    struct buf said = BUF_EMPTY;

    (void)state;
    put(ONE, 0600);
    find(all, "one", SEC(1), NULL);
    put("[one]\naws_access_key_id = AKNEW\naws_secret_access_key = s1\n", 0600);
    buckets_reread(all, &said);
    assert_int_equal(said.len, 0);
    assert_string_equal(signed_by(find(all, "one", SEC(1), NULL)), "AKNEW");
    buckets_free(all);
    buf_free(&said);
}

static void buckets_are_bounded(void **state)
{
    struct buckets *all = buckets_new(path);
    struct buf said = BUF_EMPTY;
    char name[16], long_one[200];

    (void)state;
    put(ONE, 0600);
    struct bucket *one = find(all, "one", SEC(1), NULL);
    for (int i = 0; i < 3 * BUCKETS_MAX; i++) {
        snprintf(name, sizeof(name), "p%d", i);
        find(all, name, SEC(1), "no profile");
        assert_ptr_equal(find(all, "one", SEC(1), NULL), one); /* what is used stays */
    }
    memset(long_one, 'x', sizeof(long_one) - 1);
    long_one[sizeof(long_one) - 1] = 0;
    assert_null(buckets_find(all, SLICE_LIT("eu"), slice_str(long_one), SEC(1), &said));
    assert_null(buckets_find(all, slice_str(long_one), SLICE_LIT("one"), SEC(1), &said));
    buckets_free(all);
    buf_free(&said);
}

static int begin(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof(path), "%s/keys", folder);
    return 0;
}

static int end(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(feat_C3_each_profile_has_its_keys_and_follows_the_file),
        cmocka_unit_test(feat_C3_a_reread_does_not_wait),
        cmocka_unit_test(buckets_are_bounded),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
