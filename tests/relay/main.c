/* hedgerow-relay - stands between nodes and does to their bytes what bad networks do, from a
 * seed. Told by flags at the start and by commands on standard input while it runs; each
 * command is answered by one JSON line. Ends with standard input, or on SIGTERM. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "proto/base/err.h"
#include "tests/relay/command.h"
#include "tests/relay/relay.h"

#define LINE_MAX_BYTES 4096

static const char usage[] =
    "Usage: hedgerow-relay --seed N [--mesh|--tcp|--udp] LISTEN[=TARGET] ... [faults]\n"
    "LISTEN and TARGET are ADDR:PORT; port 0 takes a free one, and --mesh (or --tcp and --udp\n"
    "with the same LISTEN) takes one number for both. Without a target, callers wait for one.\n"
    "Faults: --delay-ms N --jitter-ms N --loss-pct N --reorder-pct N --duplicate-pct N\n"
    "        --rate-kbps N --bitflip-per-mb N --bitflip-count N --one-way up|down --half-open\n"
    "Commands: delay N, jitter N, loss N, reorder N, duplicate N, rate N, flip COUNT [PER_MB],\n"
    "          cut up|down|both, half-open, heal, target ADDR:PORT [INDEX], stats\n";

struct control {
    struct relay relay;
    ev_io input;
    ev_signal term, interrupt;
    struct buf line;
};

/* ---- flags ---- */

static int bad(const char *flag, const char *why)
{
    fprintf(stderr, "hedgerow-relay: %s: %s\n%s", flag, why, usage);
    return 2;
}

static int read_port(struct relay *r, struct slice name, struct slice value)
{
    bool mesh = slice_eq(name, SLICE_LIT("mesh"));
    bool tcp = mesh || slice_eq(name, SLICE_LIT("tcp")), udp = mesh || slice_eq(name, SLICE_LIT("udp"));

    return tcp || udp ? relay_port(r, value, tcp, udp) : MESH_E_UNKNOWN;
}

/* The seed comes first, whatever its place: everything else draws from it. */
static int read_seed(int argc, char *const *argv, uint64_t *seed)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--seed") == 0)
            return i + 1 < argc && slice_u64(slice_str(argv[i + 1]), seed) == 0 ? 0 : MESH_E_SYNTAX;
    }
    return 0;
}

static int read_flags(struct relay *r, int argc, char *const *argv)
{
    for (int i = 1; i < argc; i++) {
        struct slice name = slice_str(argv[i]), value = SLICE_EMPTY;
        const char *flag = argv[i];

        if (name.len < 3 || memcmp(name.data, "--", 2) != 0)
            return bad(flag, "not a flag");
        name = slice_from(name, 2);
        if (command_flag_has_value(name)) {
            if (++i == argc)
                return bad(flag, "its value is missing");
            value = slice_str(argv[i]);
        }
        if (slice_eq(name, SLICE_LIT("seed")))
            continue;
        int err = read_port(r, name, value);
        if (err == MESH_E_UNKNOWN)
            err = command_flag(&r->faults, name, value);
        if (err != 0)
            return bad(flag, mesh_strerror(err));
    }
    return r->ports_n > 0 ? 0 : bad("--mesh", "at least one port is needed");
}

/* ---- commands ---- */

static void say(struct buf *line)
{
    buf_add_str(line, "\n");
    if (buf_ok(line))
        fwrite(line->data, 1, line->len, stdout);
    fflush(stdout);
    buf_free(line);
}

/* target ADDR:PORT [INDEX]: where a port leads, from now on. */
static int set_target(struct relay *r, struct slice words)
{
    struct slice addr = SLICE_EMPTY, index = SLICE_EMPTY;
    struct mesh_addr target;
    uint64_t i = 0;

    slice_split(&words, ' ', &addr);
    if (slice_split(&words, ' ', &index) && slice_u64(index, &i) != 0)
        return MESH_E_SYNTAX;
    if (mesh_addr_parse(addr, &target) != 0 || target.port == 0)
        return MESH_E_SYNTAX;
    if (i >= r->ports_n)
        return MESH_E_RANGE;
    r->ports[i].tcp_target = r->ports[i].udp_target = target;
    udp_retarget(&r->ports[i]);
    return 0;
}

static void obey(struct control *c, struct slice line)
{
    struct relay *r = &c->relay;
    struct buf answer = BUF_EMPTY;
    struct slice rest = line, word = SLICE_EMPTY;

    slice_split(&rest, ' ', &word);
    if (slice_eq(line, SLICE_LIT("stats"))) {
        relay_stats(r, &answer);
        say(&answer);
        return;
    }
    int err = slice_eq(word, SLICE_LIT("target")) ? set_target(r, rest) : command_apply(&r->faults, line);
    if (err == 0)
        relay_changed(r);
    buf_addf(&answer, err == 0 ? "{\"ok\":true}" : "{\"error\":\"%s\"}", mesh_strerror(err));
    say(&answer);
}

static void on_input(struct ev_loop *loop, ev_io *w, int events)
{
    struct control *c = w->data;
    uint8_t *room = buf_reserve(&c->line, LINE_MAX_BYTES);
    ssize_t n = room != NULL ? read(STDIN_FILENO, room, LINE_MAX_BYTES) : 0;
    uint8_t *end;

    (void)events;
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0 || c->line.len > LINE_MAX_BYTES) {
        ev_break(loop, EVBREAK_ALL);
        return;
    }
    c->line.len += (size_t)n;
    while (c->line.len > 0 && (end = memchr(c->line.data, '\n', c->line.len)) != NULL) {
        size_t len = (size_t)(end - c->line.data);
        obey(c, slice_trim(slice_of(c->line.data, len)));
        buf_drop(&c->line, len + 1);
    }
}

static void on_signal(struct ev_loop *loop, ev_signal *w, int events)
{
    (void)w;
    (void)events;
    ev_break(loop, EVBREAK_ALL);
}

int main(int argc, char **argv)
{
    struct control c = { .line = BUF_EMPTY };
    struct mesh_addr about;
    struct buf line = BUF_EMPTY;
    uint64_t seed = 1;
    char text[MESH_ADDR_TEXT_MAX];
    int code;

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        fputs(usage, stdout);
        return 0;
    }
    struct ev_loop *loop = ev_default_loop(0);
    if (read_seed(argc, argv, &seed) != 0)
        return bad("--seed", "not a number");
    relay_init(&c.relay, loop, seed);
    if ((code = read_flags(&c.relay, argc, argv)) != 0)
        return code;
    signal(SIGPIPE, SIG_IGN);
    if ((code = relay_listen(&c.relay, &about)) != 0) {
        fprintf(stderr, "hedgerow-relay: cannot listen on %s: %s\n", mesh_addr_text(&about, text), strerror(code));
        relay_fini(&c.relay);
        return 1;
    }
    ev_io_init(&c.input, on_input, STDIN_FILENO, EV_READ);
    c.input.data = &c;
    ev_io_start(loop, &c.input);
    ev_signal_init(&c.term, on_signal, SIGTERM);
    ev_signal_start(loop, &c.term);
    ev_signal_init(&c.interrupt, on_signal, SIGINT);
    ev_signal_start(loop, &c.interrupt);
    relay_ready(&c.relay, &line);
    say(&line);
    ev_run(loop, 0);
    relay_fini(&c.relay);
    buf_free(&c.line);
    ev_loop_destroy(loop);
    return 0;
}
