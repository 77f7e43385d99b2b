/* What the demo asks of its own mesh: whether it is whole, and, with --check, every file
 * through every node. */
#include <jansson.h>
#include <stdio.h>
#include <time.h>

#include "node/cli/cli.h"
#include "node/cli/demo.h"
#include "node/cli/http_get.h"

#define MESH_TIME  SEC(20)
#define FETCH_TIME SEC(60)

static const char command[] = "demo";

static mesh_ns clock_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return SEC(ts.tv_sec) + ts.tv_nsec;
}

/* Does this /status name |want| members, all alive and each with a share of the ring? */
static bool whole(struct slice json, size_t want)
{
    json_t *status = json_loadb((const char *)json.data, json.len, 0, NULL), *member;
    size_t i, good = 0;

    json_array_foreach(json_object_get(json_object_get(status, "mesh"), "members"), i, member)
    {
        const char *state = json_string_value(json_object_get(member, "state"));
        good += state != NULL && strcmp(state, "alive") == 0 &&
                json_number_value(json_object_get(member, "ring_share")) > 0;
    }
    json_decref(status);
    return good == want;
}

static bool node_sees_all(const struct demo *d, size_t i)
{
    struct http_get got;
    struct buf why = BUF_EMPTY;

    bool ok = http_get(&got, &d->nodes[i].admin, "/status", NULL, SEC(2), &why) == 0 && got.status == 200 &&
              whole(buf_slice(&got.body), d->nodes_n);
    http_get_free(&got);
    buf_free(&why);
    return ok;
}

bool demo_mesh_wait(struct demo *d)
{
    mesh_ns until = clock_now() + MESH_TIME;
    size_t i = 0;

    while (i < d->nodes_n) {
        if (demo_interrupted())
            return false;
        if (node_sees_all(d, i)) {
            i++;
        } else if (clock_now() > until) {
            cli_say(command, "%s does not see the whole mesh after %d s.", d->nodes[i].name, (int)(MESH_TIME / SEC(1)));
            return false;
        } else {
            nanosleep(&(struct timespec){ .tv_nsec = MS(50) }, NULL);
        }
    }
    return true;
}

struct tally {
    unsigned fetches, peer_hits, wrong;
    unsigned origin; /* what the nodes asked of the origin */
};

/* One file through one node, as one row. */
static void check_one(const struct demo *d, size_t node, const char *path, struct slice want, struct tally *t)
{
    struct http_get got;
    struct buf why = BUF_EMPTY;
    const struct demo_node *n = &d->nodes[node];
    mesh_ns before = clock_now();
    const char *verdict;
    struct slice word = SLICE_LIT("-");

    int err = http_get(&got, &n->http, path, NULL, FETCH_TIME, &why);
    double ms = (double)(clock_now() - before) / 1e6;
    if (err != 0) {
        buf_add_u8(&why, 0);
        verdict = buf_ok(&why) ? (const char *)why.data : "out of memory";
    } else {
        const struct field *x = fields_find(&got.fields, SLICE_LIT("x-cache"));
        struct slice rest = x != NULL ? x->value : SLICE_EMPTY;
        slice_split(&rest, ' ', &word);
        verdict = got.status != 200 ? "not 200" : slice_eq(buf_slice(&got.body), want) ? "same bytes" : "WRONG BYTES";
    }
    printf("  %-18s %-8s %-10.*s %12zu  %8.1f ms  %s\n", path, n->name, SLICE_FMT(word), got.body.len, ms, verdict);
    t->fetches++;
    t->wrong += err != 0 || got.status != 200 || !slice_eq(buf_slice(&got.body), want);
    t->peer_hits += slice_eq(word, SLICE_LIT("PeerHit"));
    http_get_free(&got);
    buf_free(&why);
}

/* One file: from the origin itself, to compare with, then through each node. */
static bool check_file(struct demo *d, size_t file, struct tally *t)
{
    const char *path = d->site.files[file].path;
    struct http_get origin;
    struct buf why = BUF_EMPTY;

    bool ok = http_get(&origin, &d->origin, path, NULL, FETCH_TIME, &why) == 0 && origin.status == 200;
    if (ok) {
        unsigned before = atomic_load(&d->counts->files[file]);
        for (size_t i = 0; i < d->nodes_n; i++)
            check_one(d, i, path, buf_slice(&origin.body), t);
        t->origin += atomic_load(&d->counts->files[file]) - before;
    } else {
        cli_say(command, "%s: the origin itself does not answer: %.*s", path, SLICE_FMT(buf_slice(&why)));
    }
    http_get_free(&origin);
    buf_free(&why);
    return ok;
}

bool demo_check(struct demo *d)
{
    struct tally t = { 0 };

    printf("  %-18s %-8s %-10s %12s  %11s  %s\n", "FILE", "NODE", "ANSWER", "BYTES", "TIME", "COMPARED");
    for (size_t i = 0; i < DEMO_SITE_FILES; i++) {
        if (demo_interrupted() || !check_file(d, i, &t))
            return false;
    }
    /* On a machine that stands still for half a second a node takes its neighbour for silent
     * and goes to the origin itself, as it should: that is no fault here. */
    printf("\n%u fetches, %u from a neighbour's copy, %u wrong; the nodes asked the origin %u times for %d files.\n",
           t.fetches, t.peer_hits, t.wrong, t.origin, DEMO_SITE_FILES);
    if (t.wrong == 0 && t.peer_hits == 0 && d->nodes_n > 1)
        cli_say(command, "no answer came from a neighbour.");
    return t.wrong == 0 && (t.peer_hits > 0 || d->nodes_n == 1);
}
