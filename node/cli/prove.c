/* hedgerow prove: who fetched the bytes of a URL, when and from where. A node hands out what proves it; everything is
 * checked here, by the authorities that a node file names. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "node/cli/cli.h"
#include "node/cli/files.h"
#include "node/cli/http_get.h"
#include "node/cli/ledger.h"
#include "node/core/prove.h"
#include "node/core/purge_calls.h"
#include "proto/base/err.h"

#define ANSWER_TIME SEC(30)

struct prove_options {
    struct option_addr admin, http;
    const char *node_file, *body;
    bool json;
};

static const struct option options[] = {
    { "--node-file", "FILE", "a node file of the mesh: its authorities are those that count", option_text,
      offsetof(struct prove_options, node_file), false },
    { "--admin", "ADDR:PORT", "the admin address of a node that has the copy (127.0.0.1:7401)", option_listen,
      offsetof(struct prove_options, admin), false },
    { "--body", "FILE", "the bytes as they were downloaded; without it they are downloaded", option_text,
      offsetof(struct prove_options, body), false },
    { "--http", "ADDR:PORT", "where that is done (127.0.0.1:8080)", option_listen, offsetof(struct prove_options, http),
      false },
    { "--json", NULL, "print it for programs", NULL, offsetof(struct prove_options, json), false },
};

static const struct command_line line = {
    .command = "prove",
    .synopsis = "URL --node-file FILE [flags]",
    .about = "Says which node fetched the bytes of a URL, when and from which origin, and checks that: authority,\n"
             "certificate, head, leaf hashes, bytes. Any node that has a copy can be asked, and none need be\n"
             "trusted. Ends with 0 when all holds, with 1 when not. The bytes are those without a coding, as\n"
             "a client gets them that sends no Accept-Encoding.",
    .options = options,
    .options_n = sizeof(options) / sizeof(options[0]),
    .args_min = 1,
    .args_max = 1,
    .args_what = "the URL",
};

/* What came from the node, decoded. */
struct received {
    json_t *root;
    struct buf head, cert;
    struct digest *hashes;
    struct leaf_batch *batches;
    struct proof proof;
    struct proof_claims claims;
};

static void received_free(struct received *r)
{
    json_decref(r->root);
    buf_free(&r->head);
    buf_free(&r->cert);
    free(r->hashes);
    free(r->batches);
}

/* ---- reading ---- */

static bool get_hex(const json_t *value, struct buf *out)
{
    const char *text = json_string_value(value);
    size_t len = text != NULL ? strlen(text) : 1;

    if (len % 2 != 0)
        return false;
    for (size_t i = 0; i < len; i += 2) {
        int high = hex_digit((uint8_t)text[i]), low = hex_digit((uint8_t)text[i + 1]);
        if (high < 0 || low < 0)
            return false;
        buf_add_u8(out, (uint8_t)(high << 4 | low));
    }
    return buf_ok(out);
}

static bool get_fixed(const json_t *value, uint8_t *out, size_t n)
{
    struct buf b = BUF_EMPTY;
    bool ok = get_hex(value, &b) && b.len == n;

    if (ok)
        memcpy(out, b.data, n);
    buf_free(&b);
    return ok;
}

static bool get_number(const json_t *root, const char *name, uint64_t most, uint64_t *out)
{
    const json_t *value = json_object_get(root, name);

    *out = (uint64_t)json_integer_value(value);
    return json_is_integer(value) && json_integer_value(value) >= 0 && *out <= most;
}

static bool get_hashes(struct received *r)
{
    const json_t *list = json_object_get(r->root, "hashes");
    size_t n = json_array_size(list);

    if (!json_is_array(list) || (n > 0 && (r->hashes = calloc(n, sizeof(*r->hashes))) == NULL))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!get_fixed(json_array_get(list, i), r->hashes[i].bytes, DIGEST_BYTES))
            return false;
    }
    r->proof.hashes = r->hashes;
    r->proof.hashes_n = n;
    return true;
}

