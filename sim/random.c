#include "sim/random.h"

#include <sodium.h>

#include "proto/base/buf.h"
#include "proto/base/obj.h"

static struct {
    uint8_t key[crypto_stream_chacha20_KEYBYTES];
    uint32_t stream;
    uint64_t drawn[RANDOM_STREAMS_MAX]; /* how often each stream was drawn from */
} source;

static const char *source_name(void)
{
    return "hedgerow-sim";
}

/* Each draw is a ChaCha20 stream under (seed, stream, number of the draw). */
static void source_buf(void *out, size_t len)
{
    uint8_t nonce[crypto_stream_chacha20_NONCEBYTES];

    if (len == 0)
        return;
    be32_put(nonce, source.stream);
    be32_put(nonce + 4, (uint32_t)source.drawn[source.stream]);
    source.drawn[source.stream]++;
    crypto_stream_chacha20(out, len, nonce, source.key);
}

static uint32_t source_u32(void)
{
    uint8_t raw[4];

    source_buf(raw, sizeof(raw));
    return be32_get(raw);
}

static void source_stir(void)
{
}

static int source_close(void)
{
    return 0;
}

void random_install(uint64_t seed)
{
    static struct randombytes_implementation implementation = {
        .implementation_name = source_name,
        .random = source_u32,
        .stir = source_stir,
        .buf = source_buf,
        .close = source_close,
    };
    memset(&source, 0, sizeof(source));
    be64_put(source.key, seed);
    memcpy(source.key + 8, "hedgerow simulator seed", 24);
    randombytes_set_implementation(&implementation);
}

void random_enter(uint32_t stream)
{
    assert(stream < RANDOM_STREAMS_MAX);
    source.stream = stream;
}
