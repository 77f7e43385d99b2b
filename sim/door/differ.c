#include "sim/door/differ.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sim/door/load.h"
#include "sim/hunt/trace_diff.h"

#define NOT_STARTED 126 /* the shell's word for a program that it could not start; 127 for one that is not there */

/* One of the two, line by line. */
struct side {
    FILE *f;
    char *line;
    size_t room;
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

/* One word for the shell. */
static void put_word(struct buf *out, const char *text)
{
    buf_add_u8(out, '\'');
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            buf_add_str(out, "'\\''");
        else
            buf_add_u8(out, (uint8_t)*text);
    }
    buf_add_u8(out, '\'');
}

/* Its trace is what is read; what it prints otherwise is nobody's. */
static bool start(struct side *s, const char *program, const char *scenario, const struct options *o)
{
    struct buf command = BUF_EMPTY;

    buf_add_str(&command, "exec ");
    put_word(&command, program);
    buf_add_str(&command, " run --scenario ");
    put_word(&command, scenario);
    for (size_t i = 0; o->logs[i] != NULL; i++) {
        buf_add_str(&command, " --log ");
        put_word(&command, o->logs[i]);
    }
    if (o->topology != NULL) {
        buf_add_str(&command, " --topology ");
        put_word(&command, o->topology);
    }
    buf_add_str(&command, " --trace /dev/fd/3 3>&1 >/dev/null");
    buf_add_u8(&command, '\0');
    fflush(NULL);
    s->f = buf_ok(&command) ? popen((const char *)command.data, "r") : NULL;
    buf_free(&command);
    return s->f != NULL;
}

/* Ends a program that still writes, since nobody reads any more; false: it was none that can run scenarios. */
static bool stop(struct side *s, const char *program)
{
    int status = s->f != NULL ? pclose(s->f) : 0;

    free(s->line);
    if (WIFEXITED(status) && WEXITSTATUS(status) >= NOT_STARTED) {
        fprintf(stderr, "hedgerow-sim: %s cannot be run\n", program);
        return false;
    }
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
    const char *const shown[2] = { "this program", o->with };
    char path[] = "/tmp/hedgerow-bisect.XXXXXX", own[PATH_MAX] = "";
    struct side sides[2] = { { 0 }, { 0 } };
    struct buf text = BUF_EMPTY;
    int fd = mkstemp(path), result = EXIT_USAGE;
    ssize_t len = readlink("/proc/self/exe", own, sizeof(own) - 1); /* the shell is another one */

    /* The whole story, so that both run the same, whatever each would draw. */
    scenario_put(&text, sc);
    bool ok = len > 0 && fd >= 0 && close(fd) == 0 && load_save(path, &text);
    buf_free(&text);
    if (ok && start(&sides[0], own, path, o) && start(&sides[1], o->with, path, o))
        result = compare(sides, shown);
    for (size_t i = 0; i < 2; i++)
        result = stop(&sides[i], shown[i]) ? result : EXIT_USAGE;
    if (fd >= 0)
        unlink(path);
    return result;
}
