#include "sim/hunt/diagram.h"

#include <stdio.h>

#define COLUMN 9 /* characters */

/* ---- reading ---- */

static uint64_t digits(const char **p)
{
    uint64_t n = 0;

    while (**p >= '0' && **p <= '9')
        n = 10 * n + (uint64_t)(*(*p)++ - '0');
    return n;
}

/* "12.345" with any number of digits behind the point. */
static mesh_ns moment(const char **p)
{
    mesh_ns at = (mesh_ns)digits(p) * SEC(1), unit = SEC(1) / 10;

    if (**p == '.') {
        for ((*p)++; **p >= '0' && **p <= '9'; (*p)++, unit /= 10)
            at += (**p - '0') * unit;
    }
    return at;
}

static uint32_t column(const struct diagram *d, uint64_t node)
{
    for (uint32_t i = 0; i < d->nodes_n; i++) {
        if (d->nodes[i] == node)
            return i;
    }
    return DIAGRAM_NODES;
}

static void name(struct diagram *d, uint64_t node)
{
    if (node >= 1 && column(d, node) == DIAGRAM_NODES && d->nodes_n < DIAGRAM_NODES)
        d->nodes[d->nodes_n++] = (uint32_t)node;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
}

void diagram_init(struct diagram *d, const char *message, uint64_t all)
{
    const char *p = message;

    memset(d, 0, sizeof(*d));
    d->until =
        *p >= '0' && *p <= '9' ? moment(&p) + MS(1) : MESH_NS_NEVER; /* a message's moment is cut to milliseconds */
    for (; *p != '\0'; p++) {
        if (p[0] == 'n' && p[1] >= '1' && p[1] <= '9' && (p == message || !is_letter(p[-1]))) {
            p++;
            name(d, digits(&p));
            p--;
        }
    }
    for (uint64_t n = 1, named = d->nodes_n; named == 0 && n <= all; n++)
        name(d, n);
    for (size_t i = 1; i < d->nodes_n; i++) { /* columns in the order of numbers */
        for (size_t k = i; k > 0 && d->nodes[k - 1] > d->nodes[k]; k--) {
            uint32_t swap = d->nodes[k];
            d->nodes[k] = d->nodes[k - 1];
            d->nodes[k - 1] = swap;
        }
    }
}

static struct diagram_row *last(struct diagram *d)
{
    return d->rows_n == 0 ? NULL : &d->rows[(d->rows_n - 1) % DIAGRAM_ROWS];
}

static void add(struct diagram *d, const struct diagram_row *row)
{
    struct diagram_row *before = last(d);

    if (before != NULL && before->node == row->node && before->peer == row->peer && before->arrow == row->arrow &&
        before->lost == row->lost && row->arrow && row->sent_at == before->sent_at) {
        before->times++;
        before->at = row->at;
        return;
    }
    d->rows[d->rows_n++ % DIAGRAM_ROWS] = *row;
    last(d)->times = 1;
}

static bool word(const char **p, char *out, size_t room)
{
    size_t n = 0;

    while (**p == ' ')
        (*p)++;
    for (; **p != '\0' && **p != ' '; (*p)++) {
        if (n + 1 < room)
            out[n++] = **p;
    }
    out[n] = '\0';
    return n > 0;
}

/* When what arrives at |row| was sent: the newest sending that was the same; an arrow of its own moment, if none was.
 */
static mesh_ns sent_at(const struct diagram *d, const struct diagram_row *row, const char *what)
{
    for (uint64_t i = d->sent_n; i > 0 && d->sent_n - i < DIAGRAM_SENT; i--) {
        const struct diagram_sending *s = &d->sent[(i - 1) % DIAGRAM_SENT];
        if (s->from == row->peer && s->to == row->node && strcmp(s->what, what) == 0)
            return s->at;
    }
    return row->at;
}

/* What happens at one node, and is shown. */
static bool is_shown(const char *kind)
{
    static const char *const kinds[] = { "start",  "stop",    "fetch", "fetch-end", "fetch-stop", "ask",
                                         "answer", "ask-end", "kept",  "config",    "refused" };

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(kind, kinds[i]) == 0)
            return true;
    }
    return false;
}

