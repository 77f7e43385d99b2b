#include "node/cli/demo_site.h"

#include <assert.h>
#include <stdio.h>

#include "node/cli/sunset.h"
#include "proto/base/err.h"
#include "proto/base/rand.h"
#include "proto/digest.h"

/* Embedded by the build from site/. */
extern const uint8_t site_index[], site_style[], site_app[];
extern const size_t site_index_len, site_style_len, site_app_len;

#define PICTURE_WIDTH  960
#define PICTURE_HEIGHT 540
#define PICTURE_SEED   7
#define DOWNLOAD_SEED  UINT64_C(0x686564676572)

static void add(struct demo_site *site, size_t at, const char *path, const char *type, const char *cache_control,
                struct slice bytes)
{
    struct digest d;
    struct demo_file *f = &site->files[at];

    digest_one(&d, bytes);
    *f = (struct demo_file){
        .path = path, .type = type, .cache_control = cache_control, .bytes = bytes, .length = bytes.len
    };
    snprintf(f->etag, sizeof(f->etag), "\"%016llx\"", (unsigned long long)digest_u64(&d));
}

int demo_site_make(struct demo_site *site, struct slice mesh_json, int64_t now_s)
{
    static const char minute[] = "public, max-age=60", hour[] = "public, max-age=3600";
    size_t n = 0;

    *site = (struct demo_site){ .made_s = now_s };
    buf_add_slice(&site->mesh, mesh_json);
    if (!buf_ok(&site->mesh) || sunset_draw(&site->picture, PICTURE_WIDTH, PICTURE_HEIGHT, PICTURE_SEED) != 0)
        return MESH_E_NOMEM;
    add(site, n++, "/", "text/html; charset=utf-8", minute, slice_of(site_index, site_index_len));
    add(site, n++, "/style.css", "text/css; charset=utf-8", hour, slice_of(site_style, site_style_len));
    add(site, n++, "/app.js", "text/javascript; charset=utf-8", hour, slice_of(site_app, site_app_len));
    add(site, n++, "/sunsetphoto.png", "image/png", hour, buf_slice(&site->picture));
    add(site, n++, "/mesh.json", "application/json", minute, buf_slice(&site->mesh));
    add(site, n++, "/download.bin", "application/octet-stream", "public, max-age=86400", SLICE_EMPTY);
    site->files[n - 1].generated = true;
    site->files[n - 1].length = DEMO_DOWNLOAD_BYTES;
    assert(n == DEMO_SITE_FILES);
    return 0;
}

void demo_site_free(struct demo_site *site)
{
    buf_free(&site->picture);
    buf_free(&site->mesh);
}

const struct demo_file *demo_site_find(const struct demo_site *site, struct slice path)
{
    if (slice_eq(path, SLICE_LIT("/index.html")))
        path = SLICE_LIT("/");
    for (size_t i = 0; i < DEMO_SITE_FILES; i++) {
        if (slice_eq(path, slice_str(site->files[i].path)))
            return &site->files[i];
    }
    return NULL;
}

/* Byte |i| is a function of |i| alone, so any part can be made at once. Five bytes in eight
 * are noise, so that compression has something to find but not much. */
static void generate(uint64_t offset, uint8_t *to, size_t n)
{
    uint8_t word[8];
    uint64_t have = UINT64_MAX;

    for (size_t i = 0; i < n; i++) {
        uint64_t at = (offset + i) / 8;
        if (at != have) {
            be64_put(word, rand_mix(DOWNLOAD_SEED ^ rand_mix(at)) & UINT64_C(0xffffff00ffff0000));
            have = at;
        }
        to[i] = word[(offset + i) % 8];
    }
}

void demo_site_read(const struct demo_file *file, uint64_t offset, uint8_t *to, size_t n)
{
    assert(offset <= file->length && n <= file->length - offset);
    if (file->generated)
        generate(offset, to, n);
    else
        memcpy(to, file->bytes.data + offset, n);
}
