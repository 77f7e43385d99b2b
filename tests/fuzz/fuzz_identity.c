/* fuzz_identity.c - certificates, node files and authority files from anybody. */
#include <stdlib.h>

#include "proto/identity.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static bool started;
    struct slice s = slice_of(data, len);
    struct cert cert;
    struct identity id;
    struct authority authority;

    if (!started && crypto_start() != 0)
        abort();
    started = true;
    if (cert_parse(&cert, s) == 0) {
        if (!cert_name_ok(slice_str(cert.name)) || !cert_zone_ok(slice_str(cert.zone)) || cert_region(&cert).len == 0)
            abort();
        cert_check(&cert, s, &cert.mesh, (const uint8_t(*)[SIGN_KEY_BYTES]) & cert.authority, 1, 0);
    }
    identity_decode(&id, s);
    authority_decode(&authority, s);
    return 0;
}
