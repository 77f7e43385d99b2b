#include "node/dist/tree.h"

#include <yaml.h>

#include "node/sf/chars.h"
#include "proto/base/err.h"

struct growing {
    struct dist_arena *arena;
    struct faults *faults;
    struct slice text;
    struct tree *open[TREE_DEPTH_MAX]; /* maps and lists around what comes next */
    struct tree **end[TREE_DEPTH_MAX]; /* where their next part goes */
    size_t depth, nodes;
    struct tree *root;
    bool has_key; /* in a map: the next is its value */
    struct slice key;
    struct mark key_mark;
    size_t documents;
};

static struct mark mark_of(const yaml_mark_t *m)
{
    return (struct mark){ .line = (uint32_t)m->line + 1, .column = (uint32_t)m->column + 1 };
}

static int no_memory(struct growing *g, struct mark at)
{
    fault(g->faults, at, "out of memory.");
    return MESH_E_NOMEM;
}

/* A key is no node of its own. |taken|: |e| was one. */
static int take_key(struct growing *g, const yaml_event_t *e, struct mark at, bool *taken)
{
    *taken = false;
    if (g->depth == 0 || g->open[g->depth - 1]->kind != TREE_MAP || g->has_key)
        return 0;
    if (e->type != YAML_SCALAR_EVENT) {
        fault(g->faults, at, "a field's name must be a word, not %s.",
              e->type == YAML_MAPPING_START_EVENT ? "a map" : "a list");
        return MESH_E_SYNTAX;
    }
    struct slice text = slice_of(e->data.scalar.value, e->data.scalar.length);
    g->key = dist_arena_copy(g->arena, text);
    g->key_mark = at;
    g->has_key = true;
    *taken = true;
    return dist_arena_ok(g->arena) ? 0 : no_memory(g, at);
}

static int add_node(struct growing *g, const yaml_event_t *e, struct mark at)
{
    struct tree *t;

    if (++g->nodes > TREE_NODES_MAX) {
        fault(g->faults, at, "there is too much in this file: %d values are the limit.", TREE_NODES_MAX);
        return MESH_E_RANGE;
    }
    if ((t = dist_arena_get(g->arena, 1, sizeof(*t))) == NULL)
        return no_memory(g, at);
    t->mark = at;
    if (g->depth == 0) {
        g->root = t;
    } else {
        t->key = g->key;
        t->key_mark = g->key_mark;
        *g->end[g->depth - 1] = t;
        g->end[g->depth - 1] = &t->next;
        g->open[g->depth - 1]->n++;
    }
    g->has_key = false;
    g->key = SLICE_EMPTY;
    if (e->type == YAML_SCALAR_EVENT) {
        t->kind = TREE_SCALAR;
        t->plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
        t->text = dist_arena_copy(g->arena, slice_of(e->data.scalar.value, e->data.scalar.length));
        return dist_arena_ok(g->arena) ? 0 : no_memory(g, at);
    }
    t->kind = e->type == YAML_MAPPING_START_EVENT ? TREE_MAP : TREE_LIST;
    if (g->depth == TREE_DEPTH_MAX) {
        fault(g->faults, at, "this is nested too deeply: %d levels are the limit.", TREE_DEPTH_MAX);
        return MESH_E_RANGE;
    }
    g->open[g->depth] = t;
    g->end[g->depth++] = &t->first;
    return 0;
}

/* What would let a few bytes stand for many, or for something else than they say. */
static int check_plain(struct growing *g, const yaml_char_t *anchor, const yaml_char_t *tag, struct mark at)
{
    if (anchor == NULL && tag == NULL)
        return 0;
    fault(g->faults, at, "%s cannot be used here: write the value itself.",
          anchor != NULL ? "an anchor (&)" : "a tag (!)");
    return MESH_E_SYNTAX;
}

static int take_node(struct growing *g, const yaml_event_t *e, struct mark at)
{
    bool taken;
    int err;

    switch (e->type) {
    case YAML_SCALAR_EVENT: err = check_plain(g, e->data.scalar.anchor, e->data.scalar.tag, at); break;
    case YAML_MAPPING_START_EVENT:
        err = check_plain(g, e->data.mapping_start.anchor, e->data.mapping_start.tag, at);
        break;
    default: err = check_plain(g, e->data.sequence_start.anchor, e->data.sequence_start.tag, at); break;
    }
    if (err == 0)
        err = take_key(g, e, at, &taken);
    if (err == 0 && !taken)
        err = add_node(g, e, at);
    return err;
}

