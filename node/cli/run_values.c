#include "node/cli/run_values.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "node/cli/cli.h"
#include "node/cli/run_options.h"
#include "node/io/origin_files.h"
#include "node/store/store.h"
#include "proto/base/err.h"

#define TTL_MAX_S (INT64_C(100) * 365 * 86400)

/* file:///PATH or dir:PATH; the path as the kernel has it, without links and dots. 0, or what is wrong; 1: it is
 * neither. */
static int read_directory(const char *text, struct run_options *o, struct buf *why)
{
    bool file = strncmp(text, "file:", 5) == 0;

    if (!file && strncmp(text, "dir:", 4) != 0)
        return 1;
    const char *path = file ? text + strlen("file:") + strspn(text + strlen("file:"), "/") - 1 : text + strlen("dir:");
    char *whole = realpath(path, NULL);
    bool fits = whole != NULL && strlen(whole) < sizeof(o->directory);
    if (file && path != text + strlen("file://"))
        buf_add_str(why, "a file: origin is file:///PATH, with three slashes; dir:PATH may be relative.");
    else if (!fits)
        buf_addf(why, "the directory %s cannot be used: %s.", path,
                 whole == NULL ? strerror(errno) : "its path is too long");
    else
        snprintf(o->directory, sizeof(o->directory), "%s", whole);
    free(whole);
    o->origin_text = text;
    return o->directory[0] != 0 ? 0 : MESH_E_SYNTAX;
}

/* Both what was written and its parts: struct run_options holds them side by side. */
int run_read_origin(const char *text, void *field, struct buf *why)
{
    struct run_options *o = field;
    const char *fault;

    int err = read_directory(text, o, why);
    if (err <= 0)
        return err;
    err = origin_url_parse(slice_str(text), &o->origin, &fault);
    if (err != 0) {
        buf_addf(why, "%s. An origin is such as http://origin.example.net or http://10.0.0.7:8000/site.", fault);
        return err;
    }
    o->origin_text = text;
    return 0;
}

int run_read_memory(const char *text, void *field, struct buf *why)
{
    uint64_t *bytes = field;
    int err = option_size(text, bytes, why);

    if (err == 0 && *bytes < 65536) {
        buf_add_str(why, "must be 64KiB at least.");
        err = MESH_E_RANGE;
    }
    return err;
}

int run_read_disk(const char *text, void *field, struct buf *why)
{
    uint64_t *bytes = field;
    int err = strcmp(text, "0") == 0 ? 0 : option_size(text, bytes, why);

    if (err == 0 && *bytes != 0 && (*bytes < STORE_LIMIT_MIN || *bytes > STORE_LIMIT_MAX)) {
        buf_add_str(why, "must be 8MiB at least and 4TiB at most, or 0 for none.");
        err = MESH_E_RANGE;
    }
    return err;
}

static int read_seconds(const char *text, int64_t *out, const char *fault, struct buf *why)
{
    uint64_t s;

    if (slice_u64(slice_str(text), &s) != 0 || s > (uint64_t)TTL_MAX_S) {
        buf_add_str(why, fault);
        return MESH_E_SYNTAX;
    }
    *out = (int64_t)s;
    return 0;
}

int run_read_default_ttl(const char *text, void *field, struct buf *why)
{
    if (strcmp(text, "heuristic") == 0) {
        *(int64_t *)field = TTL_HEURISTIC;
        return 0;
    }
    return read_seconds(text, field, "must be whole seconds, such as 86400, or the word heuristic.", why);
}

int run_read_error_ttl(const char *text, void *field, struct buf *why)
{
    return read_seconds(text, field, "must be whole seconds, such as 10; 0 keeps no error.", why);
}

int run_read_set_cookie(const char *text, void *field, struct buf *why)
{
    static const char *const words[] = {
        [SET_COOKIE_PRIVATE] = "private", [SET_COOKIE_STRIP] = "strip", [SET_COOKIE_KEEP] = "keep"
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(text, words[i]) == 0) {
            *(enum set_cookie *)field = (enum set_cookie)i;
            return 0;
        }
    }
    buf_add_str(why, "must be private, strip or keep.");
    return MESH_E_SYNTAX;
}

