/* The demo's processes: the nodes are this program once more, the origin is a fork of it. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "node/cli/cli.h"
#include "node/cli/demo.h"
#include "node/io/blocking.h"

#define READY_TIME SEC(30) /* a node is ready, alone or not, after ten */
#define STOP_TIME  SEC(10)
#define STEP       MS(20)

static const char command[] = "demo";

static void pause_step(void)
{
    nanosleep(&(struct timespec){ .tv_nsec = STEP }, NULL);
}

bool demo_interrupted(void)
{
    sigset_t waiting;

    return sigpending(&waiting) == 0 && (sigismember(&waiting, SIGINT) == 1 || sigismember(&waiting, SIGTERM) == 1 ||
                                         sigismember(&waiting, SIGHUP) == 1);
}

/* In a new child: ends with its parent, is out of reach of the terminal's Ctrl-C (which goes
 * to the parent, and from there by pid), and takes signals again. */
static void become_child(pid_t parent)
{
    sigset_t none;

    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(CLI_FAILED);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* ---- the origin ---- */

bool demo_origin_start(struct demo *d)
{
    int listener, err = blocking_listen(&d->origin, &listener, &d->origin);
    char text[MESH_ADDR_TEXT_MAX];
    pid_t parent = getpid();

    if (err != 0) {
        cli_say(command, "cannot listen on %s: %s. --port-base N moves all ports.", mesh_addr_text(&d->origin, text),
                strerror(err));
        return false;
    }
    d->counts = mmap(NULL, sizeof(*d->counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (d->counts == MAP_FAILED) {
        d->counts = NULL;
        cli_say(command, "out of memory.");
        close(listener);
        return false;
    }
    fflush(stdout);
    d->origin_pid = fork();
    if (d->origin_pid == 0) {
        become_child(parent);
        err = demo_origin_serve(listener, &d->site, d->counts, !d->check);
        cli_say(command, "the origin ended: %s.", strerror(err));
        _exit(CLI_FAILED);
    }
    close(listener);
    if (d->origin_pid < 0) {
        d->origin_pid = 0;
        cli_say(command, "cannot start the origin: %s.", strerror(errno));
        return false;
    }
    return true;
}

/* ---- the nodes ---- */

struct words {
    const char *argv[32];
    char text[10][DEMO_PATH_MAX + 64];
};

static void node_words(const struct demo *d, size_t i, struct words *w)
{
    const struct demo_node *n = &d->nodes[i];
    char addr[MESH_ADDR_TEXT_MAX];
    size_t t = 0, a = 0;

    snprintf(w->text[t++], sizeof(w->text[0]), "--node-file=%s/%s.node", d->folder, n->name);
    snprintf(w->text[t++], sizeof(w->text[0]), "--data=%s/%s", d->folder, n->name);
    snprintf(w->text[t++], sizeof(w->text[0]), "--origin=http://%s", mesh_addr_text(&d->origin, addr));
    snprintf(w->text[t++], sizeof(w->text[0]), "--http=%s", mesh_addr_text(&n->http, addr));
    snprintf(w->text[t++], sizeof(w->text[0]), "--mesh=%s", mesh_addr_text(&n->mesh, addr));
    snprintf(w->text[t++], sizeof(w->text[0]), "--admin=%s", mesh_addr_text(&n->admin, addr));
    snprintf(w->text[t++], sizeof(w->text[0]), "--timers=drain=3s");
    snprintf(w->text[t++], sizeof(w->text[0]), "--audit=0"); /* people count what the origin is asked for */
    if (i > 0)
        snprintf(w->text[t++], sizeof(w->text[0]), "--seed=%s", mesh_addr_text(&d->nodes[0].mesh, addr));
    w->argv[a++] = "hedgerow";
    w->argv[a++] = "run";
    for (size_t k = 0; k < t; k++)
        w->argv[a++] = w->text[k];
    w->argv[a] = NULL;
}

static void log_path(const struct demo *d, size_t i, char path[DEMO_PATH_MAX + 32])
{
    snprintf(path, DEMO_PATH_MAX + 32, "%s/%s.log", d->folder, d->nodes[i].name);
}

static void exec_node(const struct demo *d, size_t i, int out, pid_t parent)
{
    char path[DEMO_PATH_MAX + 32];
    struct words w;

    become_child(parent);
    log_path(d, i, path);
    int log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log < 0 || dup2(log, STDERR_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0)
        _exit(CLI_FAILED);
    node_words(d, i, &w);
    union { /* execv promises not to write through it */
        const char *const *in;
        char *const *out;
    } argv = { w.argv };
    execv("/proc/self/exe", argv.out);
    dprintf(STDERR_FILENO, "cannot run /proc/self/exe: %s\n", strerror(errno));
    _exit(CLI_FAILED);
}

bool demo_node_start(struct demo *d, size_t i)
{
    struct demo_node *n = &d->nodes[i];
    pid_t parent = getpid();
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0) {
        cli_say(command, "cannot start %s: %s.", n->name, strerror(errno));
        return false;
    }
    fflush(stdout);
    n->pid = fork();
    if (n->pid == 0)
        exec_node(d, i, ends[1], parent);
    int err = errno;
    close(ends[1]);
    n->ready = ends[0];
    fcntl(n->ready, F_SETFL, O_NONBLOCK);
    if (n->pid < 0) {
        n->pid = 0;
        cli_say(command, "cannot start %s: %s.", n->name, strerror(err));
        return false;
    }
    return true;
}

/* What the node said before it ended. */
static void show_log(const struct demo *d, size_t i)
{
    char path[DEMO_PATH_MAX + 32], line[1024];

    log_path(d, i, path);
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return;
    while (fgets(line, sizeof(line), f) != NULL)
        fprintf(stderr, "  %s", line);
    fclose(f);
}

bool demo_node_wait(struct demo *d, size_t i)
{
    struct demo_node *n = &d->nodes[i];
    char byte;

    for (mesh_ns waited = 0; waited < READY_TIME; waited += STEP) {
        ssize_t got = read(n->ready, &byte, 1);
        if (got == 1)
            return true; /* it prints one line, once it is ready */
        if (got == 0) {
            cli_say(command, "%s could not start:", n->name);
            show_log(d, i);
            fprintf(stderr, "If a port is taken: --port-base N moves them all.\n");
            return false;
        }
        if (demo_interrupted())
            return false;
        pause_step();
    }
    cli_say(command, "%s is not ready after %d s. What it said:", n->name, (int)(READY_TIME / SEC(1)));
    show_log(d, i);
    return false;
}

/* ---- the end ---- */

static void end(pid_t pid, int sig)
{
    if (pid > 0)
        kill(pid, sig);
}

/* Waits for |*pid| until |*left| is over, then ends it the hard way. */
static void reap(pid_t *pid, mesh_ns *left)
{
    while (*pid > 0) {
        pid_t got = waitpid(*pid, NULL, WNOHANG);
        if (got == *pid || (got < 0 && errno != EINTR))
            *pid = 0;
        else if (*left <= 0)
            end(*pid, SIGKILL);
        if (*pid > 0) {
            pause_step();
            *left -= STEP;
        }
    }
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)at;
    return kind == FTW_DP ? rmdir(path) : unlink(path);
}

void demo_stop(struct demo *d)
{
    mesh_ns left = STOP_TIME;

    for (size_t i = 0; i < d->nodes_n; i++)
        end(d->nodes[i].pid, SIGTERM);
    for (size_t i = 0; i < d->nodes_n; i++) {
        reap(&d->nodes[i].pid, &left);
        if (d->nodes[i].ready >= 0)
            close(d->nodes[i].ready);
        d->nodes[i].ready = -1;
    }
    end(d->origin_pid, SIGTERM);
    reap(&d->origin_pid, &left);
    if (d->folder[0] != 0 && nftw(d->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS) != 0)
        cli_say(command, "cannot remove %s: %s.", d->folder, strerror(errno));
    d->folder[0] = 0;
    if (d->counts != NULL)
        munmap(d->counts, sizeof(*d->counts));
    d->counts = NULL;
    demo_site_free(&d->site);
}
