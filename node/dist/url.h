/* url.h - the parts of an origin's URL, and of HOST:PORT words. Pure functions. */
#ifndef HEDGEROW_DIST_URL_H
#define HEDGEROW_DIST_URL_H

#include "proto/base/addr.h"
#include "proto/base/buf.h"

struct origin_url { /* lends from the text that was parsed */
    bool https;
    struct slice host;      /* a name or an address, IPv6 without its brackets */
    struct slice authority; /* host[:port] as written: what Host says */
    struct slice prefix;    /* the path without its final slashes: "" or "/production" */
    uint16_t port;          /* 80 or 443 when not written */
};

/* origin_url_parse reads http://HOST[:PORT][/PREFIX] or https://... 0 or MESH_E_SYNTAX, with
 * a static text in |*why|: no user information, query or fragment, no blanks or bytes that
 * may not stand in a URL, no "." or ".." in the prefix. |*out| is as before on an error. */
int origin_url_parse(struct slice text, struct origin_url *out, const char **why);

/* origin_url_normal appends the normal form: scheme and host in lower case, no default port,
 * no final slash. Two nodes with equal normal forms have the same origin. */
void origin_url_normal(struct buf *out, const struct origin_url *u);

/* folder_url appends the URL of a directory as an origin, such as file:///srv/www%20a. folder_url_is: is |text| meant
 * for one? */
void folder_url(struct buf *out, struct slice root);
bool folder_url_is(struct slice text);

/* host_port_parse splits "HOST:PORT" ("[v6]:PORT"); |*host| lends, without brackets.
 * 0 or MESH_E_SYNTAX. Port 0 is refused. */
int host_port_parse(struct slice text, struct slice *host, uint16_t *port);

#endif
