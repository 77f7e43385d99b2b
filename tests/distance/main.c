/* hedgerow-distance - makes hosts far from each other. Each host is a network namespace with a TUN device; this process
 * has the other ends, and hands every packet on when it has been under way for as long as the way between two places
 * takes. Told line by line on standard input, until "begin":
 *
 *   seed N                    of the jitter (1)
 *   device FD ADDRESS PLACE   an open TUN device (inherited), the host's IPv4 address; place 0 is no way from anywhere
 *   delay PLACE PLACE US JITTER_US      one way, in either direction; jitter is evenly from 0 to this
 *   begin                     answered by {"ready":true}; packets pass from now on
 *
 * Ends with standard input; then says in one line of JSON how many packets passed, how many were lost because a
 * device's queue was full, and by how much the latest one was handed on too late. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "proto/base/heap.h"
#include "tests/distance/way.h"

#define PACKET_MAX 2048 /* a device's MTU is 1500 */
#define AT_ONCE    64   /* packets of one device before others have their turn */
#define NO_DEVICE  UINT32_MAX

struct packet {
    struct heap_node node;
    struct packet *next; /* free */
    unsigned to;
    size_t len;
    uint8_t bytes[PACKET_MAX];
};

struct distance {
    struct ways ways;
    struct pollfd polled[1 + WAY_DEVICES_MAX]; /* standard input first */
    uint32_t addresses[WAY_DEVICES_MAX];
    unsigned devices;
    struct heap waiting;
    struct packet *unused;
    unsigned long long passed, lost;
    mesh_ns latest;
};

static struct distance d; /* half a megabyte, zeroed */

static mesh_ns now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return SEC(t.tv_sec) + t.tv_nsec;
}

/* ---- what it is told ---- */

static int add_device(int fd, const char *address, unsigned place)
{
    struct in_addr in;

    if (d.devices == WAY_DEVICES_MAX || place >= WAY_PLACES_MAX || inet_pton(AF_INET, address, &in) != 1)
        return -1;
    d.polled[1 + d.devices] = (struct pollfd){ .fd = fd, .events = POLLIN };
    d.addresses[d.devices] = in.s_addr;
    d.ways.place[d.devices++] = place;
    return 0;
}

static void set_way(unsigned a, unsigned b, mesh_ns delay, mesh_ns jitter)
{
    d.ways.delay[a][b] = d.ways.delay[b][a] = delay;
    d.ways.jitter[a][b] = d.ways.jitter[b][a] = jitter;
}

/* 0: go on; 1: begin; -1: no such line. */
static int obey(const char *line)
{
    unsigned long long n, jitter;
    unsigned a, b;
    char text[64];
    int fd;

    if (strcmp(line, "begin\n") == 0)
        return 1;
    if (sscanf(line, "seed %llu", &n) == 1)
        d.ways.seed = n;
    else if (sscanf(line, "device %d %63s %u", &fd, text, &a) == 3)
        return add_device(fd, text, a);
    else if (sscanf(line, "delay %u %u %llu %llu", &a, &b, &n, &jitter) == 4 && a < WAY_PLACES_MAX &&
             b < WAY_PLACES_MAX)
        set_way(a, b, US((mesh_ns)n), US((mesh_ns)jitter));
    else
        return -1;
    return 0;
}

/* ---- packets ---- */

static struct packet *packet_new(void)
{
    struct packet *p = d.unused;

    if (p == NULL && (p = malloc(sizeof(*p))) == NULL)
        abort();
    d.unused = p == d.unused ? p->next : d.unused;
    memset(&p->node, 0, sizeof(p->node));
    return p;
}

static void packet_free(struct packet *p)
{
    p->next = d.unused;
    d.unused = p;
}

static unsigned device_of(const uint8_t *address)
{
    uint32_t wanted;

    memcpy(&wanted, address, sizeof(wanted));
    for (unsigned i = 0; i < d.devices; i++) {
        if (d.addresses[i] == wanted)
            return i;
    }
    return NO_DEVICE;
}

static void take_all(unsigned from)
{
    for (int i = 0; i < AT_ONCE; i++) {
        struct packet *p = packet_new();
        ssize_t n = read(d.polled[1 + from].fd, p->bytes, sizeof(p->bytes));
        /* IPv4 alone, and for a host that there is. */
        p->to = n >= 20 && p->bytes[0] >> 4 == 4 ? device_of(p->bytes + 16) : NO_DEVICE;
        if (p->to == NO_DEVICE) {
            packet_free(p);
            if (n <= 0)
                return;
            continue;
        }
        p->len = (size_t)n;
        heap_set(&d.waiting, &p->node, way_arrival(&d.ways, from, p->to, p->bytes[9] == IPPROTO_TCP, now_ns()));
    }
}

static void hand_on(void)
{
    struct heap_node *n;
    mesh_ns now = now_ns();

    while ((n = heap_pop(&d.waiting, now)) != NULL) {
        struct packet *p = (struct packet *)(void *)((char *)n - offsetof(struct packet, node));
        if (write(d.polled[1 + p->to].fd, p->bytes, p->len) == (ssize_t)p->len)
            d.passed++;
        else
            d.lost++;
        d.latest = now - p->node.at > d.latest ? now - p->node.at : d.latest;
        packet_free(p);
    }
}

static void carry(void)
{
    for (;;) {
        mesh_ns at = heap_deadline(&d.waiting), now = now_ns(), left = at > now ? at - now : 0;
        struct timespec t = { .tv_sec = left / SEC(1), .tv_nsec = left % SEC(1) };
        if (ppoll(d.polled, 1 + d.devices, at == MESH_NS_NEVER ? NULL : &t, NULL) < 0 && errno != EINTR)
            return;
        if (d.polled[0].revents != 0)
            return;
        for (unsigned i = 0; i < d.devices; i++) {
            if (d.polled[1 + i].revents != 0)
                take_all(i);
        }
        hand_on();
    }
}

int main(void)
{
    char line[256];
    int begun = 0;

    d.ways.seed = 1;
    d.polled[0] = (struct pollfd){ .fd = 0, .events = POLLIN };
    heap_init(&d.waiting);
    prctl(PR_SET_TIMERSLACK, 1); /* woken when it said, not some 50 us later */
    while (!begun && fgets(line, sizeof(line), stdin) != NULL) {
        begun = obey(line);
        if (begun < 0) {
            fprintf(stderr, "hedgerow-distance: not understood: %s", line);
            return 2;
        }
    }
    puts("{\"ready\":true}");
    fflush(stdout);
    carry();
    printf("{\"packets\":%llu,\"lost\":%llu,\"latest_us\":%lld}\n", d.passed, d.lost, (long long)(d.latest / US(1)));
    return 0;
}
