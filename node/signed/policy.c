#include "node/signed/policy.h"

#include <jansson.h>

#include "proto/base/err.h"

bool policy_time(struct slice text, int64_t *out)
{
    uint64_t v;

    if (text.len < 1 || text.len > 10 || text.data[0] == '0' || slice_u64(text, &v) != 0)
        return false;
    *out = (int64_t)v;
    return true;
}

/* The value of |name|, when |o| is an object and that its only member. */
static json_t *only(json_t *o, const char *name)
{
    return json_object_size(o) == 1 ? json_object_get(o, name) : NULL;
}

static int read_time(json_t *at, int64_t *out)
{
    json_t *v = only(at, "AWS:EpochTime");

    if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > POLICY_TIME_MAX)
        return MESH_E_SYNTAX;
    *out = json_integer_value(v);
    return 0;
}

static int read_net(json_t *at, struct policy *out)
{
    json_t *v = only(at, "AWS:SourceIp");

    out->has_net = true;
    return json_is_string(v) ? network_read(&out->net, slice_of(json_string_value(v), json_string_length(v)))
                             : MESH_E_SYNTAX;
}

static int read_condition(json_t *condition, struct policy *out)
{
    const char *name;
    json_t *value;
    int err = 0;

    if (!json_is_object(condition) || json_object_get(condition, "DateLessThan") == NULL)
        return MESH_E_MISSING;
    json_object_foreach(condition, name, value)
    {
        if (strcmp(name, "DateLessThan") == 0)
            err = read_time(value, &out->ends_s);
        else if (strcmp(name, "DateGreaterThan") == 0)
            err = read_time(value, &out->starts_s);
        else if (strcmp(name, "IpAddress") == 0)
            err = read_net(value, out);
        else
            err = MESH_E_SYNTAX;
        if (err != 0)
            break;
    }
    return err;
}

static int read_resource(json_t *resource, struct policy *out)
{
    if (!json_is_string(resource))
        return MESH_E_SYNTAX;
    if (json_string_length(resource) > POLICY_RESOURCE_MAX)
        return MESH_E_RANGE;
    out->any = false;
    out->resource_len = json_string_length(resource);
    memcpy(out->resource, json_string_value(resource), out->resource_len);
    return 0;
}

static int read_statement(json_t *statement, struct policy *out)
{
    json_t *resource = json_object_get(statement, "Resource");
    int err = 0;

    if (json_object_size(statement) != (resource != NULL ? 2 : 1))
        return MESH_E_SYNTAX;
    if (resource != NULL)
        err = read_resource(resource, out);
    return err == 0 ? read_condition(json_object_get(statement, "Condition"), out) : err;
}

int policy_read(struct policy *out, struct slice json)
{
    json_error_t where;
    int err = MESH_E_SYNTAX;

    if (json.len > POLICY_MAX)
        return MESH_E_RANGE;
    out->any = true;
    out->resource_len = 0;
    out->ends_s = out->starts_s = -1;
    out->has_net = false;
    json_t *root = json_loadb((const char *)json.data, json.len, JSON_REJECT_DUPLICATES, &where);
    json_t *list = only(root, "Statement");
    if (json_is_array(list) && json_array_size(list) == 1)
        err = read_statement(json_array_get(list, 0), out);
    json_decref(root);
    return err;
}

/* Who could end the string could sign one thing and be let in for another. */
static bool plain(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '"' || text.data[i] == '\\' || text.data[i] < 0x20)
            return false;
    }
    return true;
}

int policy_canned(struct buf *out, struct slice scheme, struct slice host, struct slice target, struct slice expires)
{
    if (!plain(host) || !plain(target))
        return MESH_E_SYNTAX;
    buf_add_str(out, "{\"Statement\":[{\"Resource\":\"");
    buf_add_slice(out, scheme);
    buf_add_str(out, "://");
    buf_add_slice(out, host);
    buf_add_slice(out, target);
    buf_add_str(out, "\",\"Condition\":{\"DateLessThan\":{\"AWS:EpochTime\":");
    buf_add_slice(out, expires);
    buf_add_str(out, "}}}]}");
    return buf_ok(out) ? 0 : MESH_E_NOMEM;
}

int policy_custom(struct buf *out, struct slice resource, int64_t ends_s, int64_t starts_s, struct slice net)
{
    if (!plain(net))
        return MESH_E_SYNTAX;
    for (size_t i = 0; i < resource.len; i++) {
        if (resource.data[i] == '"' || resource.data[i] < 0x20)
            return MESH_E_SYNTAX;
    }
    buf_add_str(out, "{\"Statement\":[{\"Resource\":\"");
    for (size_t i = 0; i < resource.len; i++) {
        if (resource.data[i] == '\\')
            buf_add_u8(out, '\\');
        buf_add_u8(out, resource.data[i]);
    }
    buf_addf(out, "\",\"Condition\":{\"DateLessThan\":{\"AWS:EpochTime\":%lld}", (long long)ends_s);
    if (starts_s >= 0)
        buf_addf(out, ",\"DateGreaterThan\":{\"AWS:EpochTime\":%lld}", (long long)starts_s);
    if (net.len > 0)
        buf_addf(out, ",\"IpAddress\":{\"AWS:SourceIp\":\"%.*s\"}", SLICE_FMT(net));
    buf_add_str(out, "}}]}");
    return buf_ok(out) ? 0 : MESH_E_NOMEM;
}
