#include "node/cli/admin_call.h"

#include <errno.h>
#include <string.h>

#include "node/cli/cli.h"
#include "node/cli/files.h"
#include "node/cli/http_get.h"

#define ANSWER_TIME SEC(10)
#define TOKEN_MAX   1024

struct admin_call admin_call_usual(void)
{
    return (struct admin_call){ .admin.addr = mesh_addr_v4(0x7f000001, 7401),
                                .token_file = "hedgerow-data/admin.token" };
}

int admin_token(const char *command, const char *path, struct buf *text)
{
    int err = files_read(path, TOKEN_MAX, text);

    if (err != 0)
        return cli_fail(CLI_CONFIG, command,
                        "cannot read the token %s: %s. It is in the node's --data: --token-file FILE", path,
                        strerror(err));
    for (size_t i = 0; i < text->len; i++) {
        if (text->data[i] < 0x21 || text->data[i] > 0x7e) {
            text->len = i;
            break;
        }
    }
    buf_add_u8(text, 0);
    return buf_ok(text) ? CLI_OK : cli_fail(CLI_FAILED, command, "out of memory.");
}

static struct slice first_line(struct slice text)
{
    struct slice line = SLICE_EMPTY;

    slice_split(&text, '\n', &line);
    return line;
}

int admin_call(const struct admin_call *call, const char *command, const char *path, struct slice body, struct buf *out)
{
    struct buf token = BUF_EMPTY, why = BUF_EMPTY;
    char addr[MESH_ADDR_TEXT_MAX];
    struct http_get got = { .raw = BUF_EMPTY, .body = BUF_EMPTY };
    int code = admin_token(command, call->token_file, &token);

    mesh_addr_text(&call->admin.addr, addr);
    if (code != CLI_OK)
        goto out;
    if (http_post(&got, &call->admin.addr, path, (const char *)token.data, body, ANSWER_TIME, &why) != 0)
        code = cli_fail(CLI_FAILED, command,
                        "no answer from %s: %.*s. Does a node run there? --admin names another address.", addr,
                        SLICE_FMT(buf_slice(&why)));
    else if (got.status == 422 && got.body.len > 0) /* a line for each thing that is wrong; the last line end is ours */
        code = cli_fail(CLI_FAILED, command, "%s answered %u:\n%.*s", addr, got.status, (int)got.body.len - 1,
                        (const char *)got.body.data);
    else if (got.status != 200 && got.status != 202)
        code = cli_fail(CLI_FAILED, command, "%s answered %u: %.*s", addr, got.status,
                        SLICE_FMT(first_line(buf_slice(&got.body))));
    else
        buf_add_slice(out, buf_slice(&got.body));
out:
    http_get_free(&got);
    files_wipe(&token);
    buf_free(&why);
    return code;
}
