/* ledger.h - the names and serials that an authority has given out: a text file beside the
 * authority's key, one admission a line, only ever appended to. It is locked while open, so
 * two admissions at once cannot take the same serial. */
#ifndef HEDGEROW_CLI_LEDGER_H
#define HEDGEROW_CLI_LEDGER_H

#include "proto/cert.h"

struct ledger {
    int fd;
    struct buf text;
    uint64_t next_serial;
};

/* ledger_create makes an empty one at |path|. 0 or an errno value. */
int ledger_create(const char *path);

/* ledger_open opens, locks and reads it. 0, an errno value, or EBADMSG with the number of the
 * line that does not parse in |*line|. ledger_close may follow in any case. */
int ledger_open(struct ledger *l, const char *path, unsigned *line);
void ledger_close(struct ledger *l);

/* ledger_uses tells whether |name| was given out, and lends its latest zone. */
bool ledger_uses(const struct ledger *l, const char *name, struct slice *zone);

/* ledger_next takes the next admission from |*rest|, which begins as the ledger's |text|;
 * lends from it. False: there are no more. */
struct ledger_row {
    uint64_t serial;
    struct slice name, zone;
    struct node_id id; /* zeros where the line says none */
};
bool ledger_next(struct slice *rest, struct ledger_row *row);

/* ledger_add appends |cert| durably. 0 or an errno value. */
int ledger_add(struct ledger *l, const struct cert *cert, int64_t now_s);

/* ledger_time writes Unix time as 2026-01-31T12:00:00Z and returns |text|; ledger_time_read
 * reads that, a bare date, or Unix time itself. */
#define LEDGER_TIME_MAX 40
const char *ledger_time(int64_t unix_s, char text[LEDGER_TIME_MAX]);
bool ledger_time_read(const char *text, int64_t *unix_s);

#endif
