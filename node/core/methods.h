/* methods.h - which request methods go on to an origin, and what each promises (RFC 9110 section 9.2). GET and HEAD are
 * always answered; TRACE and CONNECT never are. Pure functions. */
#ifndef HEDGEROW_CORE_METHODS_H
#define HEDGEROW_CORE_METHODS_H

#include "proto/base/buf.h"

enum method_list {
    METHODS_ALL,     /* GET HEAD OPTIONS POST PUT PATCH DELETE */
    METHODS_OPTIONS, /* GET HEAD OPTIONS */
    METHODS_GET,     /* GET HEAD */
};

#define METHODS_OTHER_MAX 16
#define METHOD_BYTES_MAX  32

struct methods {
    enum method_list list;
    struct slice other[METHODS_OTHER_MAX]; /* beyond the list, such as PROPFIND; lent */
    size_t other_n;
};

/* methods_parse reads "get", "options" or "all", and perhaps more methods behind it: "all,PROPFIND,M-SEARCH". They are
 * lent from |text|. 0, or MESH_E_SYNTAX, MESH_E_FULL with a static text in |*why|. */
int methods_parse(struct methods *out, struct slice text, const char **why);

/* methods_admit: may |method| (as sent: methods have a case) be answered? */
bool methods_admit(const struct methods *m, struct slice method);

/* methods_text appends all that are admitted, as the Allow field has them. */
void methods_text(struct buf *out, const struct methods *m);

/* method_asks: GET or HEAD, which may be answered from a copy; empty is GET. All others go to the origin. */
bool method_asks(struct slice method);

/* method_safe: it changes nothing. One whose safety we do not know is not safe (RFC 9111 section 4.4). */
bool method_safe(struct slice method);

/* method_idempotent: twice is as good as once. One that we do not know is not. */
bool method_idempotent(struct slice method);

#endif