static void between(struct diagram *d, struct diagram_row *row, const char *kind, const char *rest)
{
    size_t n = strlen(kind);
    char bytes[24];

    while (*rest == ' ')
        rest++;
    if (n > 4 && strcmp(kind + n - 4, "-out") == 0) {
        struct diagram_sending *s = &d->sent[d->sent_n++ % DIAGRAM_SENT];
        *s = (struct diagram_sending){ .at = row->at, .from = row->node, .to = row->peer };
        snprintf(s->what, sizeof(s->what), "%s", rest);
        return;
    }
    row->lost = strcmp(kind, "datagram-lost") == 0;
    if (!row->lost && strcmp(kind, "accept") != 0 && strcmp(kind, "closed") != 0 && strcmp(kind, "refused") != 0 &&
        strcmp(kind + (n > 3 ? n - 3 : 0), "-in") != 0)
        return;
    row->arrow = true;
    row->sent_at = sent_at(d, row, rest);
    if (row->lost) {
        uint32_t from = row->node;
        row->node = row->peer;
        row->peer = from;
    }
    word(&rest, bytes, sizeof(bytes));
    snprintf(row->text, sizeof(row->text), "%.*s%s%s%s", (int)(strcmp(kind + n - 3, "-in") == 0 ? n - 3 : n), kind,
             bytes[0] != '\0' ? " of " : "", bytes, bytes[0] != '\0' ? " bytes" : "");
    add(d, row);
}

void diagram_line(struct diagram *d, const char *line)
{
    struct diagram_row row = { .node = DIAGRAM_NODES, .peer = DIAGRAM_NODES };
    char who[16], kind[24], more[16];
    const char *p = line, *node;

    row.at = row.sent_at = moment(&p);
    if (row.at > d->until || !word(&p, who, sizeof(who)) || !word(&p, kind, sizeof(kind)))
        return;
    node = who + 1;
    if (who[0] == 'n')
        row.node = column(d, digits(&node));
    const char *rest = p;
    bool peer = word(&p, more, sizeof(more)) && (strcmp(more, "to") == 0 || strcmp(more, "from") == 0) &&
                word(&p, more, sizeof(more)) && more[0] == 'n';
    if (strcmp(kind, "action") == 0) {
        snprintf(row.text, sizeof(row.text), "%.71s", rest);
        add(d, &row);
    } else if (row.node != DIAGRAM_NODES && peer) {
        node = more + 1;
        row.peer = column(d, digits(&node));
        if (row.peer != DIAGRAM_NODES)
            between(d, &row, kind, p);
    } else if (row.node != DIAGRAM_NODES && is_shown(kind)) {
        snprintf(row.text, sizeof(row.text), "%s%.40s", kind, rest);
        add(d, &row);
    }
}

/* ---- as text ---- */

static void put_cells(const struct diagram *d, const struct diagram_row *row, char cells[DIAGRAM_NODES * COLUMN + 1])
{
    size_t width = d->nodes_n * COLUMN;

    memset(cells, ' ', width);
    cells[width] = '\0';
    for (size_t i = 0; i < d->nodes_n; i++)
        cells[i * COLUMN + 1] = '|';
    if (row->node >= DIAGRAM_NODES)
        return;
    cells[row->node * COLUMN + 1] = '*';
    if (!row->arrow)
        return;
    size_t from = row->peer * COLUMN + 1, to = row->node * COLUMN + 1;
    for (size_t x = from < to ? from + 1 : to + 1; x < (from < to ? to : from); x++)
        cells[x] = '-';
    cells[from] = '+';
    cells[to] = '|';
    cells[from < to ? to - 1 : to + 1] = row->lost ? 'x' : from < to ? '>' : '<';
}

void diagram_put(const struct diagram *d, struct buf *out)
{
    uint64_t from = d->rows_n > DIAGRAM_ROWS ? d->rows_n - DIAGRAM_ROWS : 0;
    char cells[DIAGRAM_NODES * COLUMN + 1];

    buf_add_str(out, "           s  ");
    for (size_t i = 0; i < d->nodes_n; i++)
        buf_addf(out, " n%-*u", COLUMN - 2, d->nodes[i]);
    buf_add_u8(out, '\n');
    for (uint64_t i = from; i < d->rows_n; i++) {
        const struct diagram_row *row = &d->rows[i % DIAGRAM_ROWS];
        put_cells(d, row, cells);
        buf_addf(out, "%8lld.%03lld  %s  %s%s", (long long)(row->at / SEC(1)), (long long)(row->at / MS(1) % 1000),
                 cells, row->node >= DIAGRAM_NODES ? "!! " : "", row->text);
        if (row->times > 1)
            buf_addf(out, ", %u in a row", row->times);
        buf_add_u8(out, '\n');
    }
}