static int take(struct growing *g, const yaml_event_t *e)
{
    struct mark at = mark_of(&e->start_mark);

    switch (e->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (g->documents++ == 0)
            return 0;
        fault(g->faults, at, "a second document (---) begins here: one file holds one.");
        return MESH_E_SYNTAX;
    case YAML_ALIAS_EVENT:
        fault(g->faults, at, "an alias (*%s) cannot be used here: write the value itself.%s",
              (const char *)e->data.alias.anchor, " Text that begins with a star goes between quotes.");
        return MESH_E_SYNTAX;
    case YAML_SCALAR_EVENT:
    case YAML_SEQUENCE_START_EVENT:
    case YAML_MAPPING_START_EVENT: return take_node(g, e, at);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT: g->depth--; return 0;
    default: return 0;
    }
}

static struct mark mark_at(struct slice text, size_t offset)
{
    struct mark at = { 1, 1 };

    for (size_t i = 0; i < offset && i < text.len; i++) {
        bool line = text.data[i] == '\n';
        at.line += line;
        at.column = line ? 1 : at.column + ((text.data[i] & 0xc0) != 0x80);
    }
    return at;
}

static int not_yaml(struct growing *g, const yaml_parser_t *p)
{
    struct mark at = mark_of(&p->problem_mark);
    const char *problem = p->problem != NULL ? p->problem : "it cannot be read";

    if (p->error == YAML_MEMORY_ERROR)
        return no_memory(g, at);
    if (p->error == YAML_READER_ERROR) {
        at = mark_at(g->text, p->problem_offset);
        fault(g->faults, at, "this is no text that YAML may hold, from byte %zu on: %s.", p->problem_offset, problem);
    } else if (p->context != NULL) {
        fault(g->faults, at, "this is not YAML: %s %s (from line %zu on).", problem, p->context,
              p->context_mark.line + 1);
    } else {
        fault(g->faults, at, "this is not YAML: %s.", problem);
    }
    return MESH_E_SYNTAX;
}

int tree_read(struct dist_arena *arena, struct slice text, struct faults *faults, struct tree **out)
{
    struct growing g = { .arena = arena, .faults = faults, .text = text };
    struct mark whole = { 0 };
    yaml_parser_t parser;
    yaml_event_t event;
    bool last = false;
    int err = 0;

    if (text.len > TREE_TEXT_MAX) {
        fault(faults, whole, "it is too large: %u MiB are the limit.", TREE_TEXT_MAX >> 20);
        return MESH_E_RANGE;
    }
    if (!yaml_parser_initialize(&parser))
        return no_memory(&g, whole);
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, text.len > 0 ? text.data : (const uint8_t *)"", text.len);
    while (err == 0 && !last) {
        if (!yaml_parser_parse(&parser, &event)) {
            err = not_yaml(&g, &parser);
            break;
        }
        err = take(&g, &event);
        last = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    if (err == 0 && g.root == NULL) {
        fault(faults, whole, "there is nothing in it.");
        err = MESH_E_SYNTAX;
    }
    *out = g.root;
    return err;
}

const struct tree *tree_part(const struct tree *t, const char *name)
{
    for (const struct tree *p = t->first; p != NULL; p = p->next) {
        if (slice_eq(p->key, slice_str(name)))
            return p;
    }
    return NULL;
}

const char *tree_kind_text(const struct tree *t)
{
    switch (t->kind) {
    case TREE_LIST: return "a list";
    case TREE_MAP: return "a map";
    default: return t->text.len == 0 && t->plain ? "nothing" : "a single value";
    }
}

/* ---- for people ---- */

/* May |s| stand without quotes, and be read as the same text by everybody? */
static bool is_bare(struct slice s)
{
    static const char *const words[] = { "true", "false", "null", "yes", "no", "on", "off", "y", "n" };

    if (s.len == 0 || !(chars_is(s.data[0], CHARS_ALPHA) || s.data[0] == '/'))
        return false;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (slice_eq_nocase(s, slice_str(words[i])))
            return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        bool colon = s.data[i] == ':' && i + 1 < s.len; /* before a blank, or at the end, it would make a map */
        if (!chars_is(s.data[i], CHARS_UNRESERVED) && s.data[i] != '/' && !colon)
            return false;
    }
    return true;
}

