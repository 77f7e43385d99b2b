/* hedgerow-liar - an admitted node that lies: `hedgerow run` with its flags, whose frames are
 * altered before they are sealed, so that only signatures can give it away. Told what to do by
 * lines on standard input, each answered by one JSON line on standard output (behind the
 * ready line):
 *
 *   flip FRAME BIT   flip this bit of the next frame of that kind: head, batch, leaf or slip
 *   told             what came of it: {"told":true,"bits":2304,"field":"signature"}; bits of
 *                    the frame, all told, and the field that the bit lies in
 *
 * A frame that has no such bit goes as it is ("told":false), and that ends the lie, too. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static void make_liar(void *ctx, struct node_config *cfg)
{
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
