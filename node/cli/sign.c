/* hedgerow sign: signed URLs, signed cookies and tokens; keys for them; and what a node would say of one. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "node/cli/cli.h"
#include "node/cli/files.h"
#include "node/cli/ledger.h"
#include "node/cli/sign.h"
#include "node/signed/signing.h"
#include "proto/base/err.h"

#define NO_TIME INT64_MIN

struct new_key {
    bool wanted;
    enum signer_kind kind;
};

struct sign_options {
    const char *key, *key_id, *resource, *prefix, *address, *out;
    struct sign_check check;
    int64_t ends_s, starts_s;
    struct new_key new_key;
    bool sha1, cookies, json;
};

/* A time to come: a date, Unix time, or how long from now. */
static int read_when(const char *text, void *field, struct buf *why)
{
    mesh_ns from_now;
    struct buf ignored = BUF_EMPTY;
    bool ok = ledger_time_read(text, field);

    if (!ok && option_duration(text, &from_now, &ignored) == 0) {
        *(int64_t *)field = (int64_t)time(NULL) + (from_now + SEC(1) - 1) / SEC(1);
        ok = true;
    }
    buf_free(&ignored);
    if (ok)
        return 0;
    buf_add_str(why,
                "must be a date such as 2030-12-31 or 2030-12-31T12:00:00Z, Unix time, or from now on: 90s, 15m, 12h.");
    return MESH_E_SYNTAX;
}

static int read_hash(const char *text, void *field, struct buf *why)
{
    *(bool *)field = strcmp(text, "sha1") == 0;
    if (*(bool *)field || strcmp(text, "sha256") == 0)
        return 0;
    buf_add_str(why, "must be sha256 or sha1.");
    return MESH_E_SYNTAX;
}

static int read_new_key(const char *text, void *field, struct buf *why)
{
    static const char *const kinds[] = { [SIGNER_RSA] = "rsa", [SIGNER_P256] = "p256", [SIGNER_ED25519] = "ed25519" };
    struct new_key *n = field;

    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(text, kinds[i]) == 0) {
            *n = (struct new_key){ true, (enum signer_kind)i };
            return 0;
        }
    }
    buf_add_str(why, "must be ed25519 (tokens), p256 or rsa (CloudFront's format).");
    return MESH_E_SYNTAX;
}

#define FIELD(name) offsetof(struct sign_options, name)
static const struct option options[] = {
    { "--key", "FILE", "the private key, in PEM; with --check the public one", option_text, FIELD(key), false },
    { "--key-id", "ID", "its id in the distribution, 24 characters at most for tokens", option_text, FIELD(key_id),
      false },
    { "--expires", "TIME", "until when: 2030-12-31T12:00:00Z, Unix time, or from now on: 90s, 15m, 12h", read_when,
      FIELD(ends_s), false },
    { "--starts", "TIME", "not before; makes a custom policy", read_when, FIELD(starts_s), false },
    { "--address", "NETWORK", "only for viewers of this address or network; makes a custom policy", option_text,
      FIELD(address), false },
    { "--resource", "PATTERN", "for all URLs that this fits, with * and ?: https://HOST/films/*; makes a custom policy",
      option_text, FIELD(resource), false },
    { "--prefix", "PATH", "token: for all URLs whose path begins so", option_text, FIELD(prefix), false },
    { "--hash", "NAME", "sha256, or sha1 for old verifiers (sha256)", read_hash, FIELD(sha1), false },
    { "--cookies", NULL, "print cookies, one a line, in place of the URL", NULL, FIELD(cookies), false },
    { "--new-key", "KIND", "make a key: ed25519, p256 or rsa; with --out", read_new_key, FIELD(new_key), false },
    { "--out", "FILE", "the private key goes there, the public one to FILE.pub", option_text, FIELD(out), false },
    { "--check", NULL, "say whether a node would let this URL in, and if not, why", NULL, FIELD(check.wanted), false },
    { "--cookie", "TEXT", "with --check: what the viewer's Cookie field says", option_text, FIELD(check.cookie),
      false },
    { "--from", "ADDRESS", "with --check: the viewer's address (192.0.2.1)", option_text, FIELD(check.from), false },
    { "--at", "TIME", "with --check: when it asks (now)", read_when, FIELD(check.at_s), false },
    { "--no-sha1", NULL, "with --check: as where SHA-1 is forbidden", NULL, FIELD(check.no_sha1), false },
    { "--json", NULL, "print JSON", NULL, FIELD(json), false },
};