/* ---- as a picture ---- */

static void put_escaped(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '<': buf_add_str(out, "&lt;"); break;
        case '>': buf_add_str(out, "&gt;"); break;
        case '&': buf_add_str(out, "&amp;"); break;
        case '"': buf_add_str(out, "&quot;"); break;
        default: buf_add_u8(out, (uint8_t)*text < 0x20 ? (uint8_t)' ' : (uint8_t)*text);
        }
    }
}

static unsigned x_of(uint32_t col)
{
    return 120 + 90 * col;
}

/* Rows are as far apart, however long it took: what is near in time would lie on top of each other. A sending's height
 * is that of the last row before it. */
static unsigned y_of(const struct diagram *d, uint64_t from, mesh_ns at)
{
    unsigned y = 50;

    for (uint64_t i = from; i < d->rows_n && d->rows[i % DIAGRAM_ROWS].at <= at; i++)
        y += 20;
    return y;
}

static void put_svg_row(const struct diagram *d, uint64_t from, uint64_t i, struct buf *out)
{
    const struct diagram_row *row = &d->rows[i % DIAGRAM_ROWS];
    unsigned y = 70 + 20 * (unsigned)(i - from), right = x_of((uint32_t)d->nodes_n);

    buf_addf(out, "<text x=\"8\" y=\"%u\">%lld.%03lld</text>", y + 4, (long long)(row->at / SEC(1)),
             (long long)(row->at / MS(1) % 1000));
    if (row->node >= DIAGRAM_NODES) {
        buf_addf(out, "<line x1=\"100\" y1=\"%u\" x2=\"%u\" y2=\"%u\" class=\"fault\"/>", y, right - 60, y);
    } else if (row->arrow) {
        unsigned sent = row->sent_at < row->at ? y_of(d, from, row->sent_at) : y;
        buf_addf(out, "<line x1=\"%u\" y1=\"%u\" x2=\"%u\" y2=\"%u\" class=\"%s\"/>", x_of(row->peer), sent,
                 x_of(row->node), y, row->lost ? "lost" : "arrow");
    } else {
        buf_addf(out, "<circle cx=\"%u\" cy=\"%u\" r=\"3\"/>", x_of(row->node), y);
    }
    buf_addf(out, "<text x=\"%u\" y=\"%u\"%s>", right - 40, y + 4,
             row->node >= DIAGRAM_NODES ? " class=\"fault\"" : "");
    put_escaped(out, row->text);
    if (row->times > 1)
        buf_addf(out, ", %u in a row", row->times);
    buf_add_str(out, "</text>\n");
}

void diagram_put_svg(const struct diagram *d, const char *title, struct buf *out)
{
    uint64_t from = d->rows_n > DIAGRAM_ROWS ? d->rows_n - DIAGRAM_ROWS : 0;
    unsigned height = 80 + 20 * (unsigned)(d->rows_n - from), width = x_of((uint32_t)d->nodes_n) + 460;

    buf_addf(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%u\" viewBox=\"0 0 %u %u\">\n"
        "<style>text{font:12px monospace}line{stroke:#888}.arrow{stroke:#246;marker-end:url(#a)}"
        ".lost{stroke:#c33;stroke-dasharray:4 3}line.fault{stroke:#c33;stroke-width:2}text.fault{fill:#c33}</style>\n"
        "<defs><marker id=\"a\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" "
        "orient=\"auto\"><path d=\"M0 0 8 4 0 8z\" fill=\"#246\"/></marker></defs>\n"
        "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n<text x=\"8\" y=\"16\">",
        width, height, width, height);
    put_escaped(out, title);
    buf_add_str(out, "</text>\n");
    for (uint32_t i = 0; i < d->nodes_n; i++)
        buf_addf(out, "<text x=\"%u\" y=\"38\">n%u</text><line x1=\"%u\" y1=\"44\" x2=\"%u\" y2=\"%u\"/>\n",
                 x_of(i) - 8, d->nodes[i], x_of(i), x_of(i), height - 10);
    for (uint64_t i = from; i < d->rows_n; i++)
        put_svg_row(d, from, i, out);
    buf_add_str(out, "</svg>\n");
}
