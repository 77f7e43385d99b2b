#include "node/core/fields.h"

#include "proto/base/err.h"

static uint64_t name_bit(struct slice name)
{
    if (name.len == 0)
        return 1;
    unsigned first = name.data[0] | 0x20, last = name.data[name.len - 1] | 0x20;
    return UINT64_C(1) << ((name.len + 5 * first + 11 * last) & 63);
}

int fields_add(struct fields *f, struct slice name, struct slice value)
{
    if (f->n == FIELDS_MAX)
        return MESH_E_FULL;
    f->names |= name_bit(name);
    f->at[f->n++] = (struct field){ name, value };
    return 0;
}

const struct field *fields_next(const struct fields *f, struct slice name, const struct field *after)
{
    size_t i = after == NULL ? 0 : (size_t)(after - f->at) + 1;

    if ((f->names & name_bit(name)) == 0)
        return NULL;
    for (; i < f->n; i++) {
        if (slice_eq_nocase(f->at[i].name, name))
            return &f->at[i];
    }
    return NULL;
}

const struct field *fields_find(const struct fields *f, struct slice name)
{
    return fields_next(f, name, NULL);
}

/* One element up to the next comma outside a quoted string. */
static struct slice take_element(struct slice *rest)
{
    bool quoted = false;
    size_t i = 0;

    for (; i < rest->len; i++) {
        uint8_t c = rest->data[i];
        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (c == ',' && !quoted)
            break;
    }
    struct slice element = slice_trim(slice_head(*rest, i));
    *rest = slice_from(*rest, i + 1);
    return element;
}

bool fields_list(const struct fields *f, struct slice name, struct fields_cursor *at, struct slice *element)
{
    for (;;) {
        while (at->rest.len > 0) {
            *element = take_element(&at->rest);
            if (element->len > 0)
                return true;
        }
        if (at->started && at->field == NULL)
            return false;
        at->field = fields_next(f, name, at->field);
        at->started = true;
        if (at->field == NULL)
            return false;
        at->rest = at->field->value;
    }
}

bool fields_lists(const struct fields *f, struct slice name, struct slice element)
{
    struct fields_cursor at = { 0 };
    struct slice e;

    while (fields_list(f, name, &at, &e)) {
        if (slice_eq_nocase(e, element))
            return true;
    }
    return false;
}

bool field_weight(struct slice s, unsigned *out)
{
    struct slice name;
    unsigned unit = 1000;

    if (!slice_split(&s, '=', &name) || !slice_eq_nocase(slice_trim(name), SLICE_LIT("q")))
        return false;
    s = slice_trim(s);
    if (s.len == 0 || s.len > 5 || (s.data[0] != '0' && s.data[0] != '1') || (s.len > 1 && s.data[1] != '.'))
        return false;
    *out = (unsigned)(s.data[0] - '0') * unit;
    for (size_t i = 2; i < s.len; i++) {
        unit /= 10;
        if (s.data[i] < '0' || s.data[i] > '9')
            return false;
        *out += (unsigned)(s.data[i] - '0') * unit;
    }
    return *out <= 1000;
}

bool field_is_token(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.data[i];
        bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!alnum && (c == 0 || strchr("!#$%&'*+-.^_`|~", c) == NULL))
            return false;
    }
    return s.len > 0;
}

static bool printable(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((s.data[i] < 0x20 && s.data[i] != '\t') || s.data[i] == 0x7f)
            return false;
    }
    return true;
}

bool field_is_sound(struct slice name, struct slice value)
{
    return field_is_token(name) && printable(value);
}

bool fields_hop_by_hop(const struct fields *f, const struct field *field)
{
#define NAME(text)             \
    {                          \
        text, sizeof(text) - 1 \
    }
    static const struct {
        const char *text;
        size_t len;
    } fixed[] = {
        NAME("connection"),
        NAME("keep-alive"),
        NAME("transfer-encoding"),
        NAME("te"),
        NAME("trailer"),
        NAME("upgrade"),
        NAME("proxy-connection"),
        NAME("proxy-authenticate"),
        NAME("proxy-authorization"),
        NAME("proxy-authentication-info"),
    };
#undef NAME

    for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
        if (field->name.len == fixed[i].len && slice_eq_nocase(field->name, slice_of(fixed[i].text, fixed[i].len)))
            return true;
    }
    return fields_lists(f, SLICE_LIT("connection"), field->name);
}

void fields_without(struct fields *out, const struct fields *f, struct slice name)
{
    fields_clear(out);
    for (size_t i = 0; i < f->n; i++) {
        if (!slice_eq_nocase(f->at[i].name, name))
            (void)fields_add(out, f->at[i].name, f->at[i].value); /* there is room for as many */
    }
}