static bool get_batches(struct received *r)
{
    const json_t *list = json_object_get(r->root, "batches");
    size_t n = json_array_size(list);
    uint64_t first, count;

    if (!json_is_array(list) || (n > 0 && (r->batches = calloc(n, sizeof(*r->batches))) == NULL))
        return false;
    for (size_t i = 0; i < n; i++) {
        const json_t *one = json_array_get(list, i);
        struct leaf_batch *b = &r->batches[i];
        if (!get_number(one, "first", UINT32_MAX, &first) || !get_number(one, "count", LEAF_BATCH_MAX, &count) ||
            !get_number(one, "length", LEAF_BODY_MAX, &b->length) ||
            !get_fixed(json_object_get(one, "signature"), b->sig, SIGNATURE_BYTES))
            return false;
        b->first = (uint32_t)first;
        b->count = (uint32_t)count;
        b->final = json_is_true(json_object_get(one, "final"));
    }
    r->proof.batches = r->batches;
    r->proof.batches_n = n;
    return true;
}

static struct slice get_text(const json_t *root, const char *name)
{
    const json_t *value = json_object_get(root, name);

    return json_is_string(value) ? slice_of(json_string_value(value), json_string_length(value)) : SLICE_EMPTY;
}

static bool read_proof(struct received *r, struct slice text)
{
    if ((r->root = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, NULL)) == NULL ||
        !get_hex(json_object_get(r->root, "head"), &r->head) || !get_hex(json_object_get(r->root, "cert"), &r->cert) ||
        !get_fixed(json_object_get(r->root, "signature"), r->proof.sig, SIGNATURE_BYTES) ||
        !get_number(r->root, "length", LEAF_BODY_MAX, &r->proof.length) || !get_hashes(r) || !get_batches(r))
        return false;
    r->proof.one = json_is_true(json_object_get(r->root, "one"));
    r->proof.head = buf_slice(&r->head);
    r->proof.cert = buf_slice(&r->cert);
    r->claims.distribution = get_text(r->root, "distribution");
    r->claims.origin = get_text(r->root, "origin");
    return true;
}

/* ---- asking ---- */

static int get(const struct mesh_addr *addr, const char *path, struct http_get *got)
{
    struct buf why = BUF_EMPTY;
    char text[MESH_ADDR_TEXT_MAX];
    int code = CLI_OK;

    if (http_get(got, addr, path, NULL, ANSWER_TIME, &why) != 0)
        code = cli_fail(CLI_FAILED, line.command, "%s does not answer: %.*s", mesh_addr_text(addr, text),
                        SLICE_FMT(buf_slice(&why)));
    buf_free(&why);
    return code;
}

static int get_body(const struct prove_options *o, struct slice path, struct buf *out)
{
    struct http_get got = { .raw = BUF_EMPTY, .body = BUF_EMPTY };
    struct buf word = BUF_EMPTY;

    if (o->body != NULL) {
        struct stat st;
        int err = stat(o->body, &st) != 0                    ? errno
                  : (uint64_t)st.st_size > HTTP_GET_BODY_MAX ? EFBIG
                                                             : files_read(o->body, (size_t)st.st_size, out);
        return err == 0 ? CLI_OK : cli_fail(CLI_FAILED, line.command, "%s cannot be read: %s", o->body, strerror(err));
    }
    buf_add_slice(&word, path);
    buf_add_u8(&word, 0);
    int code = buf_ok(&word) ? get(&o->http.addr, (const char *)word.data, &got) : CLI_FAILED;
    if (code == CLI_OK)
        buf_take(out, &got.body);
    http_get_free(&got);
    buf_free(&word);
    return code;
}

static int get_proof(const struct prove_options *o, struct slice path, struct received *r)
{
    struct http_get got = { .raw = BUF_EMPTY, .body = BUF_EMPTY };
    struct buf word = BUF_EMPTY;

    buf_add_str(&word, "/prove?url=");
    for (size_t i = 0; i < path.len; i++) {
        uint8_t c = path.data[i];
        if (c == '%' || c == '&' || c == '+' || c == '#')
            buf_addf(&word, "%%%02X", c);
        else
            buf_add_u8(&word, c);
    }
    buf_add_u8(&word, 0);
    int code = buf_ok(&word) ? get(&o->admin.addr, (const char *)word.data, &got) : CLI_FAILED;
    if (code == CLI_OK && got.status != 200)
        code = cli_fail(CLI_FAILED, line.command, "the node answered %u: %.*s", got.status,
                        SLICE_FMT(slice_trim(slice_head(buf_slice(&got.body), 400))));
    else if (code == CLI_OK && !read_proof(r, buf_slice(&got.body)))
        code = cli_fail(CLI_FAILED, line.command, "the answer is no proof. Is this a node's admin address?");
    http_get_free(&got);
    buf_free(&word);
    return code;
}

/* ---- telling ---- */

