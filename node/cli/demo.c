/* hedgerow demo: a whole mesh on this machine, from nothing, and nothing left behind. */
#include "node/cli/demo.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "node/cli/cli.h"
#include "node/cli/files.h"
#include "proto/base/err.h"
#include "proto/identity.h"

#define LIFE_S (INT64_C(30) * 86400) /* longer than what a node warns of */

struct demo_options {
    uint32_t port_base, nodes;
    bool check;
};

static int read_port_base(const char *text, void *field, struct buf *why)
{
    uint32_t *base = field;
    int err = option_u32(text, base, why);

    if (err == 0 && (*base < 1024 || *base > 65500)) {
        buf_add_str(why, "must be 1024 to 65500.");
        err = MESH_E_RANGE;
    }
    return err;
}

static int read_nodes(const char *text, void *field, struct buf *why)
{
    uint32_t *n = field;
    int err = option_u32(text, n, why);

    if (err == 0 && (*n < 1 || *n > DEMO_NODES_MAX)) {
        buf_addf(why, "must be 1 to %d.", DEMO_NODES_MAX);
        err = MESH_E_RANGE;
    }
    return err;
}

static const struct option options[] = {
    { "--check", NULL, "fetch every file through every node, compare, print a table, and end", NULL,
      offsetof(struct demo_options, check), false },
    { "--nodes", "N", "how many nodes, 1 to 9 (3), in two zones", read_nodes, offsetof(struct demo_options, nodes),
      false },
    { "--port-base", "N",
      "take the ports from N+1 on: viewers N+1..., origin N+10, mesh N+11..., admin N+21...\n"
      "(viewers 8081..., origin 8090, mesh 7411..., admin 7421...)",
      read_port_base, offsetof(struct demo_options, port_base), false },
};

static const struct command_line line = {
    .command = "demo",
    .synopsis = "[flags]",
    .about = "Runs a throw-away mesh on this machine: an authority, three admitted nodes in two zones,\n"
             "and an example origin with a small site. Ctrl-C ends all of it and leaves nothing behind.",
    .options = options,
    .options_n = sizeof(options) / sizeof(options[0]),
};

/* ---- before ---- */

static void plan(struct demo *d, const struct demo_options *o)
{
    uint32_t viewers = o->port_base != 0 ? o->port_base : 8080, backbone = o->port_base != 0 ? o->port_base : 7400;

    *d = (struct demo){ .nodes_n = o->nodes, .check = o->check };
    d->origin = mesh_addr_v4(0x7f000001, (uint16_t)(viewers + 10));
    for (size_t i = 0; i < d->nodes_n; i++) {
        struct demo_node *n = &d->nodes[i];
        n->ready = -1;
        snprintf(n->name, sizeof(n->name), "edge-%zu", i + 1);
        snprintf(n->zone, sizeof(n->zone), "demo/%c", i * 2 < d->nodes_n || d->nodes_n == 1 ? 'a' : 'b');
        n->http = mesh_addr_v4(0x7f000001, (uint16_t)(viewers + 1 + i));
        n->mesh = mesh_addr_v4(0x7f000001, (uint16_t)(backbone + 11 + i));
        n->admin = mesh_addr_v4(0x7f000001, (uint16_t)(backbone + 21 + i));
    }
}

static bool make_site(struct demo *d)
{
    struct buf json = BUF_EMPTY;

    buf_add_str(&json, "{\"nodes\":[");
    for (size_t i = 0; i < d->nodes_n; i++)
        buf_addf(&json, "%s{\"name\":\"%s\",\"zone\":\"%s\",\"port\":%u}", i > 0 ? "," : "", d->nodes[i].name,
                 d->nodes[i].zone, d->nodes[i].http.port);
    buf_add_str(&json, "]}\n");
    bool ok = buf_ok(&json) && demo_site_make(&d->site, buf_slice(&json), (int64_t)time(NULL)) == 0;
    buf_free(&json);
    if (!ok)
        cli_say(line.command, "out of memory.");
    return ok;
}

static bool admit(const struct demo *d, const struct authority *authority, size_t i)
{
    const struct demo_node *n = &d->nodes[i];
    int64_t now_s = (int64_t)time(NULL);
    struct admission what = { .name = slice_str(n->name),
                              .zone = slice_str(n->zone),
                              .not_before_s = now_s,
                              .not_after_s = now_s + LIFE_S,
                              .serial = i + 1 };
    char path[DEMO_PATH_MAX + 32];
    struct identity id;
    struct buf text = BUF_EMPTY;

    int err = authority_admit(&id, authority, &what) == 0 && identity_encode(&text, &id) == 0 ? 0 : ENOMEM;
    snprintf(path, sizeof(path), "%s/%s.node", d->folder, n->name);
    if (err == 0)
        err = files_create(path, buf_slice(&text));
    if (err != 0)
        cli_say(line.command, "cannot write %s: %s.", path, strerror(err));
    identity_wipe(&id);
    files_wipe(&text);
    return err == 0;
}

/* The authority lives just long enough to admit the nodes. */
static bool make_mesh(struct demo *d)
{
    const char *where = getenv("TMPDIR");
    struct authority authority;
    bool ok = true;

    if (where == NULL || where[0] != '/' || strlen(where) > DEMO_PATH_MAX - 64)
        where = "/tmp";
    snprintf(d->folder, sizeof(d->folder), "%s/hedgerow-demo.XXXXXX", where);
    if (mkdtemp(d->folder) == NULL) { /* mode 0700 */
        cli_say(line.command, "cannot make a directory in %s: %s.", where, strerror(errno));
        d->folder[0] = 0;
        return false;
    }
    authority_make(&authority, MESH_ARC_BITS_MIN);
    for (size_t i = 0; i < d->nodes_n && ok; i++)
        ok = admit(d, &authority, i);
    authority_wipe(&authority);
    return ok;
}

