/* key.h - one normal form of host and path, used for the key and for the request to
 * the origin alike (RFC 3986 section 6.2.2), and the primary key's hash. Pure functions.
 *
 * Normal path: starts with "/"; unreserved characters are never percent-encoded, all
 * other encodings keep theirs with upper-case hex; bytes that may not stand in a path
 * raw are encoded; "." and ".." segments are removed (RFC 3986 5.2.4), empty segments
 * stay; "%2F" stays encoded. "%00" and a fragment are refused. The query is kept byte
 * for byte, only with the same treatment of percent-encodings. */
#ifndef HEDGEROW_CORE_KEY_H
#define HEDGEROW_CORE_KEY_H

#include "proto/base/buf.h"
#include "proto/identity.h"

#define KEY_PATH_MAX 16384

/* key_path appends the normal form of |target| (origin-form: path and optional query).
 * 0, MESH_E_SYNTAX (refused: answer 400), MESH_E_RANGE (too long), MESH_E_NOMEM. */
int key_path(struct buf *out, struct slice target);

/* key_host appends lower case, without final dot and port. 0, MESH_E_SYNTAX (also when longer
 * than 255 bytes), MESH_E_NOMEM; on an error |out| is as before. */
int key_host(struct buf *out, struct slice host);

/* key_hash places an object of the distribution called |name|, where no more than host and path counts (route_key).
 * |host| is left out for a distribution that answers any. */
void key_hash(struct digest *out, const struct mesh_params *mesh, struct slice name, struct slice host,
              struct slice path);

/* Of a body that is fetched in parts each leaf is an object by itself, under a key of its own. Leaves that lie
 * together are placed together: by key_stripe, which for the first KEY_STRIPE_LEAVES is the primary key itself. */
#define KEY_STRIPE_LEAVES 64
void key_leaf(struct digest *out, const struct digest *primary, uint32_t index);
void key_stripe(struct digest *out, const struct digest *primary, uint32_t index);

#endif