static void tell_json(const struct received *r, enum proof_step step, const struct cert *signer,
                      const struct head *head)
{
    char id[NODE_ID_TEXT_MAX];
    json_t *out =
        json_pack("{s:b, s:s?, s:O?, s:O?, s:I}", "holds", (int)(step == PROOF_HOLDS), "failed",
                  step == PROOF_HOLDS ? NULL : proof_step_text(step), "held_by", json_object_get(r->root, "held_by"),
                  "path", json_object_get(r->root, "path"), "length", (json_int_t)r->proof.length);

    if (out != NULL && step > PROOF_CERT)
        json_object_set_new(out, "fetcher",
                            json_pack("{s:s, s:s, s:s}", "name", signer->name, "id", node_id_text(&signer->id, id),
                                      "zone", signer->zone));
    if (out != NULL && step > PROOF_HEAD)
        json_object_set_new(out, "fetched_at", json_integer((json_int_t)head->fetched_s));
    if (out != NULL && step > PROOF_ORIGIN)
        json_object_set(out, "origin", json_object_get(r->root, "origin"));
    if (out != NULL)
        json_dumpf(out, stdout, JSON_COMPACT);
    puts("");
    json_decref(out);
}

/* What holds is told up to the first step that does not. */
static void tell(const struct received *r, enum proof_step step, const struct cert *signer, const struct head *head)
{
    char when[LEDGER_TIME_MAX];

    for (int i = PROOF_CERT; i < PROOF_HOLDS && i <= (int)step; i++)
        printf("  %-4s %s\n", i < (int)step ? "ok" : "NOT", proof_step_text((enum proof_step)i));
    if (step > PROOF_ORIGIN)
        printf("%s (%s) fetched it from %.*s at %s", signer->name, signer->zone, SLICE_FMT(r->claims.origin),
               ledger_time(head->fetched_s, when));
    if (step == PROOF_HOLDS)
        printf(", and these %llu bytes are what it fetched", (unsigned long long)r->proof.length);
    puts(step > PROOF_ORIGIN ? "." : "Who fetched it cannot be proved.");
}

static int judge(const struct prove_options *o, const struct identity *id, struct slice path)
{
    struct received r = { .root = NULL };
    struct buf body = BUF_EMPTY;
    struct cert signer;
    struct head head;
    int code;

    if ((code = get_body(o, path, &body)) == CLI_OK && (code = get_proof(o, path, &r)) == CLI_OK) {
        r.claims.path = path;
        r.claims.body = buf_slice(&body);
        enum proof_step step = proof_check(&r.proof, &id->mesh, &r.claims, &signer, &head);
        if (o->json)
            tell_json(&r, step, &signer, &head);
        else
            tell(&r, step, &signer, &head);
        code = step == PROOF_HOLDS ? CLI_OK : CLI_FAILED;
    }
    received_free(&r);
    buf_free(&body);
    return code;
}

static int read_identity(const char *path, struct identity *id)
{
    struct buf text = BUF_EMPTY;

    if (path == NULL)
        return cli_fail(CLI_USAGE, line.command, "--node-file is missing: whose authorities are to count?");
    int err = files_read(path, NODE_FILE_MAX, &text);
    int code = err != 0 ? cli_fail(CLI_CONFIG, line.command, "%s cannot be read: %s", path, strerror(err))
               : identity_decode(id, buf_slice(&text)) != 0
                   ? cli_fail(CLI_CONFIG, line.command, "%s is no node file.", path)
                   : CLI_OK;
    files_wipe(&text);
    return code;
}

int cli_prove(int argc, char *const *argv)
{
    struct prove_options o = { .admin = { .addr = mesh_addr_v4(0x7f000001, 7401) },
                               .http = { .addr = mesh_addr_v4(0x7f000001, 8080) } };
    static const char *urls[2];
    struct buf path = BUF_EMPTY;
    struct identity id;
    const char *why;
    int code;

    if (!cli_options(&line, argc, argv, &o, urls, &code))
        return code;
    if (purge_read(&path, PURGE_URL, slice_str(urls[0]), &why) != 0) {
        code = cli_fail(CLI_USAGE, line.command, "\"%s\" is no URL: %s.", urls[0], why);
    } else if (crypto_start() != 0) {
        code = cli_fail(CLI_FAILED, line.command, "the system gives no random numbers.");
    } else if ((code = read_identity(o.node_file, &id)) == CLI_OK) {
        code = judge(&o, &id, buf_slice(&path));
        identity_wipe(&id);
    }
    buf_free(&path);
    return code;
}
