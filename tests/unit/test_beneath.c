/* test_beneath.c - what a path names below a directory, and that nothing above it can be opened, by either way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/io/beneath.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static void feat_C22_what_a_path_names(void **state)
{
    static const struct {
        const char *path;
        int status;
        const char *name;
    } rows[] = {
        { "/", 0, "index.html" },
        { "/a", 0, "a" },
        { "/a/", 0, "a/index.html" },
        { "/a/b.txt", 0, "a/b.txt" },
        { "/a%20b+%c3%a9", 0, "a b+\xc3\xa9" },
        { "/100%", 0, "100%" },
        { "/a..b/...c", 404, NULL },
        { "/a..", 0, "a.." },
        { "/.well-known/x", 0, ".well-known/x" },
        { "/.well-knownx", 404, NULL },
        { "", 404, NULL },
        { "a", 404, NULL },
        { "//a", 404, NULL },
        { "/a//b", 404, NULL },
        { "/a//", 404, NULL },
        { "/.", 404, NULL },
        { "/%2e/a", 404, NULL },
        { "/..", 403, NULL },
        { "/%2e%2E/a", 403, NULL },
        { "/a/../b", 403, NULL },
        { "/..%2fa", 403, NULL },
        { "/a%2f..%2f..%2fb", 403, NULL },
        { "/a%2fb", 404, NULL },
        { "/%2fetc", 404, NULL },
        { "/a%00b", 404, NULL },
        { "/.git", 404, NULL },
        { "/a/.git/", 404, NULL },
        { "/%2Egit", 404, NULL },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf got = BUF_EMPTY;
        int status = beneath_path(&got, slice_str(rows[i].path), SLICE_LIT("index.html"));
        if (status != rows[i].status || (status == 0 && !slice_eq(buf_slice(&got), slice_str(rows[i].name))))
            fail_msg("%s: %d %.*s", rows[i].path, status, SLICE_FMT(buf_slice(&got)));
        buf_free(&got);
    }
}

static void paths_are_bounded(void **state)
{
    struct buf path = BUF_EMPTY, got = BUF_EMPTY;

    (void)state;
    for (int i = 0; i < 5000; i++)
        buf_add_str(&path, "/a");
    assert_int_equal(beneath_path(&got, buf_slice(&path), SLICE_LIT("index.html")), 414);
    buf_free(&path);
    buf_free(&got);
}

static void make(int root, const char *name)
{
    int fd = openat(root, name, O_WRONLY | O_CREAT | O_EXCL, 0600);

    assert_true(fd >= 0);
    close(fd);
}

static void check(int root, const char *path, enum beneath_way way, int want)
{
    int fd = beneath_open(root, path, way);

    if (fd >= 0)
        close(fd);
    if ((fd >= 0 ? 0 : -fd) != want)
        fail_msg("%s, way %d: %s, not %s", path, (int)way, strerror(fd >= 0 ? 0 : -fd), strerror(want));
}

static void feat_C22_no_link_leads_outside(void **state)
{
    static const struct {
        const char *link, *to;
    } links[] = { { "up", "../secret" }, { "abs", "/etc/passwd" }, { "out", ".." },         { "loop", "loop" },
                  { "in", "d/file" },    { "din", "d" },           { "proc", "/proc/self" } };
    static const struct {
        const char *path;
        int kernel, steps;
    } rows[] = {
        { "file", 0, 0 },
        { "d/file", 0, 0 },
        { "d/e/file", 0, 0 },
        { "none", ENOENT, ENOENT },
        { "d/none", ENOENT, ENOENT },
        { "none/x", ENOENT, ENOENT },
        { "file/x", ENOTDIR, ENOTDIR },
        { "up", EXDEV, ELOOP },
        { "abs", EXDEV, ELOOP },
        { "out/secret", EXDEV, ELOOP },
        { "loop", ELOOP, ELOOP },
        { "proc/status", EXDEV, ELOOP },
        { "in", 0, ELOOP },
        { "din/file", 0, ELOOP },
        { "../secret", EXDEV, 0 },
    };
    char folder[] = "/tmp/hedgerow-beneath-XXXXXX";
    char longest[400];

    (void)state;
    assert_non_null(mkdtemp(folder));
    int top = open(folder, O_RDONLY | O_DIRECTORY);
    assert_int_equal(mkdirat(top, "root", 0700), 0);
    int root = openat(top, "root", O_PATH | O_DIRECTORY);
    assert_int_equal(mkdirat(root, "d", 0700) + mkdirat(root, "d/e", 0700), 0);
    make(top, "secret");
    make(root, "file");
    make(root, "d/file");
    make(root, "d/e/file");
    for (size_t i = 0; i < COUNT(links); i++)
        assert_int_equal(symlinkat(links[i].to, root, links[i].link), 0);
    for (size_t i = 0; i < COUNT(rows); i++) {
        check(root, rows[i].path, BENEATH_KERNEL, rows[i].kernel);
        if (strncmp(rows[i].path, "..", 2) != 0) /* which beneath_path never writes */
            check(root, rows[i].path, BENEATH_STEPS, rows[i].steps);
    }
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = 0;
    memcpy(longest, "d/", 2);
    check(root, longest, BENEATH_KERNEL, ENAMETOOLONG);
    check(root, longest, BENEATH_STEPS, ENAMETOOLONG);
    for (size_t i = 0; i < COUNT(links); i++)
        unlinkat(root, links[i].link, 0);
    unlinkat(root, "d/e/file", 0);
    unlinkat(root, "d/e", AT_REMOVEDIR);
    unlinkat(root, "d/file", 0);
    unlinkat(root, "d", AT_REMOVEDIR);
    unlinkat(root, "file", 0);
    unlinkat(top, "root", AT_REMOVEDIR);
    unlinkat(top, "secret", 0);
    close(root);
    close(top);
    assert_int_equal(rmdir(folder), 0);
}

static unsigned open_descriptors(void)
{
    unsigned n = 0;

    for (int fd = 0; fd < 256; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static void no_descriptor_is_lost(void **state)
{
    int root = open("/usr", O_PATH | O_DIRECTORY);
    unsigned before = open_descriptors();

    (void)state;
    check(root, "bin/none", BENEATH_STEPS, ENOENT);
    check(root, "bin/none/none", BENEATH_STEPS, ENOENT);
    check(root, "bin/env/x", BENEATH_STEPS, ENOTDIR);
    check(root, "bin/env", BENEATH_STEPS, 0);
    assert_int_equal(open_descriptors(), before);
    close(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(feat_C22_what_a_path_names),
        cmocka_unit_test(paths_are_bounded),
        cmocka_unit_test(feat_C22_no_link_leads_outside),
        cmocka_unit_test(no_descriptor_is_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
