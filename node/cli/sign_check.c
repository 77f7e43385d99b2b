#include "node/cli/sign.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "node/cli/cli.h"
#include "node/signed/credential.h"
#include "node/signed/signed.h"
#include "node/signed/url_token.h"

static bool read_request(struct signed_request *out, const char *url, const struct sign_check *check)
{
    struct slice rest = slice_str(url);
    char address[MESH_ADDR_TEXT_MAX];
    const char *from = check->from != NULL ? check->from : "192.0.2.1";

    out->https = strncmp(url, "https://", 8) == 0;
    if (!out->https && strncmp(url, "http://", 7) != 0)
        return false;
    rest = slice_from(rest, out->https ? 8 : 7);
    const uint8_t *slash = rest.len > 0 ? memchr(rest.data, '/', rest.len) : NULL;
    if (slash == NULL)
        return false;
    out->host = slice_head(rest, (size_t)(slash - rest.data));
    out->target = slice_from(rest, out->host.len);
    int len = snprintf(address, sizeof(address), strchr(from, ':') != NULL ? "[%s]:1" : "%s:1", from);
    return len > 0 && len < (int)sizeof(address) && mesh_addr_parse(slice_str(address), &out->address) == 0;
}

/* The id that the request itself says. */
static void said_id(const struct signed_request *r, struct buf *out)
{
    struct buf room = BUF_EMPTY;
    struct credential c;
    struct url_token t;

    if (credential_read(&c, r->target, r->cookies, r->cookies_n, &room) == 0)
        buf_add_slice(out, c.kind == CREDENTIAL_TOKEN && url_token_read(&t, c.token) == 0 ? t.key_id : c.key_id);
    buf_free(&room);
    if (out->len == 0)
        buf_add_str(out, "none");
}

static int print(const struct signed_verdict *v, bool json)
{
    bool ok = v->reason == SIGNED_OK;

    if (json) {
        json_t *j =
            json_pack("{s:b, s:s, s:s, s:s%, s:s%}", "ok", ok, "detail", signed_detail(v->reason), "reason",
                      signed_sentence(v->reason), "key_id", v->key_id.len > 0 ? (const char *)v->key_id.data : "",
                      v->key_id.len, "target", (const char *)v->target.data, v->target.len);
        json_dumpf(j, stdout, 0);
        putchar('\n');
        json_decref(j);
    } else if (ok) {
        printf("Let in, to %.*s.\n", SLICE_FMT(v->target));
    } else {
        printf("Refused: %s\n", signed_sentence(v->reason));
    }
    return ok ? CLI_OK : CLI_FAILED;
}

int sign_check(const char *command, const char *url, const char *key, const char *key_id,
               const struct sign_check *check, struct slice pem, bool json)
{
    struct slice group = SLICE_LIT("all"), id, cookie = check->cookie != NULL ? slice_str(check->cookie) : SLICE_EMPTY;
    struct signed_request r = { .cookies = &cookie,
                                .cookies_n = 1,
                                .wall_s = check->at_s,
                                .groups = &group,
                                .groups_n = 1,
                                .sha1_forbidden = check->no_sha1 };
    struct signed_work *work = calloc(1, sizeof(*work));
    struct signers *s = signers_new();
    struct buf why = BUF_EMPTY, said = BUF_EMPTY;
    struct signed_verdict v;
    int code;

    if (!read_request(&r, url, check)) {
        code = cli_fail(CLI_USAGE, command,
                        "the URL has to be http:// or https:// with a host and a path, --from an address.");
        goto out;
    }
    if (key_id != NULL)
        buf_add_str(&said, key_id);
    else
        said_id(&r, &said);
    id = buf_slice(&said);
    if (work == NULL || s == NULL) {
        code = cli_fail(CLI_FAILED, command, "there is no memory left.");
    } else if (signers_add(s, id, pem, &why) != 0 || signers_group(s, group, &id, 1, &why) != 0) {
        code = cli_fail(CLI_CONFIG, command, "%s as %.*s: %.*s.", key, SLICE_FMT(id), SLICE_FMT(buf_slice(&why)));
    } else {
        signed_check(work, s, &r, &v);
        code = print(&v, json);
    }
out:
    signers_free(s);
    if (work != NULL)
        signed_work_fini(work);
    free(work);
    buf_free(&why);
    buf_free(&said);
    return code;
}
