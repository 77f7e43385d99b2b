/* The reference: the schema as tables. */
#include "node/dist/dist_read.h"
#include "node/dist/schema.h"

static void say_seconds(struct buf *out, int64_t s)
{
    if (s != 0 && s % (365 * 86400) == 0)
        buf_addf(out, "%lld years", (long long)(s / (365 * 86400)));
    else if (s % 60 == 0 && s >= 60)
        buf_addf(out, "%lldm", (long long)(s / 60));
    else
        buf_addf(out, "%llds", (long long)s);
}

void schema_allowed(struct buf *out, const struct schema_field *f)
{
    if (f->allowed != NULL) {
        buf_add_str(out, f->allowed);
        return;
    }
    switch (f->type) {
    case SCHEMA_BOOL: buf_add_str(out, "true, false"); break;
    case SCHEMA_NUMBER: buf_addf(out, "%lld to %lld", (long long)f->min, (long long)f->max); break;
    case SCHEMA_TIME:
        say_seconds(out, f->min / SEC(1));
        buf_add_str(out, " to ");
        say_seconds(out, f->max / SEC(1));
        break;
    case SCHEMA_SECONDS:
        say_seconds(out, f->min);
        buf_add_str(out, " to ");
        say_seconds(out, f->max);
        break;
    case SCHEMA_WORD:
        for (size_t i = 0; f->words[i] != NULL; i++)
            buf_addf(out, "%s`%s`", i > 0 ? ", " : "", f->words[i]);
        break;
    case SCHEMA_NAMES: buf_add_str(out, "`none`, `all`, a list, `{ except: LIST }`; 10 names, 1024 bytes"); break;
    case SCHEMA_PART:
        buf_addf(out, "see below%s%s", f->of->scalar_allowed != NULL ? "; " : "",
                 f->of->scalar_allowed != NULL ? f->of->scalar_allowed : "");
        break;
    case SCHEMA_LIST:
        buf_addf(out, "a list, %lld to %lld, see below%s%s", (long long)f->min, (long long)f->max,
                 f->of->scalar_allowed != NULL ? "; " : "", f->of->scalar_allowed != NULL ? f->of->scalar_allowed : "");
        break;
    default: break;
    }
}

void schema_default(struct buf *out, const struct schema *s, const struct schema_field *f)
{
    size_t before = out->len;

    if (f->or_else != NULL)
        buf_add_str(out, f->or_else);
    else if (f->required)
        buf_add_str(out, "must be given");
    else
        write_usual(out, s, f);
    if (out->len == before)
        buf_add_str(out, f->type == SCHEMA_LIST ? "none" : f->type == SCHEMA_PART ? "see below" : "");
}

static void table(struct buf *out, const struct schema *s, const struct schema *of, const char *title)
{
    buf_addf(out, "\n### %s\n\n| field | what it says | allowed | without it |\n| --- | --- | --- | --- |\n", title);
    for (size_t i = 0; i < s->n; i++) {
        const struct schema_field *f = &s->fields[i];
        buf_addf(out, "| `%s` | %s | ", f->name, f->help);
        schema_allowed(out, f);
        buf_add_str(out, " | ");
        schema_default(out, of, f);
        buf_add_str(out, " |\n");
    }
}

void dist_reference(struct buf *out)
{
    table(out, &schema_dist, &schema_dist, "A distribution");
    table(out, &schema_steering, &schema_steering, "A distribution's `steering`");
    table(out, &schema_origin, &schema_origin, "An origin");
    table(out, &schema_tls, &schema_origin, "An origin's `tls`");
    table(out, &schema_group, &schema_group, "A group");
    table(out, &schema_behaviour, &schema_behaviour, "A behaviour");
    table(out, &schema_cache, &schema_of_cache, "A behaviour's `cache`");
    table(out, &schema_ttl, &schema_of_cache, "A behaviour's `ttl`");
    table(out, &schema_request, &schema_behaviour, "A behaviour's `request`");
    table(out, &schema_response, &schema_response, "A behaviour's `response`");
    table(out, &schema_cors, &schema_response, "A response's `cors`");
    table(out, &schema_rate, &schema_behaviour, "A behaviour's `rate`");
    table(out, &schema_rule, &schema_rule, "A rule");
    table(out, &schema_error, &schema_error, "An error");
    table(out, &schema_key, &schema_key, "A key");
    table(out, &schema_key_group, &schema_key_group, "A key group");
}
