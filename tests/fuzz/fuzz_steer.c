/* Whatever a member says to viewers' ends: what is refused changes nothing, what is taken is within bounds in the view,
 * and what we then say ourselves can be heard. */
#include "node/steer/choose.h"
#include "node/steer/steer.h"
#include "proto/base/err.h"
#include "tests/fuzz/fuzz.h"

#define NOW SEC(100)

static struct buf samples[4];

static struct steer *node_make(uint8_t i)
{
    struct steer_config cfg = { .id = { { i } }, .name = "n", .zone = "z", .seed = 1, .own_max = 64, .rows_max = 128 };
    struct steer *s = steer_new(&cfg, NOW);
    struct node_id other = { { (uint8_t)(3 - i) } };

    assert(s != NULL);
    int err = steer_member(s, NOW, &other, "m", "z", true);
    assert(err == 0);
    return s;
}

static void fuzz_start(void)
{
    for (unsigned n = 0; n < 4; n++) {
        struct steer *s = node_make(2);
        struct steer_facts facts = { .addrs_n = n, .http = 80, .ready = true, .located = n > 1, .lat_e4 = 500000 };
        struct steer_out out;
        for (unsigned i = 0; i < n; i++)
            facts.addrs[i] = mesh_addr_v4(0x01020304 + i, 0);
        if (n == 3)
            facts.addrs[2] = (struct mesh_addr){ .ip = { 0x20, 1, [15] = 1 } };
        steer_self(s, NOW, &facts);
        for (unsigned i = 0; i < 5 * n; i++) {
            struct mesh_addr v4 = mesh_addr_v4(0x05060700 + (i << 8), 1),
                             v6 = { .ip = { 0x20, 2, 3, 4, 5, (uint8_t)i } };
            steer_sample(s, NOW, i % 2 == 0 ? &v4 : &v6, i % 3 == 0 ? "de" : "", MS(10 + i));
        }
        steer_tick(s, NOW + SEC(2));
        bool said = steer_poll(s, &out);
        assert(said);
        buf_add_slice(&samples[n], out.bytes);
        steer_free(s);
    }
}

static void fuzz_sample(unsigned n, struct buf *b)
{
    buf_add_slice(b, buf_slice(&samples[n % 4]));
}

static void check(struct steer *s, mesh_ns now)
{
    struct steer_view *v = steer_view(s, now);
    struct steer_ask ask = { .client = mesh_addr_v4(0x05060701, 1), .client_bits = 32 };
    struct steer_choice choice;

    assert(v != NULL && v->edges_n == 2 && v->rows_n <= 128);
    for (size_t i = 0; i < v->edges_n; i++) {
        const struct steer_facts *f = &v->edges[i].facts;
        assert(f->addrs_n <= STEER_ADDRS_MAX && f->shed_permille <= 1000);
    }
    for (size_t i = 0; i < v->rows_n; i++) {
        const struct steer_row *row = &v->rows[i];
        assert(row->n > 0 && row->n <= STEER_ROW_EDGES && steer_view_row(v, &row->prefix) != NULL);
        for (unsigned k = 0; k < row->n; k++)
            assert(row->figures[k].edge < v->edges_n && row->figures[k].rtt > 0);
    }
    steer_choose(v, &ask, &choice);
    for (size_t i = 0; i < choice.n; i++)
        assert(choice.picks[i].edge < v->edges_n);
    steer_view_unref(v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = fuzz_copy(data, size);
    struct slice bytes = slice_of(copy, size);
    struct node_id from = { { 2 } }, self = { { 1 } }, stranger = { { 9 } };
    struct steer *s = node_make(1), *other = node_make(2);
    struct steer_size was, is;
    struct steer_out out;

    int err = steer_take(s, NOW, &stranger, bytes);
    assert(err == MESH_E_UNKNOWN);
    steer_size(s, &was);
    err = steer_take(s, NOW, &from, bytes);
    steer_size(s, &is);
    assert(err <= 0 && (err == 0 || is.rows == was.rows));
    assert(err != 0 || (steer_is(bytes) && size <= STEER_DATAGRAM_MAX));
    check(s, NOW);
    int again = steer_take(s, NOW + SEC(1), &from, bytes);
    assert(again == err);
    steer_peer_rtt(s, NOW + SEC(1), &from, MS(20));
    steer_tick(s, NOW + SEC(5));
    while (steer_poll(s, &out)) {
        err = steer_take(other, NOW + SEC(5), &self, out.bytes);
        assert(err == 0);
    }
    check(s, NOW + SEC(5));
    steer_free(s);
    steer_free(other);
    free(copy);
    return 0;
}
