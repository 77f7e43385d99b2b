/* shelf_read.h - requests answered in another thread than the engine's, from copies that it has laid out (shelved.h).
 * One reader for each such thread, which alone calls it; what it has of its own lies here. A request that it took goes
 * on with the calls of engine.h, from request_answer to engine_request_end, whose engine is NULL then. */
#ifndef HEDGEROW_CORE_SHELF_READ_H
#define HEDGEROW_CORE_SHELF_READ_H

#include "node/core/engine.h"
#include "node/core/key_memo.h"
#include "node/core/shelved.h"

struct shelf_reader {
    struct shelf *shelf;
    const struct cache_word *word;
    unsigned number;         /* of the shelf's readers */
    struct mesh_params mesh; /* of it what makes keys, which never changes */
    struct slice zone;
    struct dist_set *set; /* as it was told when this turn began; lent for the turn */
    uint64_t configured;  /* likewise */
    unsigned codings_off;
    uint8_t uses_max;
    struct key_memo memo;
    struct coding_memo coding_memo;
    struct buf path, host; /* of the request at hand, in normal form */
    /* Written by this reader, read by anybody: */
    _Atomic uint64_t hits, errors, bytes, coded;
};

/* shelf_reader_init: |e| has a shelf (engine_config.readers), and outlives |rd|, but for shelf_reader_fini. */
void shelf_reader_init(struct shelf_reader *rd, const struct engine *e, unsigned number);
void shelf_reader_fini(struct shelf_reader *rd);

/* shelf_reader_begin: a turn begins. shelf_reader_end: the thread goes to sleep; nothing is lent any more but what
 * request_hold holds. */
void shelf_reader_begin(struct shelf_reader *rd);
void shelf_reader_end(struct shelf_reader *rd);

/* shelf_request answers |r|, whose method is GET or HEAD: REQUEST_BODY at once. False: that is for the engine, and |r|
 * is as it was. */
bool shelf_request(struct shelf_reader *rd, mesh_ns now, struct request *r);

void shelf_count_sent(struct shelf_reader *rd, uint64_t body_bytes);
void shelf_reader_count(const struct shelf_reader *rd, struct engine_counters *sum); /* adds what it has counted */

/* ---- for request.c: the parts of those calls for a request that is read here ---- */
void shelf_answer(struct request *r, mesh_ns now);
void shelf_code(struct request *r, bool identity, bool head_only);
size_t shelf_body(const struct request *r, struct slice *pieces, size_t max);
void shelf_take_bytes(struct request *r, size_t n);
bool shelf_done(const struct request *r);
void shelf_request_end(struct request *r, bool count);

#endif
