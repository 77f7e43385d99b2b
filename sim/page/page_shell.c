/* The shell of a page: its head and end, panels, tables, and each chart in two widths. */
#include <string.h>

#include "sim/amounts.h"
#include "sim/page/page_parts.h"

/* sim/page/page.css, put there by CMakeLists.txt. */
extern const uint8_t sim_page_css[];
extern const size_t sim_page_css_len;

void page_panel(struct page *p, const char *heading)
{
    buf_add_str(p->out, "<section>\n<h2>");
    svg_text(p->out, heading);
    buf_add_str(p->out, "</h2>\n<p>");
}

void page_figure(struct page *p)
{
    buf_add_str(p->out, "</p>\n<figure>\n");
}

void page_panel_end(struct page *p)
{
    buf_add_str(p->out, "</figure>\n</section>\n");
}

void page_left_out(struct page *p, const char *what, const char *why)
{
    buf_add_str(&p->left_out, p->left_out.len > 0 ? "; " : "");
    svg_text(&p->left_out, what);
    buf_add_str(&p->left_out, ", since ");
    svg_text(&p->left_out, why);
}

void page_legend(struct page *p, const char *class, const char *text)
{
    if (class == NULL) {
        bool begun = p->in_legend;
        p->in_legend = !begun;
        buf_add_str(p->out, begun ? "</ul>\n" : "<ul class=\"legend\">\n");
        return;
    }
    bool line = strncmp(class, "l-", 2) == 0;
    buf_addf(p->out, "<li><svg class=\"key\" viewBox=\"0 0 26 12\" aria-hidden=\"true\">");
    if (line)
        svg_line(p->out, class, 0, 60, 260, 60);
    else
        svg_rect(p->out, class, 60, 0, 140, 120);
    buf_add_str(p->out, "</svg>");
    svg_text(p->out, text);
    buf_add_str(p->out, "</li>\n");
}

void page_table(struct page *p, const char *summary, const char *const *heads, bool words)
{
    buf_add_str(p->out, "<details><summary>");
    svg_text(p->out, summary);
    buf_addf(p->out, "</summary>\n<table%s><thead><tr>", words ? " class=\"words\"" : "");
    for (size_t i = 0; heads[i] != NULL; i++) {
        buf_add_str(p->out, "<th scope=\"col\">");
        svg_text(p->out, heads[i]);
        buf_add_str(p->out, "</th>");
    }
    buf_add_str(p->out, "</tr></thead><tbody>");
    p->rows = 0;
}

void page_row(struct page *p)
{
    buf_add_str(p->out, p->rows++ > 0 ? "</tr>\n<tr>" : "\n<tr>");
}

void page_cell_slice(struct page *p, struct slice text)
{
    buf_add_str(p->out, "<td>");
    svg_slice(p->out, text);
    buf_add_str(p->out, "</td>");
}

void page_cell(struct page *p, const char *text)
{
    page_cell_slice(p, slice_str(text));
}

void page_cell_n(struct page *p, uint64_t n)
{
    char a[AMOUNT_MAX];
    page_cell(p, amount_number(a, n));
}

void page_table_end(struct page *p)
{
    /* A table's body without a row would be no HTML. */
    buf_add_str(p->out, p->rows > 0 ? "</tr></tbody></table></details>\n"
                                    : "<tr><td>none</td></tr></tbody></table></details>\n");
}

void page_figures(struct page *p, const struct vocabulary *words, const char *const *heads, const void *const *figures,
                  size_t n)
{
    page_table(p, "All figures, by the names that scenarios and --json use", heads, false);
    for (size_t k = 0; k < words->figures_n; k++) {
        page_row(p);
        page_cell(p, words->figures[k]);
        for (size_t i = 0; i < n; i++) {
            uint64_t v = figure_of(figures[i], k);
            if (v == FIGURE_NEVER)
                page_cell(p, "never");
            else
                page_cell_n(p, v);
        }
    }
    page_table_end(p);
}

/* ---- head and end ---- */

void page_open(struct page *p, const char *title, const char *aside)
{
    buf_add_str(p->out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
                        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
                        "<meta name=\"color-scheme\" content=\"light dark\"/>\n<title>Hedgerow, simulated: ");
    svg_text(p->out, title);
    buf_add_str(p->out, "</title>\n<style>\n");
    buf_add(p->out, sim_page_css, sim_page_css_len);
    buf_add_str(p->out, "</style>\n</head>\n<body>\n<main>\n<header>\n<h1>Hedgerow, simulated</h1>\n<p>");
    svg_text(p->out, aside);
    buf_add_str(p->out, "</p>\n</header>\n");
    page_width(p, PAGE_WIDTH);
}

void page_close(struct page *p)
{
    buf_add_str(p->out, "</main>\n</body>\n</html>\n");
    p->out->failed = p->out->failed || !buf_ok(&p->left_out);
    buf_free(&p->left_out);
}

void page_command(struct page *p, const char *command)
{
    buf_add_str(p->out, "<pre>");
    svg_text(p->out, command);
    buf_add_str(p->out, "</pre>\n");
}

void page_tile(struct page *p, const char *value, const char *text)
{
    buf_add_str(p->out, "<div><dt>");
    svg_text(p->out, text);
    buf_add_str(p->out, "</dt><dd>");
    svg_text(p->out, value);
    buf_add_str(p->out, "</dd></div>\n");
}

/* ---- charts ---- */

void page_width(struct page *p, int width)
{
    p->width = width;
    p->left = width == PAGE_WIDTH ? 720 : 620;
    p->right = width * 10 - 260;
}

bool page_chart(struct page *p)
{
    if (p->drawn == 2) {
        buf_add_str(p->out, "</div>\n");
        page_width(p, PAGE_WIDTH);
        p->drawn = 0;
        return false;
    }
    buf_add_str(p->out, p->drawn == 0 ? "<div class=\"wide\">\n" : "</div>\n<div class=\"narrow\">\n");
    page_width(p, p->drawn++ == 0 ? PAGE_WIDTH : PAGE_NARROW);
    return true;
}

bool page_is_narrow(const struct page *p)
{
    return p->width < PAGE_WIDTH;
}
