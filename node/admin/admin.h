/* admin.h - what the admin address answers: /status, /metrics, /livez, /readyz and the
 * status page. */
#ifndef HEDGEROW_ADMIN_ADMIN_H
#define HEDGEROW_ADMIN_ADMIN_H

#include "node/io/runtime.h"

/* A node_admin_handler; |ctx| is not used. */
node_admin_handler admin_answer;

/* The status page's text, embedded by the build from page.html. */
extern const uint8_t admin_page[];
extern const size_t admin_page_len;

/* admin_page_put appends the page with |nonce| in place of its placeholders. */
void admin_page_put(struct buf *out, const char *nonce);

#endif
