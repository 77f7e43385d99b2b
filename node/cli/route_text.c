#include "node/cli/route_text.h"

#include <stdio.h>

#include "proto/base/err.h"

#define NAME_COLUMNS_MIN 8
#define CELL_MAX         128

/* Strings of the answer go to a terminal: what could command it is shown as '?'. */
static int safe(struct buf *out, const char *s, int columns)
{
    int n = 0;

    for (; s != NULL && *s != 0; s++, n++)
        buf_add_u8(out, (uint8_t)*s >= 0x20 && (uint8_t)*s < 0x7f ? (uint8_t)*s : '?');
    for (int at = n; at < columns; at++)
        buf_add_u8(out, ' ');
    return n;
}

static const char *text(const json_t *object, const char *key)
{
    const char *s = json_string_value(json_object_get(object, key));
    return s != NULL ? s : "-";
}

static void put_ms(struct buf *out, const json_t *ms)
{
    if (json_is_number(ms))
        buf_addf(out, "%.1f ms", json_number_value(ms));
    else
        buf_add_str(out, "-");
}

static const json_t *named(const json_t *candidates, const char *name)
{
    size_t i;
    json_t *c;

    json_array_foreach(candidates, i, c)
    {
        if (strcmp(text(c, "name"), name) == 0)
            return c;
    }
    return NULL;
}

/* "measured from 203.0.113.0/24", "by country DE", "by coordinates". */
static void put_basis(struct buf *out, const json_t *route, const json_t *first)
{
    const char *basis = text(first, "basis");
    const json_t *row = json_object_get(route, "row");

    safe(out, basis, 0);
    if (strncmp(basis, "measured", 8) == 0 && json_is_object(row)) {
        buf_add_str(out, strcmp(basis, "measured") == 0 ? " from " : ", in ");
        safe(out, text(row, "network"), 0);
    } else if (strcmp(basis, "by country") == 0) {
        buf_add_u8(out, ' ');
        safe(out, text(route, "country"), 0);
    }
}

static void put_sentence(struct buf *out, const json_t *route)
{
    const json_t *choice = json_object_get(route, "choice"), *edges = json_object_get(choice, "edges");
    const char *name = json_string_value(json_array_get(edges, 0));
    const json_t *first = name != NULL ? named(json_object_get(route, "candidates"), name) : NULL;

    safe(out, text(route, "address"), 0);
    if (first == NULL) {
        buf_add_str(out, " is sent nowhere: no edge is left.\n");
        return;
    }
    buf_add_str(out, " is sent to ");
    safe(out, name, 0);
    if (json_is_number(json_object_get(first, "expected_ms"))) {
        buf_add_str(out, " (");
        put_ms(out, json_object_get(first, "expected_ms"));
        buf_add_str(out, ", ");
        put_basis(out, route, first);
        buf_add_str(out, ")");
    } else {
        buf_add_str(out, ", and how far that is is not known");
    }
    buf_addf(out, ". An answer holds for %lld s", (long long)json_integer_value(json_object_get(choice, "ttl_s")));
    if (json_is_true(json_object_get(choice, "relaxed")))
        buf_add_str(out, "; no edge is left that keeps all rules, so one had to go");
    buf_add_str(out, ".\n");
}

static int name_columns(const json_t *candidates)
{
    size_t i;
    json_t *c;
    int columns = NAME_COLUMNS_MIN;

    json_array_foreach(candidates, i, c)
    {
        int n = (int)strlen(text(c, "name"));
        columns = n > columns ? n : columns;
    }
    return columns < CELL_MAX ? columns : CELL_MAX;
}

static void put_candidate(struct buf *out, const json_t *c, int columns)
{
    struct buf cell = BUF_EMPTY;
    json_t *address = json_array_get(json_object_get(c, "addresses"), 0);

    buf_add_str(out, "  ");
    safe(out, text(c, "name"), columns + 2);
    put_ms(&cell, json_object_get(c, "expected_ms"));
    buf_add_u8(&cell, 0);
    if (buf_ok(&cell))
        safe(out, (const char *)cell.data, 12);
    safe(out, text(c, "basis"), 18);
    buf_addf(out, "%3.0f %%  ", 100 * json_number_value(json_object_get(c, "load")));
    safe(out, json_is_string(address) ? json_string_value(address) : "-", 18);
    buf_add_str(out, " ");
    safe(out, text(c, "reason"), 0);
    buf_add_u8(out, '\n');
    buf_free(&cell);
}

int route_text(struct buf *out, const json_t *route)
{
    const json_t *candidates = json_object_get(route, "candidates");
    size_t i;
    json_t *c;

    if (!json_is_array(candidates) || !json_is_object(json_object_get(route, "choice")))
        return MESH_E_MISSING;
    int columns = name_columns(candidates);
    put_sentence(out, route);
    buf_add_str(out, "\n  ");
    safe(out, "edge", columns + 2);
    safe(out, "expected", 12);
    safe(out, "how it is known", 18);
    buf_add_str(out, " load  ");
    safe(out, "address", 18);
    buf_add_str(out, "\n");
    json_array_foreach(candidates, i, c) put_candidate(out, c, columns);
    return buf_ok(out) ? 0 : MESH_E_NOMEM;
}
