/* b64.h - base64 as it stands in URLs and cookies: CloudFront's, where - _ ~ are for + = / (its developer guide,
 * "Create a signature"), and RFC 4648 section 5 without padding. Pure functions. */
#ifndef HEDGEROW_SIGNED_B64_H
#define HEDGEROW_SIGNED_B64_H

#include "proto/base/buf.h"

enum b64_kind { B64_CLOUDFRONT, B64_URL };

/* b64_read appends what |text| stands for. Padding may be left out, and B64_URL has none; bits that are left over are
 * zero. 0, MESH_E_SYNTAX with |out| as before, MESH_E_NOMEM. */
int b64_read(struct buf *out, struct slice text, enum b64_kind kind);

void b64_put(struct buf *out, struct slice bytes, enum b64_kind kind);

#endif
