/* A MEMBERS frame, down to the certificates and records in it, at a node that takes them: nobody becomes a member
 * but who holds a certificate of the authority, and no more than there are. */
#include "node/core/mesh.h"
#include "proto/base/err.h"
#include "tests/fuzz/fuzz.h"

#define WALL   INT64_C(1800000000)
#define PEOPLE 4 /* ourselves, two that may come in, and a stranger */

static struct authority authority, stranger;
static struct identity ids[PEOPLE];
static struct mesh *ours;

static void fuzz_start(void)
{
    authority_make(&authority, MESH_ARC_BITS_MIN);
    authority_make(&stranger, MESH_ARC_BITS_MIN);
    for (int i = 0; i < PEOPLE; i++) {
        const char *names[PEOPLE] = { "self", "ann", "bob", "eve" };
        const struct admission what = {
            .name = slice_str(names[i]), .zone = SLICE_LIT("eu/fra"), .not_after_s = WALL + 1000, .serial = 1
        };
        int err = authority_admit(&ids[i], i == 3 ? &stranger : &authority, &what);
        assert(err == 0);
    }
}

static void fuzz_sample(unsigned n, struct buf *b)
{
    struct msg_members_out out = { .settled = n % 5, .placed = n % 2 };
    struct buf record = BUF_EMPTY;

    for (int i = 0; i < PEOPLE; i++) {
        struct member_record r = {
            .id = ids[i].cert.id, .boot = 1 + n % 7, .weight = 100, .serial = 1, .addrs_n = 1, .state = n % 4
        };
        r.addrs[0] = mesh_addr_v4(0x0a000000u + (uint32_t)i, 7400);
        buf_clear(&record);
        member_record_put(&record, &r);
        if ((n >> i & 1) != 0)
            msg_members_add(&out, identity_cert(&ids[i]), buf_slice(&record));
    }
    msg_put_members(b, &out, n % 3 == 0);
    buf_free(&record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct mesh_config cfg = { .self = &ids[0], .boot = { 1, 2 }, .seed = 1 };
    struct wire w = { 0 };
    struct msg_members members;
    struct msg_frame f;
    struct mesh_out out;
    uint8_t *copy = fuzz_copy(data, size);

    if (ours == NULL)
        ours = mesh_new(&cfg, SEC(1));
    assert(ours != NULL);
    if (msg_open(slice_of(copy, size), &f) == 0 && f.type == MSG_MEMBERS && msg_get_members(&w, f.body, &members) == 0) {
        assert(members.n <= MSG_MEMBERS_MAX);
        mesh_members_take(ours, SEC(2), WALL, &members);
        wire_close(&w);
        while (mesh_poll(ours, &out))
            fuzz_touch(out.bytes);
        assert(mesh_count(ours) <= 3);
        struct mesh_member m;
        assert(!mesh_find(ours, &ids[3].cert.id, &m));
        if (mesh_count(ours) == 3 || mesh_counters(ours)->certs_refused > 10000) { /* all in: begin anew */
            mesh_free(ours);
            ours = NULL;
        }
    }
    free(copy);
    return 0;
}
