/* Requests that no copy answers (POST, PUT, DELETE, OPTIONS ...): from the node that was asked straight to the origin
 * and back. Peers never see them. A passage is a flight of one request's own, whose answer passes through a window and
 * is never kept; the rim moves the request's body along with it. */
#include "node/core/engine_impl.h"

void passage_begin(struct engine *e, mesh_ns now, struct request *r, struct aim *aim)
{
    struct flight *f = NULL;

    r->reader.forward = aim->forward = forward_for(aim->route.behaviour, r->fields, FORWARD_PASSAGE, &r->from);
    if (aim->forward != NULL)
        f = flight_new(e, now, FLIGHT_DIRECT, aim);
    if (f != NULL) {
        buf_add_slice(&f->method, r->method);
        f->from = r->io;
        f->personal = true;
        f->replayable = slice_eq(r->method, SLICE_LIT("OPTIONS")) &&
                        (r->fields == NULL || (fields_find(r->fields, SLICE_LIT("content-length")) == NULL &&
                                               fields_find(r->fields, SLICE_LIT("transfer-encoding")) == NULL));
        if (!buf_ok(&f->method)) {
            flight_free(e, f);
            f = NULL;
        }
    }
    e->counters.passages += f != NULL;
    request_fly(e, now, r, f);
}
