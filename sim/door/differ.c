#include "sim/door/differ.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/door/load.h"
#include "sim/hunt/trace_diff.h"

/* One of the two, line by line. */
struct side {
    FILE *f;
    char *line;
    size_t room;
    pid_t pid; /* of the program that writes it; 0: a file */
};

static const char *next(struct side *s)
{
    ssize_t n = getline(&s->line, &s->room, s->f);

    if (n <= 0)
        return NULL;
    if (s->line[n - 1] == '\n')
        s->line[n - 1] = '\0';
    return s->line;
}

static int compare(struct side sides[2], const char *const names[2])
{
    struct trace_diff d;
    struct buf out = BUF_EMPTY;
    bool more = true;

    trace_diff_init(&d);
    while (more) {
        const char *a = next(&sides[0]), *b = next(&sides[1]);
        more = trace_diff_add(&d, a, b);
    }
    trace_diff_put(&d, names, &out);
    bool ok = fwrite(out.data, 1, out.len, stdout) == out.len && fflush(stdout) == 0;
    buf_free(&out);
    return ok && !d.differs ? EXIT_SUCCESS : EXIT_BROKEN;
}

int differ_files(const struct options *o)
{
    struct side sides[2] = { { 0 }, { 0 } };
    int result = EXIT_SUCCESS;

    for (size_t i = 0; i < 2; i++) {
        sides[i].f = fopen(o->files[i], "r");
        if (sides[i].f == NULL) {
            fprintf(stderr, "hedgerow-sim: %s cannot be read\n", o->files[i]);
            result = EXIT_USAGE;
        }
    }
    if (result == EXIT_SUCCESS)
        result = compare(sides, o->files);
    for (size_t i = 0; i < 2; i++) {
        if (sides[i].f != NULL)
            fclose(sides[i].f);
        free(sides[i].line);
    }
    return result;
}

/* ---- two programs ---- */

static void be_program(const char *program, const char *scenario, const int ends[2])
{
    char trace[32];

    snprintf(trace, sizeof(trace), "/dev/fd/%d", dup(ends[1])); /* which, unlike ends[1], stays open */
    if (freopen("/dev/null", "w", stdout) == NULL)
        _exit(127);
    execl(program, program, "run", "--scenario", scenario, "--trace", trace, (char *)NULL);
    fprintf(stderr, "hedgerow-sim: %s cannot be run\n", program);
    _exit(127);
}

static bool start(struct side *s, const char *program, const char *scenario)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0)
        return false;
    fflush(NULL);
    s->pid = fork();
    if (s->pid == 0)
        be_program(program, scenario, ends);
    close(ends[1]);
    s->f = fdopen(ends[0], "r");
    if (s->pid > 0 && s->f != NULL)
        return true;
    if (s->f == NULL)
        close(ends[0]);
    return false;
}

/* Ends a program that still writes; false: it was none that can run scenarios. */
static bool stop(struct side *s, const char *program)
{
    int status = 0;

    if (s->f != NULL)
        fclose(s->f); /* who still writes finds nobody that reads */
    free(s->line);
    if (s->pid <= 0)
        return true;
    waitpid(s->pid, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) > EXIT_BROKEN) {
        fprintf(stderr, "hedgerow-sim: %s ended with exit code %d\n", program, WEXITSTATUS(status));
        return false;
    }
    if (WIFSIGNALED(status) && WTERMSIG(status) != SIGPIPE)
        fprintf(stderr, "hedgerow-sim: %s ended with signal %d\n", program, WTERMSIG(status));
    return true;
}

int differ_programs(const struct options *o, const struct scenario *sc)
{
    const char *const names[2] = { "/proc/self/exe", o->with };
    const char *const shown[2] = { "this program", o->with };
    char path[] = "/tmp/hedgerow-bisect.XXXXXX";
    struct side sides[2] = { { 0 }, { 0 } };
    struct buf text = BUF_EMPTY;
    int fd = mkstemp(path), result = EXIT_USAGE;

    /* The whole story, so that both run the same, whatever each would draw. */
    scenario_put(&text, sc);
    bool ok = fd >= 0 && close(fd) == 0 && load_save(path, &text);
    buf_free(&text);
    if (ok && start(&sides[0], names[0], path) && start(&sides[1], names[1], path))
        result = compare(sides, shown);
    for (size_t i = 0; i < 2; i++)
        result = stop(&sides[i], shown[i]) ? result : EXIT_USAGE;
    if (fd >= 0)
        unlink(path);
    return result;
}
