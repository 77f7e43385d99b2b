/* served.h - what a running node serves: the distributions that the mesh has, as soon as it has any; until then those
 * of its file, or the one that its flags make. Not thread safe: all on the node's thread, but for what
 * says otherwise. */
#ifndef HEDGEROW_CLI_SERVED_H
#define HEDGEROW_CLI_SERVED_H

#include <pthread.h>

#include "node/cli/run_options.h"

struct served {                  /* zeroed at first */
    const struct run_options *o; /* lent */
    struct node *node;           /* NULL: it does not run yet */
    struct dist_set *local;      /* of the file or the flags */
    struct dist_set *mesh;       /* NULL: the mesh has none */
    pthread_mutex_t lock;        /* of what was judged last on another thread, ... */
    struct dist_set *judged;     /* NULL: nothing */
    struct buf judged_text;      /* ... made of this */
};

/* served_start makes |s->local|, which lends nothing from |o|; |o| is lent until served_end. An exit code, with a
 * message where it is not CLI_OK. */
int served_start(struct served *s, const struct run_options *o);
void served_end(struct served *s);

/* Hooks of the mesh's configuration (node/core/configs.h); |ctx| is the struct served. */
bool served_judge(void *ctx, struct slice text, struct buf *why);
void served_adopt(void *ctx, struct slice text);
/* served_judge_apart is served_judge on any other thread, one at a time: the set that it made is what served_adopt puts
 * in force, if it comes to that. */
bool served_judge_apart(void *ctx, struct slice text, struct buf *why);

/* served_run: |n| has started, perhaps with a configuration that it kept. An exit code, as served_start. */
int served_run(struct served *s, struct node *n);

/* served_reload reads the file again. False: what was in force stays. |said|: what is wrong or has changed, in lines.
 * Of what stands under node: nothing changes without a restart. */
bool served_reload(struct served *s, struct buf *said);

#endif
