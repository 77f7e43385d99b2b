#include "node/io/directory_answer.h"

#include <inttypes.h>
#include <stdio.h>

#include "node/core/range.h"
#include "node/core/selection.h"

#define SETTLED_S 2 /* of a file's last change: no other one may have the same time */

static const struct {
    const char *suffix, *type;
} types[] = {
    { "html", "text/html; charset=utf-8" },
    { "htm", "text/html; charset=utf-8" },
    { "css", "text/css; charset=utf-8" },
    { "js", "text/javascript; charset=utf-8" },
    { "mjs", "text/javascript; charset=utf-8" },
    { "txt", "text/plain; charset=utf-8" },
    { "md", "text/markdown; charset=utf-8" },
    { "csv", "text/csv; charset=utf-8" },
    { "xml", "application/xml" },
    { "json", "application/json" },
    { "map", "application/json" },
    { "webmanifest", "application/manifest+json" },
    { "wasm", "application/wasm" },
    { "pdf", "application/pdf" },
    { "zip", "application/zip" },
    { "gz", "application/gzip" },
    { "zst", "application/zstd" },
    { "tar", "application/x-tar" },
    { "svg", "image/svg+xml" },
    { "png", "image/png" },
    { "jpg", "image/jpeg" },
    { "jpeg", "image/jpeg" },
    { "gif", "image/gif" },
    { "webp", "image/webp" },
    { "avif", "image/avif" },
    { "ico", "image/vnd.microsoft.icon" },
    { "woff", "font/woff" },
    { "woff2", "font/woff2" },
    { "ttf", "font/ttf" },
    { "otf", "font/otf" },
    { "mp3", "audio/mpeg" },
    { "m4a", "audio/mp4" },
    { "aac", "audio/aac" },
    { "ogg", "audio/ogg" },
    { "opus", "audio/ogg" },
    { "wav", "audio/wav" },
    { "mp4", "video/mp4" },
    { "m4s", "video/iso.segment" },
    { "cmfv", "video/mp4" },
    { "cmfa", "audio/mp4" },
    { "webm", "video/webm" },
    { "ts", "video/mp2t" },
    { "m3u8", "application/vnd.apple.mpegurl" },
    { "mpd", "application/dash+xml" },
    { "vtt", "text/vtt; charset=utf-8" },
};

static struct slice type_of(struct slice path)
{
    const uint8_t *dot = path.len > 0 ? memrchr(path.data, '.', path.len) : NULL;
    struct slice suffix = dot != NULL ? slice_from(path, (size_t)(dot - path.data) + 1) : SLICE_EMPTY;

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (slice_eq_nocase(suffix, slice_str(types[i].suffix)))
            return slice_str(types[i].type);
    }
    return SLICE_LIT("application/octet-stream");
}

static void add(struct directory_answer *out, struct slice name, struct slice value)
{
    (void)fields_add(&out->fields, name, value); /* there are few */
}

static void begin(struct directory_answer *out, uint16_t status, int64_t wall_s)
{
    out->status = status;
    out->first = out->length = 0;
    fields_clear(&out->fields);
    date_format(wall_s, out->date);
    add(out, SLICE_LIT("Date"), slice_str(out->date));
}

void directory_refusal(struct directory_answer *out, uint16_t status, int64_t wall_s)
{
    begin(out, status, wall_s);
    if (status == 405 || status == 204)
        add(out, SLICE_LIT("Allow"), SLICE_LIT("GET, HEAD, OPTIONS"));
}

/* Our tags have no commas. */
static bool lists(struct slice list, struct slice tag)
{
    struct slice one;

    if (slice_eq(slice_trim(list), SLICE_LIT("*")))
        return true;
    while (slice_split(&list, ',', &one)) {
        if (etag_weakly_equal(slice_trim(one), tag))
            return true;
    }
    return false;
}

/* RFC 9110 section 13.2.2. */
static bool not_modified(const struct directory_answer *out, const struct directory_file *file, const struct fetch *f)
{
    int64_t since;

    if (f->if_none_match.len > 0)
        return lists(f->if_none_match, slice_str(out->etag));
    return date_parse(f->if_modified_since, &since) == 0 && file->modified_s <= since;
}

/* RFC 9110 section 13.1.5. */
static bool range_holds(const struct directory_answer *out, const struct directory_file *file, const struct fetch *f)
{
    int64_t date;

    if (f->if_range.len == 0 || etag_strongly_equal(f->if_range, slice_str(out->etag)))
        return true;
    return date_parse(f->if_range, &date) == 0 && date == file->modified_s && out->etag[0] == '"';
}

static void select_bytes(struct directory_answer *out, const struct directory_file *file, const struct fetch *f)
{
    struct ranges ranges;

    out->length = file->bytes;
    if (f->range.len == 0 || !range_holds(out, file, f))
        return;
    switch (ranges_read(&ranges, f->range, file->bytes)) {
    case RANGE_PART:
        if (ranges.n > 1) /* the whole is an answer, too (section 14.2) */
            return;
        out->status = 206;
        out->first = ranges.at[0].first;
        out->length = ranges.at[0].length;
        snprintf(out->range, sizeof(out->range), "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, out->first,
                 out->first + out->length - 1, file->bytes);
        break;
    case RANGE_UNSATISFIABLE:
        out->status = 416;
        out->length = 0;
        snprintf(out->range, sizeof(out->range), "bytes */%" PRIu64, file->bytes);
        break;
    case RANGE_WHOLE: return;
    }
    add(out, SLICE_LIT("Content-Range"), slice_str(out->range));
}

void directory_answer(struct directory_answer *out, const struct directory_file *file, struct slice path,
                      const struct fetch *f, int64_t wall_s)
{
    begin(out, 200, wall_s);
    snprintf(out->etag, sizeof(out->etag), "%s\"%" PRIx64 ".%" PRIx32 "-%" PRIx64 "\"",
             wall_s - file->modified_s < SETTLED_S ? "W/" : "", (uint64_t)file->modified_s, file->modified_ns,
             file->bytes);
    date_format(file->modified_s, out->modified);
    add(out, SLICE_LIT("ETag"), slice_str(out->etag));
    add(out, SLICE_LIT("Last-Modified"), slice_str(out->modified));
    add(out, SLICE_LIT("Accept-Ranges"), SLICE_LIT("bytes"));
    if (not_modified(out, file, f)) {
        out->status = 304;
        return;
    }
    select_bytes(out, file, f);
    if (out->status != 416)
        add(out, SLICE_LIT("Content-Type"), type_of(path));
}
