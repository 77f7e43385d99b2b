/* run_values.h - the values of hedgerow run's flags, read: each as an option's |read| (options.h), into the field of
 * struct run_options that the table in run_options.c names. 0, or a negative code with a sentence for people in |why|.
 */
#ifndef HEDGEROW_CLI_RUN_VALUES_H
#define HEDGEROW_CLI_RUN_VALUES_H

#include "proto/base/buf.h"

int run_read_origin(const char *text, void *field, struct buf *why);
int run_read_memory(const char *text, void *field, struct buf *why);
int run_read_disk(const char *text, void *field, struct buf *why);
int run_read_default_ttl(const char *text, void *field, struct buf *why);
int run_read_error_ttl(const char *text, void *field, struct buf *why);
int run_read_set_cookie(const char *text, void *field, struct buf *why);
int run_read_viewer_control(const char *text, void *field, struct buf *why);
int run_read_audit(const char *text, void *field, struct buf *why);
int run_read_region(const char *text, void *field, struct buf *why);
int run_read_domain(const char *text, void *field, struct buf *why);
int run_read_dns(const char *text, void *field, struct buf *why);
int run_read_dns_zone(const char *text, void *field, struct buf *why);
int run_read_dns_threads(const char *text, void *field, struct buf *why);
int run_read_workers(const char *text, void *field, struct buf *why);
int run_read_policy(const char *text, void *field, struct buf *why);
int run_read_attempts(const char *text, void *field, struct buf *why);
int run_read_origin_client(const char *text, void *field, struct buf *why);
int run_read_methods(const char *text, void *field, struct buf *why);
int run_read_s3_region(const char *text, void *field, struct buf *why);
int run_read_dns_servers(const char *text, void *field, struct buf *why);
int run_read_s3_credentials(const char *text, void *field, struct buf *why);
int run_read_s3_signing(const char *text, void *field, struct buf *why);
int run_read_access_format(const char *text, void *field, struct buf *why);
int run_read_purge_from(const char *text, void *field, struct buf *why);

#endif
