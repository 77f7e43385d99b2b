/* field_lines.h - header fields from plain text, for tests. */
#ifndef HEDGEROW_TESTS_FIELD_LINES_H
#define HEDGEROW_TESTS_FIELD_LINES_H

#include "node/core/fields.h"

/* Lines "Name: value\n"; lends from |lines|, and is good for the next three calls. */
static struct fields *fields_of(const char *lines)
{
    static struct fields ring[4];
    static unsigned at;
    struct fields *f = &ring[at++ % 4];
    struct slice rest = slice_str(lines), line, name;

    fields_clear(f);
    while (slice_split(&rest, '\n', &line)) {
        if (line.len == 0)
            continue;
        slice_split(&line, ':', &name);
        assert_int_equal(fields_add(f, name, slice_trim(line)), 0);
    }
    return f;
}

#endif
