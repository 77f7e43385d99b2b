/* request_impl.h - a part of engine_impl.h, which alone includes it: what is done for viewers. */
#ifndef HEDGEROW_CORE_REQUEST_IMPL_H
#define HEDGEROW_CORE_REQUEST_IMPL_H

/* ---- copies past their time ---- */
/* May |o| be served as it is: while it is validated, or because the origin fails? */
bool stale_while_revalidate(const struct object *o, mesh_ns now);
bool stale_if_error(const struct object *o, mesh_ns now);
/* stale_served: may |o| answer now, before the origin is asked? |refresh|: it is to be validated in the background. */
bool stale_served(const struct object *o, mesh_ns now, bool *refresh);
/* stale_refresh validates in the background what |aim| aims at, unless that is under way. */
void stale_refresh(struct engine *e, mesh_ns now, bool as_owner, const struct aim *aim);
/* stale_rescue: |f| came to nothing, and its stale copy may answer instead: then |f| is gone. */
bool stale_rescue(struct engine *e, mesh_ns now, struct flight *f);
/* stale_validated: the origin answered 304 to |f|, which is gone afterwards. */
void stale_validated(struct engine *e, mesh_ns now, struct flight *f, const struct fields *fields);

/* ---- bodies read leaf by leaf ---- */
/* parts_begin: |r| wants ranges of a body that is not here; they are fetched, each leaf for itself. False: that is
 * not to be tried. */
bool parts_begin(struct engine *e, mesh_ns now, struct request *r, const struct aim *aim);
void parts_free(struct engine *e, mesh_ns now, struct request *r);
void parts_age(const struct request *r, mesh_ns *born, mesh_ns *lifetime);
size_t parts_read(struct request *r, struct slice *pieces, size_t max);
/* parts_over: |r|, whose answer has begun, has come to the whole body, and goes on there if that is the same. It is
 * without parts then, or has failed. request_go_on brings it there. */
void parts_over(struct engine *e, mesh_ns now, struct request *r);
void request_go_on(struct engine *e, mesh_ns now, struct request *r, const struct aim *aim);
/* parts_moved: the request reads on elsewhere. */
void parts_moved(struct engine *e, mesh_ns now, struct request *r);
/* What befalls one of its readers. */
void part_attached(struct engine *e, struct reader *r, const struct flight *f, bool leader);
void part_changed(struct engine *e, struct reader *r);
void part_failed(struct engine *e, struct reader *r, uint16_t status, const char *text);
void part_uncacheable(struct engine *e, struct reader *r);
/* parts_unwanted: the whole is here, or has to be had, for there are no leaves of |primary|. */
bool parts_unwanted(struct engine *e, mesh_ns now, const struct digest *primary, const struct fields *fields);
/* parts_none: there are no leaves of |f|'s body to be had, for a while; all who wait in |f| ask for the whole. |f| is
 * gone. */
void parts_none(struct engine *e, mesh_ns now, struct flight *f);
/* parts_validator: the strong validator among a head's fields; empty: there is none, and what it speaks of must not be
 * combined with anything. parts_place: which bytes of what body it speaks of. */
struct slice parts_validator(const struct kept_head *head);
struct slice parts_validator_of(const struct fields *fields);
bool parts_place(const struct kept_head *head, struct content_range *out);
bool parts_place_of(const struct fields *fields, struct content_range *out);
/* parts_of_whole copies |f|, a part's fields, but for those that speak of the part alone. */
void parts_of_whole(struct fields *out, const struct fields *f);
/* parts_sound: may |head| be that of |f|'s leaf, or, unless |f| wants one, of a whole? */
bool parts_sound(const struct flight *f, const struct head *head);
/* request_seek_again looks for the whole of what |r| wants, at |aim|; request_relay has the origin answer it alone. */
void request_seek_again(struct engine *e, mesh_ns now, struct request *r, struct aim *aim);
void request_read_on(struct engine *e, mesh_ns now, struct request *r, uint64_t at); /* the body, from |at| */
void request_relay(struct engine *e, mesh_ns now, struct request *r, const struct aim *aim);

/* ---- viewers ---- */
/* answer_source says where |o|, which |f| brought, came from. */
void answer_source(struct answer *a, const struct object *o, const struct flight *f, bool leader);
void request_attached(struct request *r, struct object *o, const struct flight *f, bool leader);
void request_failed(struct engine *e, struct request *r, uint16_t status, const char *text);
void request_go_direct(struct engine *e, mesh_ns now, struct request *r, const struct flight *was);
void request_refuse(struct request *r, uint16_t status, const char *text); /* at once: nobody has to be told */
/* request_aim (request_aim.c): where |r| goes, and what is to be fetched for it. |*plain|: of its fields nothing had to
 * be looked at for that. False: it goes nowhere, and was answered: a redirect, or a refusal. */
bool request_aim(struct engine *e, struct request *r, struct aim *aim, bool *plain);
/* request_steer (request_steer.c): is |r| answered with where else to ask? Its host and path are in normal form. */
bool request_steer(struct engine *e, struct request *r, const struct route *route);
void request_show(struct request *r, struct object *o); /* |o|, which is here, is the answer */
/* ---- pages in place of errors (error_page.c) ---- */
/* error_page_begin: |status| is about to be shown to |r|, of |error| (NULL: of ours). True: a page is sought in its
 * place, by |route| at |host|. error_page_came: |r| has got an answer, which may be the page. error_page_failed: there
 * is no page, and the error is shown: true, if that was what |r| waited for. */
bool error_page_begin(struct engine *e, mesh_ns now, struct request *r, const struct route *route, struct slice host,
                      uint16_t status, struct object *error);
void error_page_came(struct engine *e, struct request *r);
bool error_page_failed(struct engine *e, struct request *r);
void error_page_free(struct request *r);
/* request_fly lets |r| wait for |f| (NULL: it fails), which begins. */
void request_fly(struct engine *e, mesh_ns now, struct request *r, struct flight *f);
static inline bool is_passage(const struct flight *f)
{
    return f->method.len > 0;
}
/* passage_begin takes a request whose method no copy answers to the origin; |personal|: what it is told is for this one
 * alone. But OPTIONS may be answered from a copy, too. */
void passage_begin(struct engine *e, mesh_ns now, struct request *r, struct aim *aim, bool personal);
static inline struct request *reader_request(struct reader *r)
{
    return OBJ_OF(r, struct request, reader);
}
static inline const struct fields *reader_fields(const struct reader *r)
{
    return r->forward != NULL ? &r->forward->fields : NULL;
}
static inline struct serve *reader_serve(struct reader *r)
{
    return OBJ_OF(r, struct serve, reader);
}

/* ---- bodies in content codings (request_coded.c) ---- */
void coders_start(struct engine *e);
/* coders_news: |o| has grown, and who makes another form of it may go on. */
void coders_news(struct engine *e, struct object *o);
/* The parts of request_body, request_take and request_done for who reads a coded body. */
size_t coded_request_body(struct request *r, struct slice *pieces, size_t max);
void coded_request_take(struct engine *e, mesh_ns now, struct request *r, size_t n);
bool coded_request_done(const struct request *r);
/* coded_request_leaves: |r| is to be moved to another copy, and what of this one has to go out first is kept: a zstd
 * frame at most. False: out of memory. */
bool coded_request_leaves(struct request *r);

#endif
