/* record.h - sealed records on a backbone stream: u32 length (big-endian, of the
 * ciphertext with its tag), then one frame, sealed by the session's suite with the
 * length as associated data and a counter as nonce. After RECORD_REKEY records a
 * direction's key is replaced by Noise's REKEY. Not thread safe. */
#ifndef HEDGEROW_PROTO_RECORD_H
#define HEDGEROW_PROTO_RECORD_H

#include "proto/base/buf.h"

#define RECORD_PLAIN_MAX  (64 * 1024 + 1024)
#define RECORD_TAG_BYTES  16
#define RECORD_HEAD_BYTES 4
#define RECORD_REKEY      (UINT64_C(1) << 16)

/* The suites of both Noise cipher functions (revision 34, section 12). Number 3 is kept for AEGIS-128L. */
enum record_suite { RECORD_CHACHA20_POLY1305 = 1, RECORD_AES_256_GCM = 2 };

/* A bit for each suite. */
#define RECORD_SUITE_BIT(suite) (1u << (suite))

/* The suites that this processor has instructions for; ChaCha20-Poly1305 needs none. */
unsigned record_suites(void);
const char *record_suite_word(enum record_suite suite);

/* One direction. */
struct record_half {
    struct api_aead_cipher_hd_st *aes; /* GnuTLS's, with AES-256-GCM; NULL: no memory for it, and the stream ends */
    uint8_t key[32];
    uint64_t counter;
    enum record_suite suite;
};

/* record_init begins a direction at counter 0. |suite| must be among record_suites(). 0, or MESH_E_NOMEM, with which
 * everything else is answered then. record_wipe ends it; a zeroed one is fine. */
int record_init(struct record_half *half, enum record_suite suite, const uint8_t key[32]);
void record_wipe(struct record_half *half);

/* record_begin reserves a record's header at the end of |out| and returns the mark
 * to hand to record_finish; append the plaintext in between. record_finish seals
 * in place. 0, MESH_E_NOMEM, or MESH_E_RANGE (plaintext empty or too long); on an
 * error |out| is cut back to the mark (and stays failed if it had failed) and the
 * key and counter are untouched. */
size_t record_begin(struct buf *out);
int record_finish(struct record_half *half, struct buf *out, size_t mark);

/* record_open opens the first record of |bytes| in place. On 0 |*plain| is lent
 * from |bytes| and |*used| bytes are consumed. MESH_E_SHORT: wait for more (no
 * change; a length out of bounds is refused before it is waited for). MESH_E_RANGE,
 * MESH_E_SEAL: the stream is broken, close it; so it is with MESH_E_NOMEM. */
int record_open(struct record_half *half, uint8_t *bytes, size_t len, size_t *used, struct slice *plain);

#endif
