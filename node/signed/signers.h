/* signers.h - whose signatures count: public keys by id, in groups. Filled once, and immutable then: any thread may
 * read it. The limits are CloudFront's (5 keys in a group, 4 groups for a behaviour), the rest bounds memory. */
#ifndef HEDGEROW_SIGNED_SIGNERS_H
#define HEDGEROW_SIGNED_SIGNERS_H

#include "node/dist/dist.h"
#include "proto/base/buf.h"
#include "proto/digest.h"

#define SIGNERS_KEYS_MAX     500
#define SIGNERS_GROUPS_MAX   100
#define SIGNERS_IN_GROUP_MAX 5
#define SIGNERS_ID_MAX       64
#define SIGNERS_PEM_MAX      8192
#define SIGNERS_RSA_BITS     2048 /* at the least; 4,096 at the most */

enum signer_kind { SIGNER_RSA, SIGNER_P256, SIGNER_ED25519 };

struct signers;
struct signer;

/* signers_new returns none yet, owned by the caller until signers_free; NULL: out of memory. */
struct signers *signers_new(void);
void signers_free(struct signers *s);

/* signers_add takes in the public key in |pem|, as |id|. 0, or a negative code with |s| as before and a sentence in
 * |why|: MESH_E_SYNTAX (no public key in PEM), MESH_E_TYPE (another kind of key, or too short), MESH_E_EXISTS,
 * MESH_E_FULL. */
int signers_add(struct signers *s, struct slice id, struct slice pem, struct buf *why);

/* signers_group names |n| keys together; each is there already. MESH_E_ABSENT: one is not; the others as above. */
int signers_group(struct signers *s, struct slice id, const struct slice *keys, size_t n, struct buf *why);

/* signers_of makes the signers of a distribution: its keys and its groups. The errors of the two. */
int signers_of(struct signers **out, const struct dist *d, struct buf *why);

/* signers_find: the key |id|, if it is in one of |groups|. NULL: it is not. */
const struct signer *signers_find(const struct signers *s, const struct slice *groups, size_t n, struct slice id);

enum signer_kind signer_kind(const struct signer *k);
/* signer_print is a hash of the key itself, so that another one under the same id is another. */
const struct digest *signer_print(const struct signer *k);

/* signer_verified: is |signature| (RSA: PKCS#1 v1.5, P-256: DER, Ed25519: 64 bytes) this key's, of |text|? */
bool signer_verified(const struct signer *k, bool sha256, struct slice text, struct slice signature);

#endif
