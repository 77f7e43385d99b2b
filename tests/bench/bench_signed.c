/* bench_signed - what it costs to see whether a request is signed: whole judgements, from the URL to the verdict, on
 * one core; medians of CPU time, with pass or MISS. Usage: bench_signed [rounds] */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "node/signed/rates.h"
#include "node/signed/signed.h"
#include "node/signed/signing.h"

#define ROUNDS_MAX 101
#define URLS       200
#define NOW        1700000000

static char *urls[URLS];
static struct signers *signers;
static struct signed_work *work;
static struct rates rates;
static const struct slice group = { (const uint8_t *)"g", 1 };

static double cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Another URL each, signed by a new key; |resource| NULL: canned, or a token. */
static void prepare(enum signer_kind kind, bool sha256, const char *resource)
{
    struct buf secret = BUF_EMPTY, public = BUF_EMPTY, why = BUF_EMPTY;
    struct slice id = SLICE_LIT("K2JCJMDEHXQW5F");
    struct signing_key *key;

    signers_free(signers);
    signers = signers_new();
    if (signing_key_new(&key, kind) != 0 || signing_key_pem(key, &secret, &public) != 0 ||
        signers_add(signers, id, buf_slice(&public), &why) != 0 || signers_group(signers, group, &id, 1, &why) != 0)
        abort();
    for (unsigned i = 0; i < URLS; i++) {
        char plain[100];
        struct signing_made made;
        struct buf url = BUF_EMPTY;
        snprintf(plain, sizeof(plain), "https://a.example/films/season/1/segment-%u.m4s?quality=high", i);
        const struct signing_wish wish = { .url = slice_str(plain),
                                           .key_id = id,
                                           .ends_s = NOW + 60,
                                           .starts_s = -1,
                                           .resource = resource != NULL ? slice_str(resource) : SLICE_EMPTY,
                                           .sha256 = sha256 };
        if (signing_make(&made, key, &wish, &why) != 0)
            abort();
        signing_url(&url, slice_from(wish.url, sizeof("https://a.example") - 1), &made);
        signing_fini(&made);
        buf_add_u8(&url, 0);
        free(urls[i]);
        urls[i] = (char *)url.data;
    }
    signing_key_free(key);
    buf_free(&secret);
    buf_free(&public);
}

static void judge_all(void)
{
    struct signed_request r = { .https = true,
                                .host = SLICE_LIT("a.example"),
                                .address = mesh_addr_v4(1, 1),
                                .wall_s = NOW,
                                .groups = &group,
                                .groups_n = 1 };
    struct signed_verdict v;

    for (unsigned i = 0; i < URLS; i++) {
        r.target = slice_str(urls[i]);
        if (!signed_check(work, signers, &r, &v))
            abort();
    }
}

static void count_all(void)
{
    static mesh_ns now = SEC(1);

    for (unsigned i = 0; i < URLS; i++) {
        struct mesh_addr a = mesh_addr_v4(i * 2654435761u, 1);
        rates_wait(&rates, now += US(10), 7, &a, 100, 10);
    }
}

/* |remembered|: what was verified before is known. Returns whether the target is met; 0: there is none. */
static bool row(const char *what, void (*all)(void), bool remembered, double target, int rounds)
{
    static double ns[ROUNDS_MAX];

    all();
    for (int i = 0; i < rounds; i++) {
        if (!remembered)
            memset(&work->verified, 0, sizeof(work->verified));
        double begin = cpu_ns();
        all();
        ns[i] = (cpu_ns() - begin) / URLS;
    }
    qsort(ns, (size_t)rounds, sizeof(ns[0]), by_value);
    double each = ns[rounds / 2], second = 1e9 / each;
    printf("row signed  %-44s %9.0f /s, %6.2f us each", what, second, each / 1000);
    if (target > 0)
        printf("; target >= %.0f: %s", target, second >= target ? "pass" : "MISS");
    printf("\n");
    return target == 0 || second >= target;
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 21;
    bool met = true;

    rounds = rounds < 1 ? 1 : rounds > ROUNDS_MAX ? ROUNDS_MAX : rounds;
    work = calloc(1, sizeof(*work));
    if (work == NULL || crypto_start() != 0)
        return 1;
    prepare(SIGNER_RSA, false, NULL);
    met = row("RSA-2048, SHA-1, canned", judge_all, false, 15000, rounds) && met;
    prepare(SIGNER_RSA, true, NULL);
    met = row("RSA-2048, SHA-256, canned", judge_all, false, 15000, rounds) && met;
    prepare(SIGNER_RSA, true, "https://*.example/films/*/segment-*");
    met = row("one custom policy for many URLs", judge_all, true, 0, rounds) && met;
    prepare(SIGNER_P256, true, NULL);
    met = row("P-256, SHA-256, canned", judge_all, false, 0, rounds) && met;
    met = row("  the same URL again", judge_all, true, 0, rounds) && met;
    prepare(SIGNER_ED25519, true, NULL);
    met = row("Ed25519 token", judge_all, false, 20000, rounds) && met;
    rates_init(&rates, (const uint8_t *)"sixteen secrets");
    met = row("a request counted towards its address's rate", count_all, true, 0, rounds) && met;
    for (unsigned i = 0; i < URLS; i++)
        free(urls[i]);
    signers_free(signers);
    signed_work_fini(work);
    free(work);
    return met ? 0 : 1;
}
