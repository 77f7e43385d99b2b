#include "node/dns/names.h"

#include "proto/base/err.h"

#define HEADER_BYTES 12

int dns_name_read(struct slice m, size_t *at, struct dns_name *out)
{
    size_t i = *at, n = 0;

    for (;;) {
        if (i >= m.len)
            return MESH_E_SHORT;
        size_t label = m.data[i++];
        if (label == 0)
            break;
        if (label > DNS_LABEL_MAX)
            return MESH_E_SYNTAX;
        if (label > m.len - i)
            return MESH_E_SHORT;
        if (n + (n > 0) + label > DNS_NAME_TEXT_MAX)
            return MESH_E_RANGE;
        if (n > 0)
            out->text[n++] = '.';
        for (size_t end = i + label; i < end; i++)
            out->text[n++] = m.data[i] == '.' ? 0 : dns_lower(m.data[i]);
    }
    out->len = (uint8_t)n;
    *at = i;
    return 0;
}

int dns_name_skip(struct slice m, size_t *at)
{
    size_t i = *at;

    for (;;) {
        if (i >= m.len)
            return MESH_E_SHORT;
        size_t label = m.data[i];
        if (label == 0) {
            i++;
            break;
        }
        if (label >= 0xc0) {
            if (m.len - i < 2)
                return MESH_E_SHORT;
            size_t to = (label & 0x3f) << 8 | m.data[i + 1];
            if (to < HEADER_BYTES || to >= *at)
                return MESH_E_SYNTAX;
            i += 2;
            break;
        }
        if (label > DNS_LABEL_MAX)
            return MESH_E_SYNTAX;
        if (label > m.len - i - 1)
            return MESH_E_SHORT;
        i += 1 + label;
        if (i - *at >= DNS_NAME_WIRE_MAX)
            return MESH_E_RANGE;
    }
    *at = i;
    return 0;
}

bool dns_name_below(struct slice name, struct slice zone)
{
    if (name.len < zone.len || !slice_eq(slice_from(name, name.len - zone.len), zone))
        return false;
    return name.len == zone.len || zone.len == 0 || name.data[name.len - zone.len - 1] == '.';
}
