/* config_doc.h - the mesh-wide configuration as a document: a text that is opaque here, and a signed *head* that says
 * which version it is, from which versions it follows, which operator made it, and the hash of each piece of the text.
 * So each piece is known to be good when it comes, whoever sends it. Canonical msgpack and zstd, bounded; wire form and
 * rules in PROTOCOL.md, "Configuration". Not thread safe. */
#ifndef HEDGEROW_PROTO_CONFIG_DOC_H
#define HEDGEROW_PROTO_CONFIG_DOC_H

#include "proto/cert.h"
#include "proto/identity.h"
#include "proto/zpack.h"

#define CONFIG_TEXT_MAX    (UINT32_C(16) << 20)
#define CONFIG_PIECE       UINT32_C(49152) /* bytes of the text in each piece but the last */
#define CONFIG_PIECES_MAX  ((CONFIG_TEXT_MAX + CONFIG_PIECE - 1) / CONFIG_PIECE)
#define CONFIG_LINEAGE_MAX 16
#define CONFIG_HEAD_MAX    16384
#define CONFIG_WHO_MAX     128
#define CONFIG_COUNTER_MAX (UINT64_C(1) << 53)
/* No file form is longer: magic, head, and each piece as it is with its length. */
#define CONFIG_FILE_MAX (CONFIG_TEXT_MAX + CONFIG_HEAD_MAX + 4 * CONFIG_PIECES_MAX + 64)

/* Of two versions the one with the higher counter, then the larger hash, wins everywhere. Counter 0: there is none. */
struct config_version {
    uint64_t counter;
    struct digest hash;
};

static inline int config_version_cmp(const struct config_version *a, const struct config_version *b)
{
    if (a->counter != b->counter)
        return a->counter > b->counter ? 1 : -1;
    return memcmp(a->hash.bytes, b->hash.bytes, DIGEST_BYTES);
}

/* "COUNTER-HASH", with the hash's first 8 bytes in hex; "0" for none. An entity tag's inside, too. */
#define CONFIG_VERSION_TEXT_MAX 40
const char *config_version_text(const struct config_version *v, char text[CONFIG_VERSION_TEXT_MAX]);

struct config_head {
    struct mesh_id mesh;
    struct config_version version;             /* the hash is derived */
    struct digest lineage[CONFIG_LINEAGE_MAX]; /* the versions that it follows from, latest first: counter-1, -2 ... */
    size_t lineage_n;                          /* the lesser of counter-1 and CONFIG_LINEAGE_MAX */
    int64_t at_s;                              /* Unix time at the operator, for people */
    char who[CONFIG_WHO_MAX + 1];              /* for people */
    struct cert by;                            /* the operator's */
    uint8_t by_raw[CERT_BYTES_MAX];
    size_t by_len;
    uint32_t length; /* of the text */
    size_t pieces_n;
    struct digest pieces[CONFIG_PIECES_MAX];
};

/* A document, whole or as far as it has come. |bytes| is its file form up to there; also what is kept on the disk. */
struct config_doc {
    struct config_head head;
    struct buf bytes;
    size_t head_at, head_len;
    size_t have;                        /* pieces */
    uint32_t at[CONFIG_PIECES_MAX + 1]; /* where each of them, and what follows the last, is in |bytes| */
};

/* config_doc_follow fills in |next|'s counter and lineage as those of a version behind |head|; NULL: of the first one.
 */
void config_doc_follow(struct config_head *next, const struct config_head *head);

/* config_doc_descends: does |head| follow from |v|? Beyond its lineage that is not known, and taken for granted. */
bool config_doc_descends(const struct config_head *head, const struct config_version *v);

/* config_doc_make makes a whole one of |text|, signed by |id|: of |head| only counter, lineage, at_s and who count. The
 * caller's until config_doc_free (NULL is fine). 0, MESH_E_NOMEM, MESH_E_RANGE (too long, |who| is not plain ASCII, the
 * counter or the time), MESH_E_REFUSED (|id| has no operator's role); then *|out| is NULL. */
int config_doc_make(struct config_doc **out, struct zpack *z, const struct config_head *head, struct slice text,
                    const struct identity *id);

/* config_doc_begin reads a head strictly, without judging it, and makes a document without its pieces. MESH_E_SYNTAX,
 * MESH_E_RANGE, MESH_E_TYPE, MESH_E_MISSING, MESH_E_VERSION, MESH_E_NOMEM; then *|out| is NULL. */
int config_doc_begin(struct config_doc **out, struct slice head);
void config_doc_free(struct config_doc *d);

/* config_doc_check: is the head of |mesh|, and signed by an operator whose certificate it has? Whether that counts is
 * the caller's to judge. 0, MESH_E_WRONG_MESH, MESH_E_REFUSED (no operator's role), MESH_E_SIGNATURE. */
int config_doc_check(const struct config_doc *d, const struct mesh_id *mesh);

/* config_doc_piece adds the next piece, |packed| or as it is. 0; MESH_E_HASH (it is another one), MESH_E_SYNTAX,
 * MESH_E_RANGE (there is none to come), MESH_E_NOMEM: then the document is as before. */
int config_doc_piece(struct config_doc *d, struct zpack *z, struct slice bytes, bool packed);
static inline bool config_doc_whole(const struct config_doc *d)
{
    return d->have == d->head.pieces_n;
}

/* config_doc_read reads a file form: a whole document, not judged. As config_doc_begin, and MESH_E_SHORT, MESH_E_HASH.
 */
int config_doc_read(struct config_doc **out, struct zpack *z, struct slice file);

/* config_doc_head and config_doc_packed lend the head's wire form, and the |i|th piece that is here. */
struct slice config_doc_head(const struct config_doc *d);
struct slice config_doc_packed(const struct config_doc *d, size_t i, bool *packed);

/* config_doc_text appends the text of a whole one. 0 or MESH_E_NOMEM, with |out| as before. */
int config_doc_text(const struct config_doc *d, struct zpack *z, struct buf *out);

bool config_who_ok(struct slice who);

#endif
