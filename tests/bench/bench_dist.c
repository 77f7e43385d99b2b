/* bench_dist - what distributions cost: 500 of them read, a host looked up among them, a path among 75 patterns, and
 * 100 rules. Medians of CPU time, beside what was aimed at; 1 where one was missed. Usage: bench_dist [rounds] */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "node/core/response.h"
#include "node/core/rules.h"
#include "node/dist/dist_read.h"
#include "proto/digest.h"

#define DISTS      500
#define BEHAVIOURS 75
#define ROUNDS_MAX 1001
#define CALLS      20000

static struct dist_set *set;
static char hosts[4 * DISTS][64], paths[4 * BEHAVIOURS][64];

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void make_text(struct buf *out)
{
    buf_add_str(out, "distributions:\n");
    for (int i = 0; i < DISTS; i++) {
        buf_addf(
            out,
            "  - name: d%d\n    hosts: [ www%d.example.com, \"*.w%d.example.com\", cdn.site%d.example ]\n    origins:\n"
            "      - { id: web, url: http://o%d.example }\n      - { id: api, url: https://a%d.example, attempts: 2 }\n"
            "    behaviours:\n",
            i, i, i, i, i, i);
        for (int j = 0; j + 1 < BEHAVIOURS; j++) {
            if (j % 3 == 0)
                buf_addf(out, "      - { path: \"/p%d/*\", origin: web, ttl: { default: 1h } }\n", j);
            else if (j % 3 == 1)
                buf_addf(out, "      - { path: \"*.e%d\", origin: api }\n", j);
            else
                buf_addf(out, "      - { path: \"/a%d/*/b/*.c?\", origin: web }\n", j);
        }
        buf_add_str(out, "      - { path: \"*\", origin: web }\n");
    }
}

static void find(unsigned i)
{
    if (dist_find(set, slice_str(hosts[i % (4 * DISTS)]), SLICE_LIT("cdn.example")) == set->dists)
        __asm__ volatile("" ::: "memory");
}

static void behaviour(unsigned i)
{
    if (dist_behaviour(&set->dists[i % DISTS], slice_str(paths[i % (4 * BEHAVIOURS)])) == NULL)
        abort();
}

/* The worst path: no pattern is for it. */
static void no_pattern(unsigned i)
{
    if (dist_behaviour(&set->dists[i % DISTS], SLICE_LIT("/a2/some/longer/path/to/b/a-picture-of-it.jpeg"))->index !=
        BEHAVIOURS - 1)
        abort();
}

/* ---- rules ---- */

#define RULES 100

static struct fields asked, edited;
static struct buf made;
static char rule_paths[RULES][64];
static struct dist_rule none_fits[RULES], all_edit[RULES], all_answer[RULES];

/* As owners have them: of the path, a few of a field or a parameter as well; none is for the request. */
static void make_rules(void)
{
    static const char *const fields[][2] = {
        { "Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8" },
        { "Accept-Language", "de,en-US;q=0.7,en;q=0.3" },
        { "Cookie", "session=0123456789abcdef0123456789abcdef; theme=dark" },
        { "Referer", "https://www.example.com/images/2026/" },
        { "User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0" },
    };

    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        (void)fields_add(&asked, slice_str(fields[i][0]), slice_str(fields[i][1]));
    for (unsigned i = 0; i < RULES; i++) {
        snprintf(rule_paths[i], sizeof(rule_paths[0]), i % 2 == 0 ? "/old%u/*" : "/*/section%u/*.html", i);
        none_fits[i] = (struct dist_rule){
            .path = slice_str(rule_paths[i]), .action = DIST_REDIRECT, .status = 301, .to = SLICE_LIT("/new/$1")
        };
        if (i % 5 == 0)
            none_fits[i] = (struct dist_rule){ .field = SLICE_LIT("user-agent"),
                                               .field_value = SLICE_LIT("*Android*Mobile*"),
                                               .action = DIST_REWRITE,
                                               .to = SLICE_LIT("/m/$1") };
        else if (i % 5 == 1)
            none_fits[i] = (struct dist_rule){ .query = SLICE_LIT("lang"),
                                               .query_value = SLICE_LIT("fr*"),
                                               .action = DIST_REDIRECT,
                                               .status = 302,
                                               .to = SLICE_LIT("/fr/$1") };
        all_edit[i] = (struct dist_rule){ .path = SLICE_LIT("/*"),
                                          .action = i % 2 == 0 ? DIST_SET_REQUEST_FIELD : DIST_REMOVE_REQUEST_FIELD,
                                          .name = SLICE_LIT("x-name"),
                                          .to = SLICE_LIT("value") };
        all_answer[i] = all_edit[i];
        all_answer[i].action = DIST_SET_RESPONSE_FIELD;
    }
}

