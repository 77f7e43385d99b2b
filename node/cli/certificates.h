/* certificates.h - the files of --certificate: what viewers over https are shown. Each word is one of
 *
 *   CERT,KEY  two PEM files: the chain, its own certificate first, and its key
 *   FILE      one PEM file with both
 *   DIR       all that lie in a directory, in the order of their names: NAME.crt or NAME.pem beside NAME.key, and
 *             directories with fullchain.pem and privkey.pem, as certbot makes them; or it is such a one itself
 *
 * The first of all is for viewers who ask for no name, or for one that nobody has. */
#ifndef HEDGEROW_CLI_CERTIFICATES_H
#define HEDGEROW_CLI_CERTIFICATES_H

#include "node/cli/options.h"
#include "node/tls/tls.h"

#define CERTIFICATE_FILE_MAX (64u << 10)

/* certificates_read is tls_certs_new (tls.h) of what lies there now: owned, or NULL with |why|; with a set, |why| may
 * have warnings, which a key that all users of the host can read gets, too. */
struct tls_certs *certificates_read(const struct option_hosts *words, enum tls_policy policy,
                                    const struct tls_certs *before, int64_t now_s, struct buf *why);

#endif
