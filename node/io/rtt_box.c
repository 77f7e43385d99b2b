#include "node/io/rtt_box.h"

#include <linux/tcp.h> /* it has more of tcp_info than the C library's */
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

void rtt_box_init(struct rtt_box *b)
{
    pthread_mutex_init(&b->lock, NULL);
    b->n = 0;
}

void rtt_box_fini(struct rtt_box *b)
{
    pthread_mutex_destroy(&b->lock);
}

void rtt_box_put(struct rtt_box *b, const struct mesh_addr *viewer, uint32_t us)
{
    pthread_mutex_lock(&b->lock);
    if (b->n < RTT_BOX_MAX)
        b->samples[b->n++] = (struct rtt_sample){ *viewer, us };
    pthread_mutex_unlock(&b->lock);
}

unsigned rtt_box_take(struct rtt_box *b, struct rtt_sample out[RTT_BOX_MAX])
{
    pthread_mutex_lock(&b->lock);
    unsigned n = b->n;
    for (unsigned i = 0; i < n; i++)
        out[i] = b->samples[i];
    b->n = 0;
    pthread_mutex_unlock(&b->lock);
    return n;
}

#define HAS(field, len) ((len) >= offsetof(struct tcp_info, field) + sizeof(uint32_t))

/* The shortest one is free of what waited in queues, the viewer's own and that of its way. */
uint32_t rtt_measured(int fd)
{
    struct tcp_info info;
    socklen_t len = sizeof(info);

    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0)
        return 0;
    if (HAS(tcpi_min_rtt, len) && info.tcpi_min_rtt != 0 && info.tcpi_min_rtt != UINT32_MAX)
        return info.tcpi_min_rtt;
    return HAS(tcpi_rtt, len) ? info.tcpi_rtt : 0;
}