static struct rules_on apply(const struct dist_rule *rules, unsigned i, bool answers)
{
    static const char *const asked_for[] = {
        "/images/2026/some-picture.jpeg?width=800&v=3",
        "/news/section/a/longer/path/of/an-article.html?lang=de",
        "/",
    };
    struct rules_on on = { .host = SLICE_LIT("www.example.com"),
                           .path = slice_str(asked_for[i % 3]),
                           .fields = &asked,
                           .edited = &edited,
                           .text = &made };

    buf_clear(&made);
    if (rules_apply(&on, rules, RULES) != 0 || on.status != 0 || (on.response[0] != 0) != answers)
        abort();
    return on;
}

static void no_rule(unsigned i)
{
    apply(none_fits, i, false);
}

static void all_rules_edit(unsigned i)
{
    apply(all_edit, i, false);
}

static void all_rules_answer(unsigned i)
{
    struct rules_on on = apply(all_answer, i, true);
    struct response said = { .rules = all_answer, .ruled = { on.response[0], on.response[1] } };
    static struct fields out;

    response_common(&out, &asked, &said, false); /* these fields are as many as an answer has */
    response_rules(&out, &asked, &said, false);
    if (out.n != asked.n + 1)
        abort();
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static bool missed;

static void row(const char *what, double got, const char *unit, double most)
{
    printf("%-52s %8.1f %s, at most %.0f: %s\n", what, got, unit, most, got <= most ? "pass" : "MISS");
    missed |= got > most;
}

static void measure(const char *what, void (*call)(unsigned i), int rounds, double most)
{
    static double each[ROUNDS_MAX];

    for (int r = 0; r < rounds; r++) {
        uint64_t from = now_ns();
        for (unsigned i = 0; i < CALLS; i++)
            call(i * 7919u + (unsigned)r);
        each[r] = (double)(now_ns() - from) / CALLS;
    }
    qsort(each, (size_t)rounds, sizeof(each[0]), by_size);
    row(what, each[rounds / 2], "ns", most);
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 21;
    struct buf text = BUF_EMPTY, errors = BUF_EMPTY;

    if (rounds < 1 || rounds > ROUNDS_MAX || crypto_start() != 0)
        return 2;
    make_text(&text);
    uint64_t from = now_ns();
    if (dist_set_read(buf_slice(&text), "bench", &set, &errors) != 0) {
        fprintf(stderr, "%.*s", SLICE_FMT(buf_slice(&errors)));
        return 1;
    }
    row("500_distributions: read, 75 behaviours each", (double)(now_ns() - from) / 1e6, "ms", 2000);
    for (unsigned i = 0; i < DISTS; i++) {
        snprintf(hosts[4 * i], sizeof(hosts[0]), "www%u.example.com", i);
        snprintf(hosts[4 * i + 1], sizeof(hosts[0]), "a.b.w%u.example.com", i);
        snprintf(hosts[4 * i + 2], sizeof(hosts[0]), "cdn.site%u.example", i);
        snprintf(hosts[4 * i + 3], sizeof(hosts[0]), "nobody.x%u.example", i);
    }
    for (unsigned j = 0; j < BEHAVIOURS; j++) {
        snprintf(paths[4 * j], sizeof(paths[0]), "/p%u/some/page.html", j);
        snprintf(paths[4 * j + 1], sizeof(paths[0]), "/images/some/page.e%u", j);
        snprintf(paths[4 * j + 2], sizeof(paths[0]), "/a%u/x/y/b/z.cc", j);
        snprintf(paths[4 * j + 3], sizeof(paths[0]), "/nothing/of/all/that-%u.html", j);
    }
    make_rules();
    measure("500_distributions: a host (exact, wildcard, none)", find, rounds, 1000);
    measure("75_patterns: a path", behaviour, rounds, 2000);
    measure("75_patterns: a path that none is for", no_pattern, rounds, 2000);
    measure("100_rules: none is for the request", no_rule, rounds, 5000);
    measure("100_rules: each sets a field of the answer", all_rules_answer, rounds, 5000);
    measure("100_rules: each edits a field", all_rules_edit, rounds, 5000);
    dist_set_unref(set);
    buf_free(&text);
    buf_free(&errors);
    buf_free(&made);
    return missed ? 1 : 0;
}
