/* exchange.h - one viewer's request and the writing of its answer. Small objects, kept for
 * use again, so that a connection between requests holds none. */
#ifndef HEDGEROW_IO_EXCHANGE_H
#define HEDGEROW_IO_EXCHANGE_H

#include "node/core/engine.h"
#include "node/http/parse.h"
#include "node/io/access_result.h"
#include "node/io/answer.h"
#include "node/io/upload.h"

#define REQUEST_ID_BYTES 32 /* hex digits */

struct worker;
struct viewer;

struct exchange {
    struct request r; /* the engine's part; idle when the answer is ours from the start */
    struct worker *worker;
    struct viewer *viewer;
    struct exchange *next_spare;
    mesh_ns began;
    int64_t wall_us;
    struct slice host, method, uri; /* for the log; lent, until exchange_keep copies them */
    struct buf words;
    char request_id[REQUEST_ID_BYTES];
    struct answer_to to;
    struct http_body body; /* of the request, as the viewer framed it */
    struct upload *upload; /* it on its way; NULL: there is none */
    struct wants wants;    /* in |wanted| */
    struct buf wanted;
    struct selection selection;
    size_t part;     /* of several ranges, which is next; of one: whether it was begun */
    uint16_t status; /* of the answer; 0: none yet */
    bool passes;     /* to the origin, for its method */
    bool here;       /* answered by ourselves, and no error */
    bool linger;     /* bytes of the request may be unread: do not let a reset destroy the answer */
    bool in_body;    /* the head is in |out|, the body follows from the engine */
    bool chunk_begun, last_chunk;
    bool spoke; /* bytes of an answer are out */
    enum answer_framing framing;
    struct buf out;           /* head, chunk sizes, or a whole page of ours */
    size_t out_at, page_at;   /* written so far; where a page's body begins (SIZE_MAX: it is no page) */
    uint64_t left;            /* body bytes until the present frame's end */
    uint64_t sent;            /* body bytes */
    uint8_t refused;          /* enum access_detail: why we refused it; 0: we did not */
    uint8_t said;             /* enum access_detail: what its answer began as; 0: it did not, or with our page */
    bool cut;                 /* the viewer left before the answer's end */
    bool off_log;             /* no line is to be written of it */
    struct exchange_log *log; /* what the log's format wants besides; NULL: nothing */
};

struct exchanges {
    struct exchange *spare;
    size_t spare_n;
};
void exchanges_fini(struct exchanges *xs);

/* exchange_begin takes a request that was parsed, hands it to the engine or refuses it.
 * exchange_refuse begins with an error of ours: |q| holds what was understood. NULL: out of memory. */
struct exchange *exchange_begin(struct viewer *v, const struct http_request *q);
struct exchange *exchange_refuse(struct viewer *v, const struct http_request *q);

/* exchange_read begins one that this worker answers from what the engine has laid out. NULL: it is for worker 0. */
struct exchange *exchange_read(struct viewer *v, const struct http_request *q);

/* exchange_page: the answer is this page. exchange_failed: it is one that says what the engine could not do, since the
 * request was at fault, or what is behind us. */
void exchange_page(struct exchange *x, const struct answer_page *page);
void exchange_failed(struct exchange *x);

enum exchange_flow {
    EXCHANGE_ENGINE, /* waits for the engine */
    EXCHANGE_SOCKET, /* waits for the socket, or for its next turn */
    EXCHANGE_DONE,   /* the answer is written */
    EXCHANGE_BROKEN, /* nothing more can be written: drop the connection */
};

/* exchange_run writes what there is, |*turn| bytes at most, and counts them off. */
enum exchange_flow exchange_run(struct exchange *x, size_t *turn);

/* exchange_upload moves |rest| past what it takes of it for the request's body, which may be nothing; |eof|: no more
 * bytes will come. False: the body is lost, and so is the connection. exchange_unread: some of the request may not be
 * read yet. exchange_waits_for_body: nothing goes on before the viewer sends more of it. */
bool exchange_upload(struct exchange *x, struct slice *rest, bool eof);
bool exchange_unread(const struct exchange *x);
bool exchange_waits_for_body(const struct exchange *x);

/* exchange_continue tells the viewer to go on with its body. */
void exchange_continue(struct exchange *x);

/* exchange_interim passes the origin's interim answer on (RFC 9110 section 15.2), if the viewer knows such ones and has
 * taken those before. */
void exchange_interim(struct exchange *x, uint16_t status, const struct fields *fields);

/* exchange_keep copies what was lent from the viewer's bytes, and holds what the answer is made of: it goes on in
 * another turn. False: out of memory. */
bool exchange_keep(struct exchange *x);

/* exchange_gave_up: it comes to nothing, as for want of memory. True: no byte of an answer is out, and the viewer can
 * still be told with 503, which is what is logged then. */
bool exchange_gave_up(struct exchange *x);

/* exchange_refused is why we refused it, where the page's status does not tell. */
static inline void exchange_refused(struct exchange *x, enum access_detail why)
{
    x->refused = (uint8_t)why;
}

/* exchange_end counts and logs the request and lets it go. exchange_cut does the same with one
 * that is not finished: the connection is to be closed then, and where the end of the
 * connection would be the end of the body, the close is a reset. */
void exchange_end(struct exchange *x);
void exchange_cut(struct exchange *x);

#endif
