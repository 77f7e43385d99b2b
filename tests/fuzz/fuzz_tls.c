/* fuzz_tls.c - anybody's bytes to the port of viewers over TLS, in two portions: they are taken to the last one, what
 * comes out is plaintext of somebody who holds the keys, so nothing at all, and what waits to be sent has a bound. */
#include "tests/fuzz/fuzz.h"
#include "tests/unit/certificates.h"

#define ROOM (64u << 10)

static struct tls_certs *certs;
static struct tls_trust *trust;

static void fuzz_start(void)
{
    static const char *const names[] = { "example.com", "*.example.net", NULL };
    struct make how = { .names = names };
    struct made site;
    struct buf why = BUF_EMPTY;

    made_new(&site, &how);
    struct tls_pem pem = made_show(&site);
    certs = tls_certs_new(&pem, 1, TLS_INTERMEDIATE, NULL, (int64_t)time(NULL), &why);
    trust = tls_trust_new(buf_slice(&site.chain), "site.crt", NULL, TLS_INTERMEDIATE, &why);
    assert(certs != NULL && trust != NULL);
    made_free(&site);
    buf_free(&why);
}

/* A client's hello, for one name or another. */
static void fuzz_sample(unsigned n, struct buf *out)
{
    static const char *const names[] = { "example.com", "a.example.net", "192.0.2.1" };
    struct tls_want want = { slice_str(names[n % 3]), SLICE_EMPTY };
    struct tls *client = tls_client(trust, &want);

    assert(client != NULL);
    buf_add_slice(out, tls_out(client));
    tls_free(client);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t room[ROOM + (16u << 10)];
    struct tls *server = tls_server(certs);
    size_t cut = size > 0 ? data[size - 1] % size : 0;
    struct slice first = slice_of(data, cut), second = slice_of(data + cut, size - cut);

    assert(server != NULL);
    if (size > ROOM) {
        tls_free(server);
        return 0;
    }
    size_t n = tls_read(server, &first, room, sizeof(room));
    assert(first.len == 0);
    n += tls_read(server, &second, room, sizeof(room));
    assert(second.len == 0 && n == 0);
    assert(tls_state(server) == TLS_HANDSHAKE || tls_state(server) == TLS_BROKEN);
    assert(tls_out(server).len <= TLS_OUT_MAX + (17u << 10));
    tls_free(server);
    return 0;
}
