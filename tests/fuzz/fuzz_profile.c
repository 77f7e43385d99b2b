/* The file of credentials, and targets as they are signed: whatever a file says, what is taken out of it may stand in a
 * field, and nothing is left where it is refused; a target written in its one form is in it. */
#include "node/sigv4/profile.h"
#include "node/sigv4/sigv4.h"
#include "tests/fuzz/fuzz.h"

static void fuzz_start(void)
{
}

static void fuzz_sample(unsigned n, struct buf *b)
{
    static const char *const lines[] = {
        "[default]\n",
        "aws_access_key_id = AKID\n",
        "aws_secret_access_key=se/+cret=\r\n",
        "aws_session_token\t=\ttok\n",
        "# no\n[profile x]\n",
        "    indented = 1\n",
        "/a%2f..%2fb/%c3%a9+c?x=1&&y=a+b&z",
    };

    for (unsigned i = 0; i < 7; i++) {
        if ((n >> i & 1) != 0)
            buf_add_str(b, lines[i]);
    }
}

static void check_target(struct slice target)
{
    const struct sigv4_scope scopes[] = { { .encode_path = false }, { .encode_path = true, .normalise_path = true } };
    struct buf once = BUF_EMPTY, twice = BUF_EMPTY;

    sigv4_target(&once, target);
    sigv4_target(&twice, buf_slice(&once));
    assert(slice_eq(buf_slice(&once), buf_slice(&twice)));
    for (size_t i = 0; i < 2; i++) {
        struct sigv4_request q = { .method = SLICE_LIT("GET"), .target = target };
        struct buf text = BUF_EMPTY;
        sigv4_canonical(&text, &scopes[i], &q);
        buf_free(&text);
    }
    buf_free(&once);
    buf_free(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = fuzz_copy(data, size);
    struct slice text = slice_of(copy, size);
    struct buf why = BUF_EMPTY;
    struct profile p;
    size_t line;

    if (profile_read(&p, text, SLICE_LIT("default"), &line, &why) == 0) {
        assert(p.id_len > 0 && p.secret_len > 0 && why.len == 0);
        for (size_t i = 0; i < p.token_len; i++)
            assert(p.token[i] > ' ' && p.token[i] <= '~');
    } else {
        assert(p.id_len == 0 && p.secret_len == 0 && p.token_len == 0 && why.len > 0);
    }
    check_target(text);
    buf_free(&why);
    free(copy);
    return 0;
}
