#include "node/http/proxy_status.h"

#include <assert.h>

#include "node/sf/sf.h"

const char *proxy_error_token(enum proxy_error e)
{
    static const char *const tokens[] = { [PROXY_OK] = "",
#define X(name, token) [PROXY_##name] = (token),
                                          PROXY_ERRORS(X)
#undef X
    };

    assert(e < PROXY_ERRORS_N);
    return tokens[e];
}

static void put_name(struct buf *out, const char *name)
{
    buf_add_str(out, "; ");
    buf_add_str(out, name);
}

void proxy_status_put(struct buf *out, const struct proxy_status *s)
{
    sf_put_word(out, s->name);
    if (s->error != PROXY_OK) {
        put_name(out, "error=");
        buf_add_str(out, proxy_error_token(s->error));
    }
    if (s->next_hop.len > 0) {
        put_name(out, "next-hop=");
        sf_put_word(out, s->next_hop);
    }
    if (s->received_status != 0) {
        put_name(out, "received-status=");
        (void)sf_put_integer(out, s->received_status); /* an unsigned is in range */
    }
    if (s->details.len > 0) {
        put_name(out, "details=");
        sf_put_escaped(out, s->details);
    }
}
