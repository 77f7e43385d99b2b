#include "node/cli/served.h"

#include <stdio.h>

#include "node/cli/cli.h"
#include "node/core/cache_control.h"
#include "node/dist/dist_make.h"
#include "node/io/buckets.h"
#include "node/io/directory.h"
#include "node/io/origin_files.h"
#include "proto/base/err.h"

#define ORIGINS_LOOKED_AT 64 /* at the start, whether their keys and folders are there */

static const char mesh_text[] = "distributions";

/* Can this node reach what is its own affair of |o|: a folder, keys? False: |why| says what is wrong. */
static bool origin_is_there(struct buckets *keys, const struct dist_origin *o, struct buf *why)
{
    char root[DIST_FOLDER_MAX + 1], fault[NODE_ERROR_MAX];
    bool ready = true;

    if (o->kind == DIST_DIRECTORY) {
        snprintf(root, sizeof(root), "%.*s", SLICE_FMT(o->root));
        if (!(ready = directory_check(root, fault, sizeof(fault))))
            buf_add_str(why, fault);
    } else if (o->kind == DIST_S3 && o->sign != DIST_SIGN_NEVER) {
        const struct bucket *b = buckets_find(keys, o->region, o->credentials, 0, why);
        ready = b != NULL && bucket_ready(b);
    }
    if (!ready && why->len == 0)
        buf_add_str(why, mesh_strerror(MESH_E_NOMEM));
    return ready;
}

/* Of the flags' origin it is wrong when that is missing. A node may serve the rest of many distributions without: it is
 * told of the first ones. */
static int look_at_origins(const struct served *s)
{
    struct buckets *keys = buckets_new(s->o->s3_path[0] != 0 ? s->o->s3_path : NULL);
    int code = keys != NULL ? CLI_OK : cli_fail(CLI_FAILED, "run", "out of memory.");
    size_t looks = ORIGINS_LOOKED_AT;

    for (size_t i = 0; code == CLI_OK && i < s->local->n && looks > 0; i++) {
        const struct dist *d = &s->local->dists[i];
        for (size_t j = 0; code == CLI_OK && j < d->origins_n && looks > 0; j++) {
            struct buf why = BUF_EMPTY;
            looks -= d->origins[j].kind != DIST_HTTP;
            if (!origin_is_there(keys, &d->origins[j], &why) && s->o->origin_text != NULL)
                code = cli_fail(CLI_CONFIG, "run", "%s%.*s",
                                d->origins[j].kind == DIST_S3 ? "--origin-s3-credentials: " : "",
                                SLICE_FMT(buf_slice(&why)));
            else if (why.len > 0)
                cli_say("run", "distribution %.*s, origin %.*s: %.*s", SLICE_FMT(d->name), SLICE_FMT(d->origins[j].id),
                        SLICE_FMT(buf_slice(&why)));
            buf_free(&why);
        }
    }
    buckets_free(keys);
    return code;
}

/* Where the flags' content comes from, if that is no HTTP server alone. */
static void say_kind(const struct run_options *o, struct dist_origin *origin)
{
    if (o->directory[0] != 0) {
        origin->kind = DIST_DIRECTORY;
        origin->root = slice_str(o->directory);
    } else if (o->s3_region != NULL) {
        origin->kind = DIST_S3;
        origin->region = slice_str(o->s3_region);
        origin->credentials = slice_str(o->s3_profile);
        origin->sign = o->s3_signing;
    }
}

/* Of |set|, which is in force: what this node cannot do. */
static void say_domain(const struct served *s, const struct dist_set *set)
{
    struct buf said = BUF_EMPTY;

    run_options_domain(set, "hedgerow run", s->o->dns_domain, &said);
    if (said.len > 0 && buf_ok(&said))
        cli_put(stderr, buf_slice(&said));
    buf_free(&said);
}

/* What the file says of content, or the flags do as one distribution. */
int served_start(struct served *s, const struct run_options *o)
{
    const struct node_timers *t = &o->config.timers;
    struct dist_flags flags = { .url = o->origin };

    s->o = o;
    pthread_mutex_init(&s->lock, NULL);
    if (o->file.set != NULL) {
        s->local = dist_set_ref(o->file.set);
        say_domain(s, s->local);
        return look_at_origins(s);
    }
    dist_origin_default(&flags.origin);
    dist_behaviour_default(&flags.behaviour);
    say_kind(o, &flags.origin);
    if (t->origin_connect != 0)
        flags.origin.connect_timeout = t->origin_connect;
    if (o->origin_attempts != 0)
        flags.origin.attempts = o->origin_attempts;
    if (o->origin_ca != NULL)
        flags.origin.tls_ca = SLICE_LIT(ORIGIN_CA_GIVEN);
    if (o->origin_client != NULL)
        flags.origin.tls_client = slice_str(o->origin_client);
    if (t->origin_response != 0)
        flags.origin.response_timeout = t->origin_response;
    flags.origin.whole_timeout = t->origin_whole;
    if (t->origin_idle != 0)
        flags.origin.idle_timeout = t->origin_idle;
    flags.behaviour.methods = (enum dist_methods)o->methods.list;
    flags.behaviour.methods_other = o->methods.other;
    flags.behaviour.methods_other_n = o->methods.other_n;
    flags.behaviour.cache.ttl_default_s = o->default_ttl_s;
    flags.behaviour.cache.ttl_max_s = DELTA_SECONDS_MAX;
    flags.behaviour.cache.error_ttl_s = o->error_ttl_s;
    flags.behaviour.cache.set_cookie = (uint8_t)o->set_cookie;
    flags.behaviour.cache.obeys_viewers = o->obeys_viewers;
    s->local = o->origin_text != NULL ? dist_set_of_origin(&flags) : dist_set_of(NULL, 0);
    return s->local != NULL ? look_at_origins(s) : cli_fail(CLI_FAILED, "run", "out of memory.");
}

