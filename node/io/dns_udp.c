/* Queries over UDP: read and answered by the batch. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "node/io/dns_impl.h"
#include "node/io/sock.h"

#define BATCHES_PER_TURN 8 /* then TCP has its turn */

/* Answers stand one behind the other, so that few lines of the cache are touched: the last one may be as long as
 * dns_answer is promised room for. */
#define ANSWERS_BYTES (DNS_BATCH * 1280 + DNS_MESSAGE_MAX)

/* Where a datagram was sent to, for the answer to come from there. */
union destination {
    struct cmsghdr align;
    uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

struct dns_batch {
    struct mmsghdr in[DNS_BATCH], out[DNS_BATCH];
    struct iovec in_at[DNS_BATCH], out_at[DNS_BATCH];
    struct sockaddr_storage from[DNS_BATCH];
    union destination to[DNS_BATCH];
    uint8_t queries[DNS_BATCH][DNS_UDP_QUERY_MAX];
    uint8_t answers[ANSWERS_BYTES];
};

struct dns_batch *dns_batch_new(void)
{
    return calloc(1, sizeof(struct dns_batch));
}

static void expect(struct dns_batch *b, bool any_address)
{
    for (size_t i = 0; i < DNS_BATCH; i++) {
        b->in_at[i] = (struct iovec){ b->queries[i], DNS_UDP_QUERY_MAX };
        b->in[i].msg_hdr = (struct msghdr){ .msg_name = &b->from[i],
                                            .msg_namelen = sizeof(b->from[i]),
                                            .msg_iov = &b->in_at[i],
                                            .msg_iovlen = 1,
                                            .msg_control = any_address ? b->to[i].bytes : NULL,
                                            .msg_controllen = any_address ? sizeof(b->to[i].bytes) : 0 };
    }
}

/* What the kernel said of where |in| was sent to goes back as where |out| is to come from. The interface is the
 * routing's to choose. */
static void answer_from(struct msghdr *out, struct msghdr *in)
{
    struct cmsghdr *c = CMSG_FIRSTHDR(in);

    out->msg_control = NULL;
    out->msg_controllen = 0;
    if (c == NULL)
        return;
    if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
        struct in_pktinfo info;
        memcpy(&info, CMSG_DATA(c), sizeof(info));
        info = (struct in_pktinfo){ .ipi_spec_dst = info.ipi_addr };
        memcpy(CMSG_DATA(c), &info, sizeof(info));
        out->msg_controllen = CMSG_SPACE(sizeof(info));
    } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
        struct in6_pktinfo info;
        memcpy(&info, CMSG_DATA(c), sizeof(info));
        if (!IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
            info.ipi6_ifindex = 0;
        memcpy(CMSG_DATA(c), &info, sizeof(info));
        out->msg_controllen = CMSG_SPACE(sizeof(info));
    }
    if (out->msg_controllen > 0)
        out->msg_control = in->msg_control;
}

/* Answers what was read; returns how many answers there are. */
static unsigned answer_batch(struct dns_door *d, unsigned n)
{
    struct dns_thread *t = d->thread;
    struct dns_batch *b = t->batch;
    unsigned answers = 0;
    size_t used = 0;

    for (unsigned i = 0; i < n; i++) {
        struct msghdr *in = &b->in[i].msg_hdr;
        struct mesh_addr from;
        if ((in->msg_flags & MSG_TRUNC) != 0 || !sock_addr_of((struct sockaddr *)&b->from[i], &from)) {
            t->counters.dropped++;
            continue;
        }
        /* Nobody asks from port 0, and the kernel would not send there. */
        size_t len =
            from.port == 0 ? 0 : dns_one(t, &from, false, slice_of(b->queries[i], b->in[i].msg_len), b->answers + used);
        if (len == 0)
            continue;
        assert(len <= DNS_UDP_MAX);
        b->out_at[answers] = (struct iovec){ b->answers + used, len };
        b->out[answers].msg_hdr = (struct msghdr){
            .msg_name = in->msg_name, .msg_namelen = in->msg_namelen, .msg_iov = &b->out_at[answers], .msg_iovlen = 1
        };
        if (d->any_address)
            answer_from(&b->out[answers].msg_hdr, in);
        answers++;
        used += (len + 63) / 64 * 64;
    }
    return answers;
}

/* One that the kernel refuses is not sent, and the others are; where it takes no more, the askers will ask again. */
static void send_batch(struct dns_door *d, unsigned n)
{
    struct dns_thread *t = d->thread;
    unsigned sent = 0;

    while (sent < n) {
        int k = sendmmsg(d->udp_fd, t->batch->out + sent, n - sent, MSG_NOSIGNAL);
        if (k > 0) {
            sent += (unsigned)k;
            continue;
        }
        if (errno == EINTR)
            continue;
        if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS || errno == ENOMEM) {
            t->counters.unsent += n - sent;
            return;
        }
        t->counters.unsent++;
        sent++;
    }
}

static void on_datagrams(struct ev_loop *loop, ev_io *io, int revents)
{
    struct dns_door *d = io->data;
    struct dns_thread *t = d->thread;
    int n = DNS_BATCH;

    (void)loop;
    (void)revents;
    for (int i = 0; i < BATCHES_PER_TURN && n == DNS_BATCH; i++) {
        expect(t->batch, d->any_address);
        n = recvmmsg(d->udp_fd, t->batch->in, DNS_BATCH, 0, NULL);
        if (n <= 0) /* nothing, or news of an answer that did not arrive */
            break;
        if (dns_turn(t))
            send_batch(d, answer_batch(d, (unsigned)n));
        else
            t->counters.dropped += (unsigned)n;
    }
    dns_show(t);
}

void dns_udp_start(struct dns_door *d)
{
    ev_io_init(&d->udp, on_datagrams, d->udp_fd, EV_READ);
    d->udp.data = d;
    ev_io_start(d->thread->loop, &d->udp);
}
