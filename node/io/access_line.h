/* access_line.h - one line of the access log for one request, in each of the formats. Pure functions. */
#ifndef HEDGEROW_IO_ACCESS_LINE_H
#define HEDGEROW_IO_ACCESS_LINE_H

#include "node/io/access_result.h"
#include "proto/base/addr.h"

enum access_format {
    ACCESS_JSON,
    ACCESS_CLOUDFRONT, /* the 33 fields of CloudFront's standard logs, in their order */
    ACCESS_COMBINED,   /* Apache's combined log format */
};

/* What JSON has no use for: gathered only where the format wants it. Slices may hold any byte; empty: absent. */
struct access_more {
    struct mesh_addr client;
    struct slice pop;       /* X-Hedgerow-Pop's value */
    struct slice domain;    /* the first name of its distribution; empty: the host that was asked for */
    struct slice authority; /* Host as received */
    struct slice referer, user_agent, cookie, forwarded_for;
    struct slice version;                  /* HTTP/1.1; empty where none was understood */
    struct slice ssl_protocol, ssl_cipher; /* empty: the viewer came over http */
    uint64_t received, sent;               /* all bytes of request and answer, heads included */
    mesh_ns first_byte_ns;                 /* until the answer's first byte was handed to the kernel; < 0: none was */
    struct slice type;                     /* the answer's Content-Type */
    bool has_length, has_range;
    uint64_t length;      /* its Content-Length */
    uint64_t first, last; /* of its Content-Range; one range alone */
};

struct access_entry {
    int64_t wall_us;                /* when the request was read, Unix time in microseconds */
    struct slice node;              /* our name */
    struct slice host, method, uri; /* as received; any byte may be in them */
    uint16_t status;                /* 499: the viewer left before there was an answer */
    uint64_t bytes;                 /* of the body, as sent */
    enum request_result result;     /* as it is counted */
    enum access_detail detail;      /* ACCESS_UNKNOWN: no finer than |result| */
    enum access_detail said;        /* what the answer began as; ACCESS_UNKNOWN: as |detail| */
    struct slice reason;            /* why it was not let in, a word (doors.h); empty: it was. JSON has it */
    struct slice request_id;
    mesh_ns duration_ns;            /* until the answer's last byte was handed to the kernel */
    bool off;                       /* its distribution wants no line */
    const struct access_more *more; /* NULL: none was gathered, for the format or for want of memory */
};

struct access_second { /* the last one written; zeroed at first */
    uint64_t s;
    char text[20]; /* "2026-01-31T23:59:59." */
};

/* access_line appends one line with its line end. |kept| belongs to the caller, from line to line.
 * JSON: quotes, backslashes and control bytes are escaped and what is not UTF-8 is written as if it were Latin-1, so a
 * line is always one line of valid JSON. "detail" is there where it says more than "result".
 * CloudFront's: 33 values between tabs; bytes up to 32 and from 127 on, and <>"#%{}|\^~[]`', are percent-encoded; "-"
 * is a value that is absent. Combined: what is not printable ASCII is \xhh, and quotes and backslashes have a backslash
 * (Apache's mod_log_config). */
void access_line(struct buf *out, enum access_format format, struct access_second *kept, const struct access_entry *e);

/* access_heading is what a file of this format begins with; may be empty. Static. */
struct slice access_heading(enum access_format format);

/* access_more_wanted: does the format want entry.more? */
static inline bool access_more_wanted(enum access_format format)
{
    return format != ACCESS_JSON;
}

/* access_format_read: json, cloudfront or combined. False: it is none of them. */
bool access_format_read(enum access_format *out, struct slice word);

#endif
