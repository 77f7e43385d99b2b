/* access_log.h - one line for each viewer request, those of one worker in the order their answers end. Each worker
 * gathers its lines in memory, without a lock; a thread of the log's own writes them, at least each second, so that a
 * slow disk never stalls a loop. Thread safe, but for what one worker gathers. */
#ifndef HEDGEROW_IO_ACCESS_LOG_H
#define HEDGEROW_IO_ACCESS_LOG_H

#include <stdatomic.h>

#include "node/io/access_line.h"

struct access_log;

/* access_log_open appends to |path| (made 0600), or to standard output for "-"; what was empty begins with the format's
 * heading, after each call to reopen, too. NULL: |errno| says why. access_log_close writes what was flushed; NULL is
 * fine. */
struct access_log *access_log_open(const char *path, enum access_format format);
enum access_format access_log_format(const struct access_log *log);
void access_log_close(struct access_log *log);

/* What one worker gathers; zeroed at first. access_gather_fini: it was flushed. */
struct access_gather {
    struct buf lines;
    struct access_second second;
    uint64_t lines_n;
    _Atomic uint64_t taken; /* in all; read by anybody */
};
void access_gather_fini(struct access_gather *g);

/* access_log_add: not where |e->off|. */
void access_log_add(struct access_log *log, struct access_gather *g, const struct access_entry *e);

/* access_log_flush hands what was gathered to the writer; call it each second. access_log_reopen opens the path anew,
 * for rotation, once what was handed over before is written. */
void access_log_flush(struct access_log *log, struct access_gather *g);
void access_log_reopen(struct access_log *log);

/* Lines lost because the log could not be written for long. */
uint64_t access_log_dropped(struct access_log *log);

/* access_log_error returns an errno once after writing or opening began to fail, else 0. */
int access_log_error(struct access_log *log);

#endif