static const struct command_line line = {
    .command = "sign",
    .synopsis = "URL --key FILE --key-id ID --expires TIME [flags]  or  --new-key KIND --out FILE  or  URL --check",
    .about = "Signs a URL: with an RSA or P-256 key as CloudFront has it, with an Ed25519 key as a short token.\n"
             "What is printed is the URL as viewers are to ask for it.",
    .options = options,
    .options_n = sizeof(options) / sizeof(options[0]),
    .args_max = 1,
    .args_what = "the URL",
};

static void print_json(json_t *j)
{
    json_dumpf(j, stdout, 0);
    putchar('\n');
    json_decref(j);
}

/* The id that is proposed for a new key: of the key itself. */
static void propose_id(struct slice pem, char id[16])
{
    struct digest d;

    digest_one(&d, pem);
    id[0] = 'K';
    for (unsigned i = 0; i < 7; i++)
        snprintf(id + 1 + 2 * i, 3, "%02X", d.bytes[i]);
}

static int write_pair(const char *out, struct slice secret, struct slice public)
{
    char beside[4096];
    struct stat st;

    if ((size_t)snprintf(beside, sizeof(beside), "%s.pub", out) >= sizeof(beside))
        return cli_fail(CLI_USAGE, line.command, "--out is too long.");
    if (lstat(out, &st) == 0 || lstat(beside, &st) == 0)
        return cli_fail(CLI_FAILED, line.command, "%s or %s exists and is never overwritten.", out, beside);
    int err = files_create(beside, public);
    if (err == 0)
        err = files_create(out, secret);
    return err == 0 ? CLI_OK : cli_fail(CLI_FAILED, line.command, "cannot write %s: %s.", out, strerror(err));
}

static int new_key(const struct sign_options *o)
{
    struct buf secret = BUF_EMPTY, public = BUF_EMPTY;
    struct signing_key *k = NULL;
    char id[16];
    int code;

    if (o->out == NULL)
        return cli_fail(CLI_USAGE, line.command, "--out is missing: the file for the private key.");
    if (signing_key_new(&k, o->new_key.kind) != 0 || signing_key_pem(k, &secret, &public) != 0)
        code = cli_fail(CLI_FAILED, line.command, "cannot make a key: no memory or no randomness.");
    else if ((code = write_pair(o->out, buf_slice(&secret), buf_slice(&public))) == CLI_OK) {
        propose_id(buf_slice(&public), id);
        if (o->json)
            print_json(json_pack("{s:s, s:s, s:s%}", "key_id", id, "file", o->out, "public", public.data, public.len));
        else
            printf("%s holds the private key: it stays with who signs.\n"
                   "%s.pub is for the distribution, there as the key %s, or any id of yours.\n",
                   o->out, o->out, id);
    }
    signing_key_free(k);
    files_wipe(&secret);
    buf_free(&public);
    return code;
}

static json_t *json_text(const struct buf *b)
{
    return json_stringn((const char *)b->data, b->len);
}

