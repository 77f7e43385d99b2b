/* resource.h - does a URL fit the Resource of a policy? As CloudFront's developer guide has it ("Create a signed URL
 * using a custom policy", Resource, wildcard characters): * stands for any bytes, ? for one, within the section that it
 * stands in (protocol, domain, path, query), with four exceptions: a * that ends the path stands for any query, too;
 * one that ends the domain for any path and query; without a protocol, and with a * in front, any protocol is meant;
 * and * alone fits all. The question mark before a query may be written ? or \?. A ? that could be either is read both
 * ways: the guide gives it both meanings. Pure functions. */
#ifndef HEDGEROW_SIGNED_RESOURCE_H
#define HEDGEROW_SIGNED_RESOURCE_H

#include "proto/base/slice.h"

struct resource_url {
    struct slice scheme; /* "http", "https" */
    struct slice host;   /* with its port, if the viewer says one */
    struct slice path;   /* begins with / */
    struct slice query;  /* without its question mark; empty: none */
};

bool resource_fits(struct slice pattern, const struct resource_url *url);

/* resource_wild: has |pattern| a * or a ?, so that it fits more than one URL? (Its query's question mark counts.) */
bool resource_wild(struct slice pattern);

/* resource_dots: has |path| a segment "." or "..", also percent-encoded or beside a backslash? Such a path is another
 * one in its normal form, and no pattern or prefix can say whether it fits. */
bool resource_dots(struct slice path);

#endif
