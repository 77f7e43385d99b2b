#include "node/io/announce.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "node/io/worker.h"

#define HANGS SEC(10)
#define IN_WAY \
    SEC(2) /* an announcement that is still under way so late is not waited for, where it is to be withdrawn */
#define RETRY   SEC(1)
#define LOOK_S  0.05
#define ENV_MAX 512

extern char **environ;

static void on_look(struct ev_loop *loop, ev_timer *look, int revents)
{
    (void)loop;
    (void)revents;
    announce_step(look->data);
}

void announce_init(struct announce *a, struct worker *w, const char *program)
{
    *a = (struct announce){ .worker = w, .program = program };
    ev_timer_init(&a->look, on_look, LOOK_S, LOOK_S);
    a->look.data = a;
}

/* ---- running it ---- */

static void put_addresses(const struct announce *a, char *out, size_t cap)
{
    size_t at = (size_t)snprintf(out, cap, "HEDGEROW_ADDRESSES=");

    for (size_t i = 0; i < a->addrs_n; i++) {
        struct mesh_addr with_port = a->addrs[i];
        char text[MESH_ADDR_TEXT_MAX];
        with_port.port = 1;
        struct slice s = slice_str(mesh_addr_text(&with_port, text));
        s.len -= strlen(":1");
        if (s.data[0] == '[')
            s = slice_of(s.data + 1, s.len - 2);
        at += (size_t)snprintf(out + at, cap - at, "%s%.*s", i > 0 ? " " : "", SLICE_FMT(s));
    }
}

/* Ours, and two more. NULL: out of memory. */
static char **environment(char *name, char *addresses)
{
    size_t n = 0, kept = 0;

    while (environ[n] != NULL)
        n++;
    char **env = calloc(n + 3, sizeof(*env));
    if (env == NULL)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        if (strncmp(environ[i], "HEDGEROW_NAME=", 14) != 0 && strncmp(environ[i], "HEDGEROW_ADDRESSES=", 19) != 0)
            env[kept++] = environ[i];
    }
    env[kept++] = name;
    env[kept] = addresses;
    return env;
}

/* In a group of its own, so that what it starts ends with it; its standard output is our standard error. */
static int spawn(struct announce *a, const char *word)
{
    char name[CERT_NAME_MAX + 32], addresses[ENV_MAX], *argv[] = { strdup(a->program), strdup(word), NULL };
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none, usual;

    snprintf(name, sizeof(name), "HEDGEROW_NAME=%s", a->worker->cfg->self->cert.name);
    put_addresses(a, addresses, sizeof(addresses));
    char **env = environment(name, addresses);
    sigemptyset(&none);
    sigemptyset(&usual);
    sigaddset(&usual, SIGPIPE);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, 2, 1);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setpgroup(&attr, 0);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &usual);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int err = ENOMEM;
    if (env != NULL && argv[0] != NULL && argv[1] != NULL)
        err = posix_spawn(&a->pid, a->program, &files, &attr, argv, env);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&files);
    free(env);
    free(argv[0]);
    free(argv[1]);
    return err;
}

static const char *word_of(bool what)
{
    return what ? "announce" : "withdraw";
}

static void failed(struct announce *a, const char *why)
{
    a->pid = 0;
    a->said = SAID_UNSURE; /* it may have done it all the same, or half of it */
    a->again = a->worker->now + RETRY;
    worker_notice(a->worker, "--announce-hook: %s %s %s", a->program, word_of(a->what), why);
}

static void begin(struct announce *a)
{
    a->what = a->want;
    a->began = a->worker->now;
    int err = spawn(a, word_of(a->what));
    if (err != 0)
        failed(a, strerror(err));
    else
        ev_timer_again(a->worker->loop, &a->look);
}

static void end(struct announce *a, int status)
{
    char why[64];

    a->pid = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        a->said = a->what ? SAID_ANNOUNCE : SAID_WITHDRAW;
        return;
    }
    if (WIFEXITED(status))
        snprintf(why, sizeof(why), "ended with %d; it is tried again", WEXITSTATUS(status));
    else
        snprintf(why, sizeof(why), "was ended by signal %d; it is tried again", WTERMSIG(status));
    failed(a, why);
}

static void kill_it(struct announce *a)
{
    int status;

    kill(-a->pid, SIGKILL);
    while (waitpid(a->pid, &status, 0) < 0 && errno == EINTR)
        continue;
}

static void look_after(struct announce *a)
{
    mesh_ns since = a->worker->now - a->began;
    int status = 0;
    pid_t got = waitpid(a->pid, &status, WNOHANG);

    if (got == a->pid) {
        end(a, status);
    } else if (got < 0 && errno == ECHILD) {
        failed(a, "ended, and how is not known; it is tried again");
    } else if (since >= HANGS || (a->what && !a->want && since >= IN_WAY)) {
        kill_it(a);
        failed(a, since >= HANGS ? "did not end within 10 s: it was killed, and is tried again"
                                 : "was still at it when it was to be withdrawn: it was killed");
        a->again = a->worker->now;
    }
}

void announce_step(struct announce *a)
{
    if (a->program == NULL)
        return;
    worker_now(a->worker);
    if (a->pid != 0)
        look_after(a);
    if (a->pid == 0 && a->said != (a->want ? SAID_ANNOUNCE : SAID_WITHDRAW) && a->worker->now >= a->again)
        begin(a);
    if (a->pid == 0)
        ev_timer_stop(a->worker->loop, &a->look);
}

void announce_want(struct announce *a, bool on, const struct steer_facts *facts)
{
    if (a->want != on)
        a->again = 0;
    a->want = on;
    a->addrs_n = facts->addrs_n;
    memcpy(a->addrs, facts->addrs, sizeof(a->addrs));
    announce_step(a);
}

bool announce_over(const struct announce *a)
{
    return a->program == NULL || (a->pid == 0 && a->said == SAID_WITHDRAW);
}

void announce_fini(struct announce *a)
{
    if (a->pid != 0)
        kill_it(a);
    a->pid = 0;
    if (a->program != NULL)
        ev_timer_stop(a->worker->loop, &a->look);
}
