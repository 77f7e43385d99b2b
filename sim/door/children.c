#include "sim/door/children.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#define EXIT_RETURNED 7 /* of a child that did its job */

struct child {
    pid_t pid; /* 0: none */
    uint64_t job;
    void *result; /* shared */
    FILE *said;
};

struct children {
    struct child_limits limits;
    child_work work;
    void *ctx;
    struct child *slots;
    struct child *ended; /* its result is still lent */
};

static bool slot_open(struct child *s, size_t bytes)
{
    s->result = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (s->result == MAP_FAILED)
        s->result = NULL;
    s->said = tmpfile();
    return s->result != NULL && s->said != NULL;
}

struct children *children_new(const struct child_limits *limits, child_work work, void *ctx)
{
    struct children *c = calloc(1, sizeof(*c));
    bool ok = c != NULL;

    if (ok) {
        *c = (struct children){ .limits = *limits, .work = work, .ctx = ctx };
        c->slots = calloc(limits->at_once, sizeof(*c->slots));
        ok = c->slots != NULL;
    }
    for (size_t i = 0; ok && i < limits->at_once; i++)
        ok = slot_open(&c->slots[i], limits->result_bytes);
    if (ok)
        return c;
    children_free(c);
    return NULL;
}

void children_free(struct children *c)
{
    if (c == NULL)
        return;
    for (size_t i = 0; c->slots != NULL && i < c->limits.at_once; i++) {
        struct child *s = &c->slots[i];
        if (s->pid > 0) {
            kill(s->pid, SIGKILL);
            waitpid(s->pid, NULL, 0);
        }
        if (s->result != NULL)
            munmap(s->result, c->limits.result_bytes);
        if (s->said != NULL)
            fclose(s->said);
    }
    free(c->slots);
    free(c);
}

static struct child *slot_of(const struct children *c, pid_t pid)
{
    for (size_t i = 0; i < c->limits.at_once; i++) {
        if (c->slots[i].pid == pid)
            return &c->slots[i];
    }
    return NULL;
}

bool children_room(const struct children *c)
{
    return slot_of(c, 0) != NULL;
}

static void limit(int what, rlim_t soft, rlim_t hard)
{
    struct rlimit l = { soft, hard };
    setrlimit(what, &l);
}

/* Never returns. */
static void be_child(struct children *c, struct child *s, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    limit(RLIMIT_CORE, 0, 0);
    limit(RLIMIT_CPU, c->limits.cpu_s, c->limits.cpu_s + 5);
    if (!SANITIZED) /* whose shadow is larger than any memory */
        limit(RLIMIT_AS, c->limits.memory_bytes, c->limits.memory_bytes);
    signal(SIGXCPU, SIG_DFL);
    dup2(fileno(s->said), STDERR_FILENO);
    c->work(c->ctx, s->job, s->result);
    _exit(EXIT_RETURNED);
}

bool children_start(struct children *c, uint64_t job)
{
    struct child *s = slot_of(c, 0);
    pid_t parent = getpid();

    c->ended = NULL;
    s->job = job;
    memset(s->result, 0, c->limits.result_bytes);
    rewind(s->said);
    if (ftruncate(fileno(s->said), 0) != 0)
        return false;
    fflush(NULL); /* nothing is written twice */
    pid_t pid = fork();
    if (pid == 0)
        be_child(c, s, parent);
    if (pid < 0)
        return false;
    s->pid = pid;
    return true;
}

static void read_said(struct child *s, struct child_end *end)
{
    fseek(s->said, 0, SEEK_END);
    long n = ftell(s->said), room = (long)sizeof(end->said) - 1;

    fseek(s->said, n > room ? n - room : 0, SEEK_SET);
    end->said[fread(end->said, 1, (size_t)room, s->said)] = '\0';
}

bool children_wait(struct children *c, struct child_end *end)
{
    int status;
    pid_t pid = wait(&status);
    struct child *s = pid > 0 ? slot_of(c, pid) : NULL;

    if (s == NULL)
        return false;
    *end = (struct child_end){ .job = s->job, .left = s->result };
    if (WIFSIGNALED(status)) {
        end->code = WTERMSIG(status);
        end->how = end->code == SIGXCPU ? CHILD_HUNG : CHILD_CRASHED;
    } else {
        end->code = WEXITSTATUS(status);
        end->how = end->code == EXIT_RETURNED ? CHILD_DONE : CHILD_CRASHED;
    }
    read_said(s, end);
    s->pid = 0;
    return true;
}

void children_text(const struct child_end *end, char text[96])
{
    if (end->how == CHILD_HUNG)
        snprintf(text, 96, "hung: it used up its CPU time");
    else if (end->code < 64 && sigabbrev_np(end->code) != NULL)
        snprintf(text, 96, "crashed: signal SIG%s", sigabbrev_np(end->code));
    else
        snprintf(text, 96, "ended with exit code %d", end->code);
}

size_t children_cores(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (size_t)n : 1;
}

uint64_t children_clock_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}
