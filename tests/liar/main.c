/* hedgerow-liar - an admitted node that lies: `hedgerow run` with its flags, whose frames are
 * altered before they are sealed, so that only signatures can give it away. Told what to do by
 * lines on standard input, each answered by one JSON line on standard output (behind the
 * ready line):
 *
 *   flip FRAME BIT   flip this bit of the next frame of that kind: head, batch, leaf or slip
 *   told             what came of it: {"told":true,"bits":2304,"field":"signature"}; bits of
 *                    the frame, all told, and the field that the bit lies in
 *
 * A frame that has no such bit goes as it is ("told":false), and that ends the lie, too.
 *
 * With HEDGEROW_LIAR_AS=FILE it is whom that node file says, however void its certificate: what
 * `hedgerow run` would refuse by itself is then left to its peers. With HEDGEROW_LIAR_WEIGHT=N and
 * HEDGEROW_LIAR_AUTHORITY=FILE that certificate is signed anew, with a weight no `mesh admit` gives. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/cli/files.h"
#include "node/cli/run_options.h"
#include "proto/msg.h"
#include "tests/liar/frame_field.h"

struct lie {
    pthread_mutex_t lock;
    bool armed, told;
    uint8_t type;
    unsigned long bit;
    size_t bits;
    const char *field; /* static text */
};

/* On the node's loop. */
static void outgoing(void *ctx, uint8_t *frame, size_t len)
{
    struct lie *l = ctx;

    pthread_mutex_lock(&l->lock);
    if (l->armed && frame[0] == l->type) {
        l->armed = false;
        l->bits = 8 * len;
        l->told = l->bit < l->bits;
        l->field = l->told ? frame_field(slice_of(frame, len), l->bit / 8) : "";
        if (l->told)
            frame[l->bit / 8] ^= (uint8_t)(1u << l->bit % 8);
    }
    pthread_mutex_unlock(&l->lock);
}

static uint8_t frame_type(const char *name)
{
    static const struct {
        const char *name;
        uint8_t type;
    } kinds[] = { { "head", MSG_HEAD }, { "batch", MSG_LEAF_BATCH }, { "leaf", MSG_LEAF }, { "slip", MSG_SLIP } };

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(kinds[i].name, name) == 0)
            return kinds[i].type;
    }
    return 0;
}

static void obey(struct lie *l, const char *line)
{
    char name[16];
    unsigned long bit;

    pthread_mutex_lock(&l->lock);
    if (sscanf(line, "flip %15s %lu", name, &bit) == 2 && frame_type(name) != 0) {
        l->armed = true;
        l->told = false;
        l->type = frame_type(name);
        l->bit = bit;
        l->bits = 0;
        l->field = "";
        printf("{\"armed\":true}\n");
    } else if (strcmp(line, "told\n") == 0) {
        printf("{\"told\":%s,\"bits\":%zu,\"field\":\"%s\"}\n", l->told ? "true" : "false", l->bits, l->field);
    } else {
        printf("{\"error\":\"flip head|batch|leaf|slip BIT, or told\"}\n");
    }
    fflush(stdout);
    pthread_mutex_unlock(&l->lock);
}

static void *listen_to_input(void *ctx)
{
    char line[64];

    while (fgets(line, sizeof(line), stdin) != NULL)
        obey(ctx, line);
    return NULL;
}

/* What a careless holder of the authority's key could sign. */
static int overweigh(struct identity *id, const char *authority_path, uint32_t weight)
{
    struct buf text = BUF_EMPTY, raw = BUF_EMPTY;
    struct authority a;

    if (files_read(authority_path, NODE_FILE_MAX, &text) != 0 || authority_decode(&a, buf_slice(&text)) != 0)
        return -1;
    files_wipe(&text);
    id->cert.weight_max = weight;
    int err = cert_sign(&raw, &id->cert, a.secret);
    authority_wipe(&a);
    if (err == 0 && raw.len <= sizeof(id->cert_raw)) {
        memcpy(id->cert_raw, raw.data, raw.len);
        id->cert_len = raw.len;
    }
    buf_free(&raw);
    return err;
}

/* Another identity, not judged at all. */
static void impersonate(struct node_config *cfg, const char *path)
{
    static struct identity other;
    struct buf text = BUF_EMPTY;

    if (files_read(path, NODE_FILE_MAX, &text) != 0 || identity_decode(&other, buf_slice(&text)) != 0) {
        fprintf(stderr, "hedgerow-liar: %s is no node file\n", path);
        exit(1);
    }
    files_wipe(&text);
    const char *weight = getenv("HEDGEROW_LIAR_WEIGHT"), *authority = getenv("HEDGEROW_LIAR_AUTHORITY");
    if (weight != NULL && authority != NULL && overweigh(&other, authority, (uint32_t)strtoul(weight, NULL, 10)) != 0) {
        fprintf(stderr, "hedgerow-liar: cannot sign by %s\n", authority);
        exit(1);
    }
    cfg->self = &other;
}

static void make_liar(void *ctx, struct node_config *cfg)
{
    const char *as = getenv("HEDGEROW_LIAR_AS");

    if (as != NULL)
        impersonate(cfg, as);
    cfg->outgoing = outgoing;
    cfg->outgoing_ctx = ctx;
}

int main(int argc, char **argv)
{
    static struct lie lie = { .lock = PTHREAD_MUTEX_INITIALIZER, .field = "" };
    pthread_t listener;

    if (argc < 2 || strcmp(argv[1], "run") != 0) {
        fprintf(stderr, "Usage: hedgerow-liar run [flags of hedgerow run]\n");
        return 2;
    }
    if (pthread_create(&listener, NULL, listen_to_input, &lie) != 0)
        return 1;
    pthread_detach(listener);
    return run_node(argc - 2, argv + 2, make_liar, &lie);
}
