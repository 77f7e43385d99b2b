/* sign.h - the half of hedgerow sign that judges what others signed, as a node would. */
#ifndef HEDGEROW_CLI_SIGN_H
#define HEDGEROW_CLI_SIGN_H

#include "node/cli/options.h"

struct sign_check {
    bool wanted, no_sha1;
    const char *cookie, *from; /* NULL: none; 192.0.2.1 */
    int64_t at_s;
};

/* sign_check prints the verdict on |url|, asked for with |check|'s cookie and address, where the public key in |pem|
 * (of the file |key|) counts as |key_id|, or, where that is NULL, as the id that the request says. Returns how the
 * process ends: CLI_OK, it is let in; CLI_FAILED, it is not; or CLI_CONFIG, CLI_USAGE. */
int sign_check(const char *command, const char *url, const char *key, const char *key_id,
               const struct sign_check *check, struct slice pem, bool json);

#endif