/* Code points that libyaml does not take as they are, or takes for ends of lines: how many bytes |s| begins with of
 * one, or 0 with |*code| as before. */
static size_t unseen(struct slice s, unsigned *code)
{
    const uint8_t *p = s.data;

    if (s.len >= 2 && p[0] == 0xc2 && p[1] < 0xa0) {
        *code = p[1];
        return 2;
    }
    if (s.len < 3 || (p[0] != 0xe2 && p[0] != 0xef))
        return 0;
    unsigned c = (p[0] & 0x0fu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
    if (c != 0x2028 && c != 0x2029 && c != 0xfeff && c != 0xfffe && c != 0xffff)
        return 0;
    *code = c;
    return 3;
}

size_t tree_escape(struct buf *out, struct slice s)
{
    unsigned code = s.data[0];
    size_t n = unseen(s, &code);

    if (n > 0 || code < 0x20 || code == 0x7f)
        buf_addf(out, "\\u%04x", code);
    else if (code == '"' || code == '\\')
        buf_addf(out, "\\%c", code);
    else
        buf_add_u8(out, (uint8_t)code);
    return n > 0 ? n : 1;
}

static void show_text(struct buf *out, struct slice s)
{
    if (is_bare(s)) {
        buf_add_slice(out, s);
        return;
    }
    buf_add_u8(out, '"');
    while (s.len > 0) {
        bool line = s.data[0] == '\n';
        if (line)
            buf_add_str(out, "\\n");
        s = slice_from(s, line ? 1 : tree_escape(out, s));
    }
    buf_add_u8(out, '"');
}

static void show_scalar(struct buf *out, const struct tree *t)
{
    if (t->plain)
        buf_add_slice(out, t->text);
    else
        show_text(out, t->text);
}

/* Short lists and maps of single values go on one line. */
static bool is_short(const struct tree *t)
{
    size_t bytes = 0;

    for (const struct tree *p = t->first; p != NULL; p = p->next) {
        if (p->kind != TREE_SCALAR)
            return false;
        bytes += p->key.len + p->text.len + 6;
    }
    return bytes < 90;
}

static void show_short(struct buf *out, const struct tree *t)
{
    buf_add_str(out, t->kind == TREE_LIST ? "[" : "{");
    for (const struct tree *p = t->first; p != NULL; p = p->next) {
        buf_add_str(out, p == t->first ? " " : ", ");
        if (t->kind == TREE_MAP) {
            show_text(out, p->key);
            buf_add_str(out, ": ");
        }
        show_scalar(out, p);
    }
    buf_add_str(out, t->kind == TREE_LIST ? (t->n > 0 ? " ]" : "]") : (t->n > 0 ? " }" : "}"));
}

/* |t| behind what names it; ends the line. */
static void show_value(struct buf *out, const struct tree *t, unsigned indent)
{
    if (t->kind == TREE_SCALAR) {
        buf_add_u8(out, ' ');
        show_scalar(out, t);
        buf_add_u8(out, '\n');
    } else if (is_short(t)) {
        buf_add_u8(out, ' ');
        show_short(out, t);
        buf_add_u8(out, '\n');
    } else {
        buf_add_u8(out, '\n');
        tree_show(out, t, indent);
    }
}

/* Depth is bounded by tree_read. */
void tree_show(struct buf *out, const struct tree *t, unsigned indent)
{
    bool dash = t->kind == TREE_LIST;

    for (const struct tree *p = t->first; p != NULL; p = p->next) {
        buf_addf(out, "%*s", (int)indent, "");
        if (!dash) {
            show_text(out, p->key);
            buf_add_u8(out, ':');
            show_value(out, p, indent + 2);
        } else if (p->kind == TREE_MAP && !is_short(p)) { /* its first field stands behind the dash */
            size_t at = out->len;
            tree_show(out, p, indent + 2);
            if (buf_ok(out)) {
                memmove(out->data + at - indent, out->data + at, out->len - at);
                out->len -= indent;
                out->data[at] = '-';
            }
        } else {
            buf_add_u8(out, '-');
            show_value(out, p, indent + 2);
        }
    }
}
