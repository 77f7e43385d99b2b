/* demo_site.h - the example site: a page with its style and script, a picture, a list of the
 * mesh's nodes, and a download that is never held in memory. */
#ifndef HEDGEROW_CLI_DEMO_SITE_H
#define HEDGEROW_CLI_DEMO_SITE_H

#include "proto/base/buf.h"

#define DEMO_SITE_FILES     6
#define DEMO_DOWNLOAD_BYTES UINT64_C(50000000)

struct demo_file {
    const char *path, *type, *cache_control;
    struct slice bytes; /* empty when |generated| */
    uint64_t length;
    bool generated;
    char etag[20]; /* with its quotes */
};

struct demo_site {
    struct demo_file files[DEMO_SITE_FILES];
    struct buf picture, mesh;
    int64_t made_s; /* Last-Modified of everything */
};

/* demo_site_make draws and gathers it; |mesh_json| is copied. 0 or MESH_E_NOMEM.
 * demo_site_free takes a zeroed one, too. */
int demo_site_make(struct demo_site *site, struct slice mesh_json, int64_t now_s);
void demo_site_free(struct demo_site *site);

/* demo_site_find returns the file at |path| ("/" is the page), or NULL. */
const struct demo_file *demo_site_find(const struct demo_site *site, struct slice path);

/* demo_site_read copies |n| bytes of |file| from |offset| on; both lie within its length. */
void demo_site_read(const struct demo_file *file, uint64_t offset, uint8_t *to, size_t n);

#endif
