/* frame_field.h - which field of a backbone frame a byte belongs to, by name. Pure. */
#ifndef HEDGEROW_TESTS_FRAME_FIELD_H
#define HEDGEROW_TESTS_FRAME_FIELD_H

#include "proto/base/slice.h"

/* frame_field names the field that byte |at| of |frame| lies in ("signature", "head.status"),
 * its key in the map included; "map" for what only holds the fields together, "type" and
 * "stream" in front of them. "" when the frame is not one of an object's. Static text. */
const char *frame_field(struct slice frame, size_t at);

#endif