static void report(const struct sign_options *o, struct slice url, const struct signing_made *m)
{
    struct buf text = BUF_EMPTY;
    json_t *cookies = json_object();

    if (o->json) {
        signing_url(&text, url, m);
        for (size_t i = 0; i < m->n; i++) {
            struct buf pair = BUF_EMPTY;
            signing_cookie(&pair, m, i);
            json_object_setn_new(cookies, (const char *)pair.data, pair.len - m->part[i].value.len - 1,
                                 json_text(&m->part[i].value));
            buf_free(&pair);
        }
        print_json(json_pack("{s:o, s:o, s:I, s:o}", "url", json_text(&text), "cookies", json_incref(cookies),
                             "expires", (json_int_t)o->ends_s, "signed", json_text(&m->policy)));
    } else {
        if (!o->cookies)
            signing_url(&text, url, m);
        for (size_t i = 0; o->cookies && i < m->n; i++) {
            if (i > 0)
                buf_add_u8(&text, '\n');
            signing_cookie(&text, m, i);
        }
        printf("%.*s\n", SLICE_FMT(buf_slice(&text)));
    }
    json_decref(cookies);
    buf_free(&text);
}

static struct slice maybe(const char *text)
{
    return text != NULL ? slice_str(text) : SLICE_EMPTY;
}

static int sign(const char *url, const struct sign_options *o, struct slice pem)
{
    struct signing_wish wish = { .url = slice_str(url),
                                 .key_id = slice_str(o->key_id),
                                 .ends_s = o->ends_s,
                                 .starts_s = o->starts_s == NO_TIME ? -1 : o->starts_s,
                                 .net = maybe(o->address),
                                 .resource = maybe(o->resource),
                                 .prefix = maybe(o->prefix),
                                 .sha256 = !o->sha1 };
    struct signing_made made = { .n = 0 };
    struct buf why = BUF_EMPTY;
    struct signing_key *k;
    int code = CLI_OK;

    if (signing_key_read(&k, pem, &why) != 0)
        code = cli_fail(CLI_CONFIG, line.command, "%s %.*s.", o->key, SLICE_FMT(buf_slice(&why)));
    else if (signing_make(&made, k, &wish, &why) != 0)
        code = cli_fail(CLI_USAGE, line.command, "%.*s.", SLICE_FMT(buf_slice(&why)));
    else
        report(o, wish.url, &made);
    signing_fini(&made);
    signing_key_free(k);
    buf_free(&why);
    return code;
}

static int with_key(const char *url, const struct sign_options *o)
{
    struct buf pem = BUF_EMPTY;
    int err = files_read(o->key, SIGNERS_PEM_MAX, &pem), code;

    if (err != 0)
        return cli_fail(CLI_CONFIG, line.command, "cannot read the key %s: %s.", o->key, strerror(err));
    code = o->check.wanted ? sign_check(line.command, url, o->key, o->key_id, &o->check, buf_slice(&pem), o->json)
                           : sign(url, o, buf_slice(&pem));
    files_wipe(&pem);
    return code;
}

int cli_sign(int argc, char *const *argv)
{
    struct sign_options o = { .ends_s = NO_TIME, .starts_s = NO_TIME, .check = { .at_s = NO_TIME } };
    const char *url;
    int code;

    if (!cli_options(&line, argc, argv, &o, &url, &code))
        return code;
    if (crypto_start() != 0)
        return cli_fail(CLI_FAILED, line.command, "the system gives no random numbers.");
    if (o.new_key.wanted)
        return new_key(&o);
    if (url == NULL)
        return cli_fail(CLI_USAGE, line.command, "what is to be signed? hedgerow sign https://HOST/PATH ...");
    if (o.key == NULL)
        return cli_fail(CLI_USAGE, line.command, "--key is missing: the file with the %s key. --new-key makes one.",
                        o.check.wanted ? "public" : "private");
    if (o.check.wanted) {
        if (o.check.at_s == NO_TIME)
            o.check.at_s = (int64_t)time(NULL);
        return with_key(url, &o);
    }
    if (o.key_id == NULL)
        return cli_fail(CLI_USAGE, line.command, "--key-id is missing: what the distribution calls this key.");
    if (o.ends_s == NO_TIME)
        return cli_fail(CLI_USAGE, line.command, "--expires is missing: until when, such as --expires 12h.");
    return with_key(url, &o);
}
