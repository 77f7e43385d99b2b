/* purge_text.h - the file in which a node keeps its purges: a line of JSON for each, which people can read and which
 * holds the signed purge itself, so that it is log and audit in one. Pure functions; thread safe. */
#ifndef HEDGEROW_CORE_PURGE_TEXT_H
#define HEDGEROW_CORE_PURGE_TEXT_H

#include "node/core/purge_log.h"

#define PURGE_TEXT_TARGETS 16 /* so many are spelt out in a line, further ones only counted */

/* purge_text_id writes what a purge is called: its issuer's first eight digits, log and number. */
#define PURGE_ID_MAX 56
const char *purge_text_id(const struct purge_log_id *id, uint64_t number, char text[PURGE_ID_MAX]);

/* purge_text_put appends the line of a purge that was taken as |position| in |run| (purge_runs.h); |with_cert|: with
 * its issuer's certificate, which is needed once in a file for each log. purge_text_put_log appends one that says only
 * how far a log goes. Buf's rules. */
void purge_text_put(struct buf *out, const struct purge_log *log, const struct purge *p, struct slice raw,
                    uint64_t position, uint64_t run, bool gap, bool with_cert);
void purge_text_put_log(struct buf *out, const struct purge_log *log, uint64_t position, uint64_t run);

/* purge_text_whole appends all that |l| has, as a file of its own. */
void purge_text_whole(struct buf *out, const struct purge_logs *l);

/* purge_text_read takes each line of a file into |l|; |took| is told of each purge, with the position that it had.
 * Purges of another mesh than |mesh| (a node without a node file is one anew at each start) are told of, but are in no
 * log. Lines that are damaged are skipped. Returns how many were, -1 when out of memory. |*from|: nothing is known of
 * purges up to this position. */
typedef void purge_text_took(void *ctx, const struct purge *p, uint64_t position, bool gap);
int purge_text_read(struct purge_logs *l, const struct mesh_id *mesh, struct slice text, purge_text_took *took,
                    void *ctx, uint64_t *from);

#endif
