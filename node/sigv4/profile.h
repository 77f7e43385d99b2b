/* profile.h - what a shared credentials file holds for one profile, as AWS's own tools write it:
 *
 *   [default]
 *   aws_access_key_id = AKIDEXAMPLE
 *   aws_secret_access_key = wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY
 *   aws_session_token = ...            (optional)
 *
 * Other names are left alone, lines that begin with # or ; are comments, indented ones belong to the one above. Source:
 * "Configuration and credential file settings" (AWS CLI User Guide). Pure. */
#ifndef HEDGEROW_SIGV4_PROFILE_H
#define HEDGEROW_SIGV4_PROFILE_H

#include "proto/base/buf.h"

#define PROFILE_ID_MAX     128
#define PROFILE_SECRET_MAX 256
#define PROFILE_TOKEN_MAX  8192
#define PROFILE_FILE_MAX   (256u << 10)

struct profile { /* secret: profile_wipe when it is not wanted any more */
    size_t id_len, secret_len, token_len;
    uint8_t id[PROFILE_ID_MAX], secret[PROFILE_SECRET_MAX], token[PROFILE_TOKEN_MAX]; /* token_len 0: none */
};

/* profile_read takes profile |name| out of |text|. 0, or MESH_E_SYNTAX, MESH_E_ABSENT (there is no such profile),
 * MESH_E_MISSING (it lacks the id or the secret) with |*out| wiped and in |why| a sentence that names the line where
 * there is one, and never a value. |*line| is that line, from 1, or 0. */
int profile_read(struct profile *out, struct slice text, struct slice name, size_t *line, struct buf *why);

void profile_wipe(struct profile *p);

#endif
