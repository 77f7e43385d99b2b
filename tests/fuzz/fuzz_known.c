/* The list of members that is kept over a restart, and addresses as people write them: whatever a file says, there
 * are no more addresses than asked for, each with a port, and each reads back from its own text. */
#include "node/core/known.h"
#include "tests/fuzz/fuzz.h"

static void fuzz_start(void)
{
}

static void fuzz_sample(unsigned n, struct buf *b)
{
    static const char *const lines[] = {
        "# members of the mesh\n", "192.0.2.7:7400 00112233445566778899aabbccddeeff fra-1 eu/fra\n",
        "[2001:db8::7]:7400 00112233445566778899aabbccddeeff fra-2 eu/fra\n", "[::ffff:192.0.2.8]:1 x y z\n", "127.0.0.1:0\n",
    };

    for (unsigned i = 0; i < 5; i++) {
        if ((n >> i & 1) != 0)
            buf_add_str(b, lines[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mesh_addr at[KNOWN_MAX], again;
    char text[MESH_ADDR_TEXT_MAX];
    uint8_t *copy = fuzz_copy(data, size);
    struct slice bytes = slice_of(copy, size);
    size_t n = known_get(bytes, at, KNOWN_MAX);

    assert(n <= KNOWN_MAX);
    for (size_t i = 0; i < n; i++) {
        assert(at[i].port != 0);
        int err = mesh_addr_parse(slice_str(mesh_addr_text(&at[i], text)), &again);
        assert(err == 0 && mesh_addr_eq(&at[i], &again));
    }
    if (mesh_addr_parse(bytes, &again) == 0) {
        assert(strlen(mesh_addr_text(&again, text)) < MESH_ADDR_TEXT_MAX);
        struct mesh_addr third;
        int err = mesh_addr_parse(slice_str(text), &third);
        assert(err == 0 && mesh_addr_eq(&again, &third));
    }
    free(copy);
    return 0;
}