/* The first node stands before the others look for it. */
static bool start_nodes(struct demo *d)
{
    if (!demo_node_start(d, 0) || !demo_node_wait(d, 0))
        return false;
    for (size_t i = 1; i < d->nodes_n; i++) {
        if (!demo_node_start(d, i))
            return false;
    }
    for (size_t i = 1; i < d->nodes_n; i++) {
        if (!demo_node_wait(d, i))
            return false;
    }
    return demo_mesh_wait(d);
}

/* ---- while it runs ---- */

/* How this program is called from where we are. */
static const char *program(char path[DEMO_PATH_MAX])
{
    char here[DEMO_PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, DEMO_PATH_MAX - 1);

    if (n <= 0)
        return "hedgerow";
    path[n] = 0;
    if (getcwd(here, sizeof(here)) == NULL)
        return path;
    size_t len = strlen(here);
    return strncmp(path, here, len) == 0 && path[len] == '/' ? path + len + 1 : path;
}

static void print_try(const char *note, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void print_try(const char *note, const char *fmt, ...)
{
    char text[DEMO_PATH_MAX + 64];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (note[0] != 0)
        printf("  %-66s  # %s\n", text, note);
    else
        printf("  %s\n", text);
}

static void print_banner(const struct demo *d)
{
    char a[MESH_ADDR_TEXT_MAX], b[MESH_ADDR_TEXT_MAX], path[DEMO_PATH_MAX];
    const struct demo_node *first = &d->nodes[0], *last = &d->nodes[d->nodes_n - 1];

    printf("\nHedgerow: a mesh of %zu node%s and an example origin are running on this machine.\n\n", d->nodes_n,
           d->nodes_n == 1 ? "" : "s");
    printf("  %-8s %-8s %-8s %-30s %s\n", "NODE", "ZONE", "PROCESS", "SITE", "STATUS PAGE");
    for (size_t i = 0; i < d->nodes_n; i++) {
        const struct demo_node *n = &d->nodes[i];
        printf("  %-8s %-8s %-8d http://%-23s http://%s/\n", n->name, n->zone, (int)n->pid, mesh_addr_text(&n->http, a),
               mesh_addr_text(&n->admin, b));
    }
    mesh_addr_text(&d->origin, a);
    printf("  %-8s %-8s %-8d http://%s\n", "origin", "", (int)d->origin_pid, a);

    printf("\nOpen http://%s/ in a browser, or try:\n\n", mesh_addr_text(&first->http, a));
    print_try("", "curl -s -o /dev/null -D - http://%s/sunsetphoto.png", a);
    if (d->nodes_n > 1)
        print_try("the origin is not asked again", "curl -s -o /dev/null -D - http://%s/sunsetphoto.png",
                  mesh_addr_text(&last->http, b));
    print_try("", "curl -s -o /dev/null -w '%%{speed_download} bytes/s\\n' http://%s/download.bin", a);
    print_try("the same as a table", "%s status --admin %s", program(path), mesh_addr_text(&first->admin, b));
    if (d->nodes_n > 1)
        print_try("the others serve on", "kill -9 %d", (int)last->pid);
    printf("\nCtrl-C ends everything. What the mesh asks of the origin:\n\n");
    fflush(stdout);
}

/* Notes who of ours has ended. False: not enough is left to go on. */
static bool note_ends(struct demo *d)
{
    size_t alive = 0;
    int status;

    for (size_t i = 0; i < d->nodes_n; i++) {
        struct demo_node *n = &d->nodes[i];
        if (n->pid > 0 && waitpid(n->pid, &status, WNOHANG) == n->pid) {
            n->pid = 0;
            printf("  %s has ended.\n", n->name);
            fflush(stdout);
        }
        alive += n->pid > 0;
    }
    if (d->origin_pid > 0 && waitpid(d->origin_pid, &status, WNOHANG) == d->origin_pid) {
        d->origin_pid = 0;
        cli_say(line.command, "the origin has ended.");
        return false;
    }
    if (alive == 0)
        cli_say(line.command, "no node is left.");
    return alive > 0;
}

/* Until a signal says that it is enough: 0; or 1 when the mesh ends by itself. */
static int wait_for_end(struct demo *d, const sigset_t *signals)
{
    for (;;) {
        int sig = sigwaitinfo(signals, NULL);
        if (sig == SIGCHLD && !note_ends(d))
            return CLI_FAILED;
        if (sig == SIGINT || sig == SIGTERM || sig == SIGHUP)
            return CLI_OK;
    }
}

int cli_demo(int argc, char *const *argv)
{
    struct demo_options o = { .nodes = 3 };
    struct demo d;
    sigset_t signals;
    int code;

    if (!cli_options(&line, argc, argv, &o, NULL, &code))
        return code;
    if (crypto_start() != 0)
        return cli_fail(CLI_FAILED, line.command, "the system gives no random numbers.");
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGCHLD);
    sigprocmask(SIG_BLOCK, &signals, NULL);

    plan(&d, &o);
    code = CLI_FAILED;
    if (make_site(&d) && make_mesh(&d) && demo_origin_start(&d) && start_nodes(&d)) {
        if (d.check) {
            code = demo_check(&d) ? CLI_OK : CLI_FAILED;
        } else {
            print_banner(&d);
            code = wait_for_end(&d, &signals);
            printf("\nEnding.\n");
        }
    } else if (demo_interrupted() && !d.check) {
        code = CLI_OK;
    }
    demo_stop(&d);
    return code;
}
