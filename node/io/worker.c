#include "node/io/worker.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "node/io/thread.h"
#include "proto/base/err.h"

void worker_notice(struct worker *w, const char *fmt, ...)
{
    char text[NODE_ERROR_MAX];
    va_list args;

    if (w->cfg->notice == NULL)
        return;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    w->cfg->notice(w->cfg->notice_ctx, text);
}

/* In one system call, where libsodium makes one for each 256 bytes. */
static void draw(struct worker *w)
{
    w->random_used = 0;
    for (size_t n = 0; n < WORKER_RANDOM;) {
        ssize_t got = getrandom(w->random + n, WORKER_RANDOM - n, 0);
        if (got > 0)
            n += (size_t)got;
        else
            assert(errno == EINTR);
    }
}

void worker_random(struct worker *w, void *out, size_t len)
{
    assert(len <= WORKER_RANDOM);
    if (w->random_used + len > WORKER_RANDOM)
        draw(w);
    memcpy(out, w->random + w->random_used, len);
    w->random_used += len;
}

/* ---- life ---- */

void worker_init(struct worker *w, struct node *n, unsigned number)
{
    w->node = n;
    w->number = number;
    w->epoll = -1;
    w->cfg = node_config(n);
    w->random_used = WORKER_RANDOM;
    w->date_s = -1;
    buf_addf(&w->pop, "%s/%s", w->cfg->self->cert.zone, w->cfg->self->cert.name);
    answer_hit(&w->hit, slice_str(w->cfg->self->cert.name), buf_slice(&w->pop));
    listener_init(&w->http);
    listener_init(&w->mesh);
    listener_init(&w->admin);
    listener_init(&w->https);
    w->http.accepted = viewers_accepted;
    w->https.accepted = viewers_accepted_tls;
    w->http.room = w->https.room = viewers_room;
    w->http.refused = viewers_refused;
    w->https.refused = viewers_refused_tls;
    viewers_init(&w->viewers, w);
    rtt_box_init(&w->rtts);
}

/* The descriptor behind a loop, which libev tells nobody but a loop that embeds it. -1: it has no such thing, and keeps
 * no set in the kernel either. */
static int epoll_of(struct ev_loop *loop)
{
    struct ev_loop *outer;
    ev_embed look;

    if (ev_backend(loop) != EVBACKEND_EPOLL || (ev_embeddable_backends() & EVBACKEND_EPOLL) == 0 ||
        (outer = ev_loop_new(EVBACKEND_SELECT | EVFLAG_NOENV)) == NULL)
        return -1;
    ev_embed_init(&look, NULL, loop);
    ev_embed_start(outer, &look);
    int fd = look.io.fd;
    ev_embed_stop(outer, &look);
    ev_loop_destroy(outer);
    return fd;
}

int worker_open(struct worker *w)
{
    w->loop = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
    w->read_buf = malloc(WORKER_READ_BYTES);
    if (w->loop == NULL || w->read_buf == NULL || !buf_ok(&w->hit))
        return MESH_E_NOMEM;
    if (w->all_n > 1)
        w->epoll = epoll_of(w->loop);
    mailbox_open(&w->mail, w, w->loop);
    return 0;
}

static void *run(void *ctx)
{
    struct worker *w = ctx;

    ev_run(w->loop, 0);
    shelf_reader_end(&w->reader);
    return NULL;
}

int worker_start(struct worker *w)
{
    shelf_reader_init(&w->reader, worker_home(w)->engine, w->number - 1);
    pump_start(w);
    int err = thread_start(&w->thread, run, w);
    w->started = err == 0;
    return err;
}

void worker_join(struct worker *w)
{
    if (!w->started)
        return;
    mailbox_say(&w->mail, MAIL_STOP);
    pthread_join(w->thread, NULL);
    w->started = false;
}

void worker_fini(struct worker *w)
{
    if (w->log != NULL)
        access_log_flush(w->log, &w->gather);
    access_gather_fini(&w->gather);
    country_view_fini(&w->countries);
    mailbox_close(&w->mail);
    rtt_box_fini(&w->rtts);
    if (w->loop != NULL) {
        pump_stop(w);
        ev_loop_destroy(w->loop);
    }
    shelf_reader_fini(&w->reader);
    buf_free(&w->head);
    buf_free(&w->hit);
    buf_free(&w->pop);
    for (size_t i = 0; i < sizeof(w->masked) / sizeof(w->masked[0]); i++)
        buf_free(&w->masked[i]);
    free(w->read_buf);
}

/* ---- told by others ---- */

void worker_drain(struct worker *w)
{
    listener_sweep(&w->http); /* who connected before us is not turned away */
    listener_sweep(&w->https);
    w->draining = true;
    listener_close(&w->http);
    listener_close(&w->https);
    viewers_drain(&w->viewers);
}

/* The line of an answer that ended before the call belongs into the old file. */
static void hand_lines(struct worker *w)
{
    unsigned asked = node_log_asked(w->node);

    if (w->log == NULL)
        return;
    access_log_flush(w->log, &w->gather);
    atomic_store(&w->log_handed, asked);
    mailbox_say(&worker_home(w)->mail, MAIL_WAKE);
}

void worker_mail(struct worker *w)
{
    worker_now(w);
    unsigned words = viewers_mail(w);
    if ((words & MAIL_ROOM) != 0)
        viewers_look_for_room(w);
    if ((words & MAIL_SHED) != 0)
        viewers_shed(w);
    if ((words & MAIL_LOG) != 0)
        hand_lines(w);
    if ((words & MAIL_DRAIN) != 0)
        worker_drain(w);
    if ((words & MAIL_STOP) != 0)
        ev_break(w->loop, EVBREAK_ALL);
}
