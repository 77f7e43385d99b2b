#include "node/io/dns_home.h"

#include <errno.h>
#include <stdio.h>

#include "node/io/node_impl.h"
#include "node/steer/steer.h"
#include "proto/identity.h"

#define LOOK_PERIOD MS(10) /* while the loop turns; else it is woken each 200 ms */
#define WAKE_PERIOD 0.2

static void fill(struct dns_server_config *cfg, struct node *n)
{
    const struct node_config *from = &n->cfg;

    *cfg = (struct dns_server_config){ .addrs_n = from->dns_n,
                                       .threads = from->dns_threads > 0 ? from->dns_threads : 1,
                                       .rate = from->dns_rate,
                                       .places = n->worker.country_file };
    memcpy(cfg->addrs, from->dns, sizeof(cfg->addrs));
    mesh_dns_secret(&from->self->mesh, cfg->secret);
}

int dns_home_open(struct dns_home *h, struct node *n, char *error)
{
    struct dns_server_config cfg;
    int failed;

    if (n->cfg.dns_n == 0)
        return 0;
    fill(&cfg, n);
    h->node = n;
    h->server = dns_server_open(&cfg, &failed);
    if (h->server == NULL) {
        if (failed >= 0)
            node_cannot_listen(error, &cfg.addrs[failed], "--dns", errno);
        else
            snprintf(error, NODE_ERROR_MAX, "out of memory");
        return -1;
    }
    memcpy(h->addrs, cfg.addrs, sizeof(h->addrs));
    h->addrs_n = cfg.addrs_n;
    return 0;
}

/* When what is served came to be, so that all nodes say the same of one version of the mesh's configuration; what a
 * node was started with alone, or what it read again, has the time of that. It only grows (RFC 1982). */
static uint32_t next_serial(const struct dns_home *h)
{
    const struct worker *w = &h->node->worker;
    const struct config_kept *now = engine_config_log(w->engine)->current;
    uint32_t at = (uint32_t)(now != NULL ? now->doc->head.at_s : w->wall_us / 1000000);

    return h->published && (int32_t)(at - h->serial) <= 0 ? h->serial + 1 : at;
}

/* A node that is short of memory goes on with what it had. */
static void look(struct dns_home *h)
{
    struct worker *w = &h->node->worker;
    const struct node_config *cfg = &h->node->cfg;
    struct dist_set *set = engine_config(w->engine)->set;
    struct steer_view *view = steer_view(engine_steer(w->engine), w->now);
    struct slice zones[DNS_ZONES_MAX] = { slice_str(cfg->dns_domain) };
    struct dns_site *site = NULL;

    h->looked = w->now;
    if (view != NULL && (!h->published || h->view != view->number || h->set != set)) {
        uint32_t serial = h->published && h->set == set ? h->serial : next_serial(h);
        for (size_t i = 0; i < cfg->dns_zones_n; i++)
            zones[1 + i] = slice_str(cfg->dns_zones[i]);
        if (dns_site_new(&site, zones, 1 + cfg->dns_zones_n, set, view, serial) == 0) {
            dns_server_publish(h->server, site);
            dns_site_unref(site);
            h->published = true;
            h->serial = serial;
            h->view = view->number;
            dist_set_unref(h->set);
            h->set = dist_set_ref(set);
        }
    }
    steer_view_unref(view);
}

/* Only to have a turn: its end does the rest. */
static void on_wake(struct ev_loop *loop, ev_timer *timer, int revents)
{
    (void)loop;
    (void)timer;
    (void)revents;
}

int dns_home_start(struct dns_home *h, char *error)
{
    if (h->server == NULL)
        return 0;
    node_dns_port(h->node, h->addrs[0].port);
    look(h);
    int err = dns_server_start(h->server);
    if (err != 0) {
        snprintf(error, NODE_ERROR_MAX, "cannot start a thread for DNS: %s", strerror(err));
        return -1;
    }
    ev_timer_init(&h->wake, on_wake, WAKE_PERIOD, WAKE_PERIOD);
    ev_timer_start(h->node->worker.loop, &h->wake);
    return 0;
}

void dns_home_turn(struct dns_home *h)
{
    if (h->server != NULL && h->node->worker.now - h->looked >= LOOK_PERIOD)
        look(h);
}

void dns_home_stop(struct dns_home *h)
{
    if (h->server == NULL)
        return;
    ev_timer_stop(h->node->worker.loop, &h->wake);
    dns_server_free(h->server);
    h->server = NULL;
    dist_set_unref(h->set);
    h->set = NULL;
}