void served_end(struct served *s)
{
    dist_set_unref(s->local);
    dist_set_unref(s->mesh);
    dist_set_unref(s->judged);
    buf_free(&s->judged_text);
    pthread_mutex_destroy(&s->lock); /* zeroed it is one as well */
}

bool served_judge(void *ctx, struct slice text, struct buf *why)
{
    struct dist_set *set = NULL;
    bool good = node_file_distributions(text, mesh_text, &set, why) == CLI_OK;

    (void)ctx;
    dist_set_unref(set);
    return good;
}

bool served_judge_apart(void *ctx, struct slice text, struct buf *why)
{
    struct served *s = ctx;
    struct dist_set *set = NULL, *before;
    bool good = node_file_distributions(text, mesh_text, &set, why) == CLI_OK;

    pthread_mutex_lock(&s->lock);
    before = s->judged;
    s->judged = set;
    buf_clear(&s->judged_text);
    buf_add_slice(&s->judged_text, text);
    pthread_mutex_unlock(&s->lock);
    dist_set_unref(before);
    return good;
}

/* The set of |text|, if that was judged on the other thread last. The caller's. */
static struct dist_set *judged_before(struct served *s, struct slice text)
{
    struct dist_set *set = NULL;

    pthread_mutex_lock(&s->lock);
    if (s->judged != NULL && buf_ok(&s->judged_text) && slice_eq(buf_slice(&s->judged_text), text)) {
        set = s->judged;
        s->judged = NULL;
        buf_free(&s->judged_text);
    }
    pthread_mutex_unlock(&s->lock);
    return set;
}

void served_adopt(void *ctx, struct slice text)
{
    struct served *s = ctx;
    struct dist_set *set = judged_before(s, text);
    struct buf why = BUF_EMPTY;

    if ((set != NULL || node_file_distributions(text, mesh_text, &set, &why) == CLI_OK) &&
        (s->node == NULL || node_configure(s->node, set) == 0)) {
        dist_set_unref(s->mesh);
        s->mesh = set;
        cli_say("run", "the mesh's configuration is in force: %zu distribution%s.", set->n, set->n == 1 ? "" : "s");
        say_domain(s, set);
    } else { /* it was judged: there is no memory for it */
        dist_set_unref(set);
        cli_say("run", "out of memory for the mesh's configuration: this node serves by the one before.");
    }
    buf_free(&why);
}

int served_run(struct served *s, struct node *n)
{
    s->node = n;
    if (s->mesh != NULL && node_configure(n, s->mesh) != 0)
        return cli_fail(CLI_FAILED, "run", "out of memory.");
    return CLI_OK;
}

/* The file as it is now. Of what stands under node: nothing changes without a restart. */
bool served_reload(struct served *s, struct buf *said)
{
    const char *path = s->o->config_file;
    struct dist_file file = { .set = NULL };
    int code = node_file_read(path, &file, said);

    if (code == CLI_OK && (code = run_options_check(&file, path, s->o->dns_domain, said)) == CLI_OK &&
        file.set == NULL && s->o->file.set != NULL) {
        buf_addf(said, "%s: distributions is missing.\n", path);
        code = CLI_CONFIG;
    }
    bool counts = code == CLI_OK && file.set != NULL && s->o->origin_text == NULL;
    if (counts && s->mesh == NULL && node_configure(s->node, file.set) != 0) {
        buf_add_str(said, "out of memory.\n");
        code = CLI_FAILED;
    }
    if (counts && code == CLI_OK) {
        dist_set_unref(s->local);
        s->local = dist_set_ref(file.set);
    }
    if (code == CLI_OK && s->mesh != NULL)
        buf_addf(said, "%s: fine; the mesh has distributions, which are in force instead of it.\n", path);
    else if (code == CLI_OK && file.set != NULL)
        buf_addf(said, "%s: in force: %zu distribution%s.\n", path, file.set->n, file.set->n == 1 ? "" : "s");
    else if (code == CLI_OK)
        buf_addf(said, "%s: fine; there are no distributions in it.\n", path);
    else
        buf_addf(said, "%s: the configuration in force stays.\n", path);
    if (code == CLI_OK && !node_file_same(&file, &s->o->file))
        buf_addf(said, "%s: what has changed under node: takes effect when the node is started again.\n", path);
    dist_file_free(&file);
    return code == CLI_OK;
}
