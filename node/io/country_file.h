/* country_file.h - which country an address is in, and where on the globe if it says that, by a file in MaxMind's
 * format (GeoLite2-Country, GeoLite2-City and their like; libmaxminddb reads it). The file is copied to memory when it
 * is opened, so whatever becomes of it while the node runs harms nobody. A new one is taken as a whole or not at all.
 */
#ifndef HEDGEROW_IO_COUNTRY_FILE_H
#define HEDGEROW_IO_COUNTRY_FILE_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "node/signed/countries.h"
#include "proto/base/buf.h"

#define COUNTRY_FILE_MAX (INT64_C(1) << 30)

struct country_db; /* what a file said; immutable, counted, for any thread */

struct country_file {
    const char *path; /* lent */
    pthread_mutex_t lock;
    struct country_db *db;
    _Atomic uint64_t version; /* of |db|; 0: none yet */
    struct stat seen;
};

/* country_file_open reads |path|. 0, or a negative code with a sentence in |why|: MESH_E_ABSENT (it cannot be read),
 * MESH_E_SYNTAX (it is no such file, or not of countries), MESH_E_RANGE (too large), MESH_E_NOMEM; |f| is then closed.
 */
int country_file_open(struct country_file *f, const char *path, struct buf *why);
void country_file_close(struct country_file *f);

/* country_file_refresh looks whether the file is another one now (from one thread at a time). 1: it is, and it is
 * taken; 0: it is not; negative, as above: it is, and cannot be taken: what was known stays. Said once for each such
 * file. */
int country_file_refresh(struct country_file *f, struct buf *why);

/* What one thread holds of it. Zeroed: nothing yet. */
struct country_view {
    struct country_db *db;
    uint64_t version;
};

/* country_find writes the country of |address|, "" where it is not known or |f| is NULL. */
void country_find(struct country_file *f, struct country_view *v, const struct mesh_addr *address,
                  char country[COUNTRY_BYTES]);

struct place {
    char country[COUNTRY_BYTES]; /* "": not known */
    bool located;
    int32_t lat_e4, lon_e4; /* degrees times 10,000 */
};

/* place_find does the same, and tells where that is, too. */
void place_find(struct country_file *f, struct country_view *v, const struct mesh_addr *address, struct place *out);
void country_view_fini(struct country_view *v);

#endif