int run_read_viewer_control(const char *text, void *field, struct buf *why)
{
    bool obey = strcmp(text, "obey") == 0;

    if (!obey && strcmp(text, "ignore") != 0) {
        buf_add_str(why, "must be ignore or obey.");
        return MESH_E_SYNTAX;
    }
    *(bool *)field = obey;
    return 0;
}

int run_read_audit(const char *text, void *field, struct buf *why)
{
    uint64_t n;

    if (slice_u64(slice_str(text), &n) != 0 || n > UINT32_MAX) {
        buf_add_str(why, "must be a whole number, such as 1000; 0 compares nothing.");
        return MESH_E_SYNTAX;
    }
    *(uint32_t *)field = (uint32_t)n;
    return 0;
}

int run_read_region(const char *text, void *field, struct buf *why)
{
    if (!cert_zone_ok(slice_str(text)) || strchr(text, '/') != NULL) {
        buf_add_str(why,
                    "must be a region, which is what stands before the / of a zone, such as eu; or none, or auto.");
        return MESH_E_SYNTAX;
    }
    *(const char **)field = text;
    return 0;
}

/* As Host fields are compared: lower case, no final dot. */
int run_read_domain(const char *text, void *field, struct buf *why)
{
    char *domain = field;
    struct slice name = slice_str(text);
    bool ok = true;

    if (name.len > 1 && name.data[name.len - 1] == '.')
        name.len--;
    ok = name.len > 0 && name.len < DNS_DOMAIN_MAX;
    for (size_t i = 0, label = 0; ok && i <= name.len; i++) {
        char c = i < name.len ? (char)name.data[i] : '.';
        bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
        ok = word || (c == '.' && label > 0);
        label = word ? label + 1 : 0;
        ok = ok && label <= 63;
        domain[i] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    domain[ok ? name.len : 0] = 0;
    if (!ok)
        buf_addf(why, "must be a domain of at most %d bytes, such as cdn.example.com.", DNS_DOMAIN_MAX - 1);
    return ok ? 0 : MESH_E_SYNTAX;
}

int run_read_dns(const char *text, void *field, struct buf *why)
{
    struct option_addrs *out = field;
    struct option_addr one = { .given = false };
    int err = option_listen(text, &one, why);

    if (err != 0)
        return err;
    if (out->n == DNS_LISTEN_MAX) {
        buf_addf(why, "is one too many: %d are the limit.", DNS_LISTEN_MAX);
        return MESH_E_FULL;
    }
    out->at[out->n++] = one.addr;
    return 0;
}

int run_read_dns_zone(const char *text, void *field, struct buf *why)
{
    struct option_domains *out = field;

    if (out->n == DNS_ZONES_MAX - 1) {
        buf_addf(why, "is one too many: %d are the limit.", DNS_ZONES_MAX - 1);
        return MESH_E_FULL;
    }
    int err = run_read_domain(text, out->at[out->n], why);
    for (size_t i = 0; err == 0 && i < out->n; i++) {
        if (strcmp(out->at[i], out->at[out->n]) == 0) {
            buf_add_str(why, "is given twice: once is enough.");
            return MESH_E_EXISTS;
        }
    }
    out->n += err == 0;
    return err;
}

int run_read_dns_threads(const char *text, void *field, struct buf *why)
{
    uint64_t n;

    if (slice_u64(slice_str(text), &n) != 0 || n < 1 || n > DNS_THREADS_MAX) {
        buf_addf(why, "must be a number from 1 to %d.", DNS_THREADS_MAX);
        return MESH_E_RANGE;
    }
    *(uint32_t *)field = (uint32_t)n;
    return 0;
}

int run_read_workers(const char *text, void *field, struct buf *why)
{
    uint64_t n;

    if (slice_u64(slice_str(text), &n) != 0 || n < 1 || n > WORKERS_MAX) {
        buf_addf(why, "must be a number from 1 to %d.", WORKERS_MAX);
        return MESH_E_RANGE;
    }
    *(uint32_t *)field = (uint32_t)n;
    return 0;
}

int run_read_policy(const char *text, void *field, struct buf *why)
{
    bool modern = strcmp(text, "modern") == 0;

    if (!modern && strcmp(text, "intermediate") != 0) {
        buf_add_str(why, "must be intermediate (TLS 1.2 and 1.3) or modern (TLS 1.3 alone).");
        return MESH_E_SYNTAX;
    }
    *(enum tls_policy *)field = modern ? TLS_MODERN : TLS_INTERMEDIATE;
    return 0;
}

int run_read_attempts(const char *text, void *field, struct buf *why)
{
    uint64_t n;

    if (slice_u64(slice_str(text), &n) != 0 || n < 1 || n > 3) {
        buf_add_str(why, "must be 1, 2 or 3.");
        return MESH_E_RANGE;
    }
    *(uint32_t *)field = (uint32_t)n;
    return 0;
}

int run_read_origin_client(const char *text, void *field, struct buf *why)
{
    if (!origin_file_name_ok(slice_str(text))) {
        buf_add_str(why, "must be a name of letters, digits, dots, - and _, not a path.");
        return MESH_E_SYNTAX;
    }
    *(const char **)field = text;
    return 0;
}

int run_read_methods(const char *text, void *field, struct buf *why)
{
    struct run_options *o = field;

    o->methods_given = true;
    return option_methods(text, &o->methods, why);
}

int run_read_s3_region(const char *text, void *field, struct buf *why)
{
    bool ok = text[0] != 0 && strlen(text) <= DIST_REGION_MAX;

    for (const char *p = text; *p != 0 && ok; p++)
        ok = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || *p == '-' || *p == '_';
    if (!ok) {
        buf_add_str(why, "must be a region as the bucket's service calls it, such as eu-central-1.");
        return MESH_E_SYNTAX;
    }
    *(const char **)field = text;
    return 0;
}

int run_read_dns_servers(const char *text, void *field, struct buf *why)
{
    if (!resolve_servers_ok(slice_str(text))) {
        buf_add_str(
            why, "must be one to four addresses with ports, such as 10.0.0.53:53 or [2001:db8::53]:53,10.0.0.53:53.");
        return MESH_E_SYNTAX;
    }
    *(const char **)field = text;
    return 0;
}

/* FILE[:PROFILE]; a profile's name has no slash, so a colon in a folder's name is none of ours. */
int run_read_s3_credentials(const char *text, void *field, struct buf *why)
{
    struct run_options *o = field;
    const char *colon = strrchr(text, ':');
    bool named = colon != NULL && colon[1] != 0 && strchr(colon, '/') == NULL;
    struct slice path = named ? slice_of(text, (size_t)(colon - text)) : slice_str(text);
    struct slice profile = named ? slice_str(colon + 1) : SLICE_LIT("default");

    if (path.len == 0 || path.len >= sizeof(o->s3_path) || profile.len >= sizeof(o->s3_profile)) {
        buf_add_str(why, "must be a file, or a file and one of its profiles, such as /etc/hedgerow/keys:cdn.");
        return MESH_E_SYNTAX;
    }
    o->s3_profile_given = named;
    snprintf(o->s3_path, sizeof(o->s3_path), "%.*s", SLICE_FMT(path));
    snprintf(o->s3_profile, sizeof(o->s3_profile), "%.*s", SLICE_FMT(profile));
    return 0;
}

int run_read_s3_signing(const char *text, void *field, struct buf *why)
{
    static const char *const words[] = {
        [DIST_SIGN_ALWAYS] = "always", [DIST_SIGN_NO_OVERRIDE] = "no-override", [DIST_SIGN_NEVER] = "never"
    };
    struct run_options *o = field;

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(text, words[i]) == 0) {
            o->s3_signing = (enum dist_sign)i;
            o->s3_signing_given = true;
            return 0;
        }
    }
    buf_add_str(why, "must be always, never or no-override.");
    return MESH_E_SYNTAX;
}

int run_read_access_format(const char *text, void *field, struct buf *why)
{
    if (access_format_read(field, slice_str(text)))
        return 0;
    buf_add_str(why, "must be json, cloudfront or combined.");
    return MESH_E_RANGE;
}

int run_read_purge_from(const char *text, void *field, struct buf *why)
{
    const char *fault;
    int err = purge_from_parse(field, slice_str(text), &fault);

    if (err != 0)
        buf_addf(why, "%s.", fault);
    return err;
}
