/* thread.h - threads of our own take no signals: those are the loop's. */
#ifndef HEDGEROW_IO_THREAD_H
#define HEDGEROW_IO_THREAD_H

#include <pthread.h>
#include <signal.h>
#include <stddef.h>

/* thread_start runs |main| on a thread, to be joined through |*out|, or detached when |out| is
 * NULL. Returns 0 or an errno. */
static inline int thread_start(pthread_t *out, void *(*main)(void *ctx), void *ctx)
{
    pthread_attr_t attr;
    pthread_t thread;
    sigset_t all, before;

    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, out == NULL ? PTHREAD_CREATE_DETACHED : PTHREAD_CREATE_JOINABLE);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int err = pthread_create(out == NULL ? &thread : out, &attr, main, ctx);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    return err;
}

#endif
