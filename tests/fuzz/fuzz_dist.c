/* Whatever text comes, it is a set or faults, never both; a set's canonical form and what is shown of it are read again
 * as the same set; and look-ups in it end where they should. */
#include "node/dist/dist_read.h"
#include "tests/fuzz/fuzz.h"

static const char *const samples[] = {
    "node: { name: a, listen: { http: \"1.2.3.4:5\" }, seeds: [ b:1 ] }\n"
    "distributions:\n- name: a\n  hosts: [ a.b, \"*.c.d\" ]\n  origins: [ { id: w, url: http://o/p, headers: { A: b } "
    "} ]\n"
    "  behaviours:\n  - { path: \"/x*y?z\", ttl: { min: 1, default: heuristic }, cache: { query: { except: [ q ] } } "
    "}\n"
    "  - { path: \"*\", methods: [ get, LINK ], response: { cors: true, security: true, remove: [ X ] } }\n",
    "distributions: [ { name: b, hosts: \"*\", origins: [ { id: m, type: media, url: https://o, tls: { min: 1.3 } }, "
    "{ id: s, type: s3, url: http://s, region: r, credentials: c }, { id: d, type: directory, root: /r } ], "
    "groups: [ { id: g, origins: [ m, s ], statuses: [ 500 ] } ], behaviours: [ { path: \"/l/*\", group: g }, "
    "{ path: \"*\", origin: s, rules: [ { path: \"/a/*\", redirect: /b/$1 }, { query: { a: b }, rewrite: /c } ] } ] } "
    "]",
    "distributions: [ { name: c, origins: http://o, keys: [ { id: k, pem: \"-----BEGIN PUBLIC KEY-----\\nx\\n-----END "
    "PUBLIC "
    "KEY-----\" } ], key_groups: [ { id: g, keys: [ k ] } ], errors: [ { status: 404, ttl: 1m, page: /e, as: 200 } ], "
    "behaviours: [ { key_groups: [ g ], rate: 7, compress: [ br ] } ], countries: { allow: [ DE ] } } ]",
    "distributions: [ { name: d, comment: \"\\u0085\", origins: [ { id: f, url: \"file:///srv/a%20b%C3%A9\" }, { id: "
    "s, type: "
    "s3, url: https://s, sign: never } ], groups: [ { id: g, origins: [ f, s ] } ], behaviours: [ { path: /s, origin: "
    "s, "
    "methods: get }, { group: g } ] } ]",
};

static void fuzz_start(void)
{
}

static void fuzz_sample(unsigned n, struct buf *b)
{
    buf_add_str(b, samples[n % 4]);
}

static void again(const struct dist_set *set, struct slice text, const char *what)
{
    struct buf errors = BUF_EMPTY;
    struct dist_set *same = NULL;

    int err = dist_set_read(text, what, &same, &errors);
    if (err != 0 || same->digest != set->digest || same->n != set->n)
        abort();
    dist_set_unref(same);
    buf_free(&errors);
}

static void look_up(const struct dist_set *set, struct slice word)
{
    for (size_t i = 0; i < set->n; i++) {
        const struct dist *d = &set->dists[i];
        const struct dist_behaviour *b = dist_behaviour(d, word);
        struct buf to = BUF_EMPTY;
        assert(b >= d->behaviours && b < d->behaviours + d->behaviours_n);
        assert(dist_behaviour(d, SLICE_LIT("/")) != NULL);
        for (size_t j = 0; j < b->rules_n; j++)
            dist_rule_to(&to, &b->rules[j], word);
        for (size_t j = 0; j < d->hosts_n; j++) {
            if (d->hosts[j].data[0] != '*')
                assert(dist_find(set, d->hosts[j], SLICE_EMPTY) == (d->enabled ? d : NULL));
        }
        buf_free(&to);
    }
    dist_find(set, word, SLICE_LIT("z"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = fuzz_copy(data, size);
    struct buf errors = BUF_EMPTY, text = BUF_EMPTY;
    struct slice bytes = slice_of(copy, size);
    struct dist_file file = { .set = NULL };
    int err = dist_file_read(bytes, "f", &file, &errors);

    assert((err == 0) == (errors.len == 0));
    for (size_t i = 0; i < file.entries_n; i++)
        (void)(fuzz_touch(file.entries[i].key) + fuzz_touch(file.entries[i].value) +
               file.entries[i].value.data[file.entries[i].value.len]);
    if (file.set != NULL) {
        dist_set_write(&text, file.set);
        again(file.set, buf_slice(&text), "canonical");
        buf_clear(&text);
        bool shown = dist_set_show(&text, file.set);
        assert(shown);
        again(file.set, buf_slice(&text), "shown");
        look_up(file.set, bytes);
    }
    dist_file_free(&file);
    buf_free(&errors);
    buf_free(&text);
    free(copy);
    return 0;
}
