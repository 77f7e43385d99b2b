/* fuzz_signed.c - anybody's request as one that is signed: a line of its target, and lines of cookies. What is let in
 * says whose key it was; what is left of the target has nothing of ours in it, and is judged as unsigned. */
#include "node/signed/credential.h"
#include "node/signed/signed.h"
#include "node/signed/signing.h"
#include "tests/fuzz/fuzz.h"

#define NOW     1700000000
#define SAMPLES 6
#define LINES   8

static struct signers *signers;
static struct signed_work *work;
static struct buf samples[SAMPLES];
static const struct slice group = { (const uint8_t *)"g", 1 };

static struct signing_key *new_key(enum signer_kind kind, const char *id)
{
    struct buf secret = BUF_EMPTY, public = BUF_EMPTY, why = BUF_EMPTY;
    struct signing_key *k;

    assert(signing_key_new(&k, kind) == 0 && signing_key_pem(k, &secret, &public) == 0);
    assert(signers_add(signers, slice_str(id), buf_slice(&public), &why) == 0);
    buf_free(&secret);
    buf_free(&public);
    return k;
}

static void make(struct buf *out, const struct signing_key *k, const char *id, const char *resource, bool cookies)
{
    struct signing_wish wish = { .url = SLICE_LIT("https://a.example/f/x.mp4?q=1"),
                                 .key_id = slice_str(id),
                                 .ends_s = NOW + 60,
                                 .starts_s = resource[0] != 0 ? NOW - 60 : -1,
                                 .resource = slice_str(resource),
                                 .sha256 = true };
    struct buf why = BUF_EMPTY;
    struct signing_made made;

    if (resource[0] == '/') {
        wish.resource = SLICE_EMPTY;
        wish.prefix = slice_str(resource);
    }
    assert(signing_make(&made, k, &wish, &why) == 0);
    if (!cookies)
        signing_url(out, SLICE_LIT("/f/x.mp4?q=1"), &made);
    else
        buf_add_str(out, "/f/x.mp4?q=1\n");
    for (size_t i = 0; cookies && i < made.n; i++) {
        signing_cookie(out, &made, i);
        buf_add_str(out, i % 2 ? "\n" : "; ");
    }
    signing_fini(&made);
}

static void fuzz_start(void)
{
    struct slice ids[] = { SLICE_LIT("P"), SLICE_LIT("E") };
    struct buf why = BUF_EMPTY;

    work = calloc(1, sizeof(*work));
    signers = signers_new();
    struct signing_key *p256 = new_key(SIGNER_P256, "P"), *ed = new_key(SIGNER_ED25519, "E");
    assert(signers_group(signers, group, ids, 2, &why) == 0);
    make(&samples[0], p256, "P", "", false);
    make(&samples[1], p256, "P", "https://*.example/f/*", false);
    make(&samples[2], p256, "P", "https://*.example/f/*", true);
    make(&samples[3], p256, "P", "", true);
    make(&samples[4], ed, "E", "", false);
    make(&samples[5], ed, "E", "/f/", true);
    signing_key_free(p256);
    signing_key_free(ed);
}

static void fuzz_sample(unsigned n, struct buf *out)
{
    buf_add_slice(out, buf_slice(&samples[n % SAMPLES]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint8_t *copy = fuzz_copy(data, len);
    struct slice rest = slice_of(copy, len), line, cookies[LINES];
    struct signed_request r = { .https = true,
                                .host = SLICE_LIT("a.example"),
                                .address = mesh_addr_v4(1, 1),
                                .wall_s = NOW,
                                .cookies = cookies,
                                .groups = &group,
                                .groups_n = 1 };
    struct signed_verdict v;
    struct credential c;
    struct buf room = BUF_EMPTY;

    if (slice_split(&rest, '\n', &line))
        r.target = line;
    while (r.cookies_n < LINES && slice_split(&rest, '\n', &line))
        cookies[r.cookies_n++] = line;
    bool ok = signed_check(work, signers, &r, &v);
    assert(ok == (v.reason == SIGNED_OK) && v.target.len <= r.target.len);
    assert(!ok || slice_eq(v.key_id, SLICE_LIT("P")) || slice_eq(v.key_id, SLICE_LIT("E")));
    fuzz_touch(v.target);
    fuzz_touch(v.key_id);
    assert(credential_read(&c, v.target, NULL, 0, &room) == 0 && c.kind == CREDENTIAL_NONE && !c.of_url);
    buf_free(&room);
    free(copy);
    return 0;
}
