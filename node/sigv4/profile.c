#include "node/sigv4/profile.h"

#include "node/sigv4/sigv4.h"
#include "proto/base/err.h"

struct reading {
    struct profile *out;
    struct slice name; /* of the profile that is wanted */
    struct buf *why;
    bool inside, found;
};

void profile_wipe(struct profile *p)
{
    sigv4_wipe(p, sizeof(*p));
}

static int refuse(const struct reading *r, int err, const char *what)
{
    buf_add_str(r->why, what);
    return err;
}

/* What may stand in a field of a request, and has no blanks. */
static bool visible(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] <= ' ' || s.data[i] > '~')
            return false;
    }
    return s.len > 0;
}

static int read_section(struct reading *r, struct slice line)
{
    const uint8_t *end = memchr(line.data, ']', line.len);

    if (end == NULL)
        return refuse(r, MESH_E_SYNTAX, "a section's name has no closing bracket, such as [default].");
    struct slice name = slice_trim(slice_of(line.data + 1, (size_t)(end - line.data) - 1));
    if (slice_eq(slice_head(name, 8), SLICE_LIT("profile "))) /* as "config" files have it */
        name = slice_trim(slice_from(name, 8));
    r->inside = slice_eq(name, r->name);
    if (r->inside && r->found)
        return refuse(r, MESH_E_SYNTAX, "the profile is there a second time: which of the two is meant?");
    r->found = r->found || r->inside;
    return 0;
}

static int keep(const struct reading *r, struct slice value, uint8_t *to, size_t cap, size_t *len)
{
    if (*len > 0)
        return refuse(r, MESH_E_SYNTAX, "the same name is there a second time in this profile.");
    if (value.len > cap)
        return refuse(r, MESH_E_SYNTAX, "the value is too long.");
    if (!visible(value))
        return refuse(r, MESH_E_SYNTAX, "the value must be visible ASCII without blanks, and not be empty.");
    memcpy(to, value.data, value.len);
    *len = value.len;
    return 0;
}

static int read_value(const struct reading *r, struct slice line)
{
    const uint8_t *sign = memchr(line.data, '=', line.len);

    if (sign == NULL)
        return refuse(r, MESH_E_SYNTAX, "it is neither [PROFILE] nor NAME = VALUE.");
    struct slice name = slice_trim(slice_of(line.data, (size_t)(sign - line.data)));
    struct slice value = slice_trim(slice_from(line, (size_t)(sign - line.data) + 1));
    if (!r->inside)
        return 0;
    if (slice_eq_nocase(name, SLICE_LIT("aws_access_key_id")))
        return keep(r, value, r->out->id, sizeof(r->out->id), &r->out->id_len);
    if (slice_eq_nocase(name, SLICE_LIT("aws_secret_access_key")))
        return keep(r, value, r->out->secret, sizeof(r->out->secret), &r->out->secret_len);
    if (slice_eq_nocase(name, SLICE_LIT("aws_session_token")))
        return keep(r, value, r->out->token, sizeof(r->out->token), &r->out->token_len);
    return 0;
}

static int read_line(struct reading *r, struct slice line)
{
    bool indented = line.len > 0 && (line.data[0] == ' ' || line.data[0] == '\t');

    if (line.len > 0 && line.data[line.len - 1] == '\r')
        line.len--;
    line = slice_trim(line);
    if (line.len == 0 || line.data[0] == '#' || line.data[0] == ';')
        return 0;
    if (memchr(line.data, 0, line.len) != NULL)
        return refuse(r, MESH_E_SYNTAX, "a zero byte: this is no text.");
    if (line.data[0] == '[')
        return read_section(r, line);
    return indented ? 0 : read_value(r, line);
}

int profile_read(struct profile *out, struct slice text, struct slice name, size_t *line, struct buf *why)
{
    struct reading r = { .out = out, .name = name, .why = why };
    struct slice one;
    int err = 0;

    profile_wipe(out);
    *line = 0;
    if (text.len > PROFILE_FILE_MAX)
        return refuse(&r, MESH_E_SYNTAX, "it is too large for a file of credentials.");
    while (err == 0 && slice_split(&text, '\n', &one)) {
        ++*line;
        err = read_line(&r, one);
    }
    if (err == 0)
        *line = 0;
    if (err == 0 && !r.found) {
        buf_addf(why, "there is no profile [%.*s] in it.", SLICE_FMT(name));
        err = MESH_E_ABSENT;
    }
    if (err == 0 && (out->id_len == 0 || out->secret_len == 0)) {
        buf_addf(why, "profile [%.*s] has no %s.", SLICE_FMT(name),
                 out->id_len == 0 ? "aws_access_key_id" : "aws_secret_access_key");
        err = MESH_E_MISSING;
    }
    if (err != 0)
        profile_wipe(out);
    return err;
}
