#include "node/steer/prefix.h"

#include <stdio.h>

static const uint8_t bits4[STEER_LEVELS] = { 24, 16 }, bits6[STEER_LEVELS] = { 48, 32 };

/* Nobody asks from no address or from one of many (multicast). */
static bool is_somebody(const struct mesh_addr *a)
{
    static const uint8_t nobody[16];

    if (mesh_addr_is_v4(a))
        return (a->ip[12] | a->ip[13] | a->ip[14] | a->ip[15]) != 0 && (a->ip[12] & 0xf0) != 0xe0;
    return memcmp(a->ip, nobody, sizeof(nobody)) != 0 && a->ip[0] != 0xff;
}

bool steer_prefix_of(struct steer_prefix *out, const struct mesh_addr *a, unsigned level)
{
    bool v4 = mesh_addr_is_v4(a);

    if (level >= STEER_LEVELS || !is_somebody(a))
        return false;
    *out = (struct steer_prefix){ .kind = v4 ? STEER_NET4 : STEER_NET6, .bits = v4 ? bits4[level] : bits6[level] };
    memcpy(out->net, v4 ? a->ip + 12 : a->ip, out->bits / 8);
    return true;
}

static uint8_t capital(char c)
{
    return (uint8_t)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
}

void steer_prefix_country(struct steer_prefix *out, const char country[2])
{
    *out =
        (struct steer_prefix){ .kind = STEER_COUNTRY, .bits = 16, .net = { capital(country[0]), capital(country[1]) } };
}

void steer_prefix_all(struct steer_prefix *out)
{
    *out = (struct steer_prefix){ .kind = STEER_ALL };
}

bool steer_prefix_eq(const struct steer_prefix *a, const struct steer_prefix *b)
{
    return a->kind == b->kind && a->bits == b->bits && memcmp(a->net, b->net, sizeof(a->net)) == 0;
}

const char *steer_prefix_text(const struct steer_prefix *p, char text[STEER_PREFIX_TEXT_MAX])
{
    struct mesh_addr a = { .port = 0 };
    char whole[MESH_ADDR_TEXT_MAX];

    switch (p->kind) {
    case STEER_NET4:
        snprintf(text, STEER_PREFIX_TEXT_MAX, "%u.%u.%u.0/%u", p->net[0], p->net[1], p->net[2], p->bits);
        break;
    case STEER_NET6: /* "[2001:db8::]:0" without what is for ports */
        memcpy(a.ip, p->net, sizeof(p->net));
        mesh_addr_text(&a, whole);
        snprintf(text, STEER_PREFIX_TEXT_MAX, "%.*s/%u", (int)strcspn(whole + 1, "]"), whole + 1, p->bits);
        break;
    case STEER_COUNTRY: snprintf(text, STEER_PREFIX_TEXT_MAX, "%c%c", p->net[0], p->net[1]); break;
    default: snprintf(text, STEER_PREFIX_TEXT_MAX, "all"); break;
    }
    return text;
}

/* Two hyphens in a row are what stands between the labels of a distribution and of an edge. */
static bool is_label(struct slice name)
{
    if (name.len == 0 || name.len > STEER_LABEL_MAX || name.data[0] == '-' || name.data[name.len - 1] == '-')
        return false;
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.data[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'), digit = c >= '0' && c <= '9';
        if (!letter && !digit && (c != '-' || name.data[i - 1] == '-'))
            return false;
    }
    return true;
}

/* Base 32 of the id's first 10 bytes (RFC 4648 section 6, in lower case): 80 bits of a hash. */
static void label_of_id(char *out, const uint8_t id[16])
{
    static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";

    *out++ = 'n';
    for (int group = 0; group < 2; group++) {
        uint64_t bits = 0;
        for (int i = 0; i < 5; i++)
            bits = bits << 8 | id[5 * group + i];
        for (int i = 7; i >= 0; i--)
            *out++ = digits[bits >> 5 * i & 31];
    }
    *out = '\0';
}

void steer_label(char out[STEER_LABEL_MAX + 1], struct slice name, const uint8_t id[16])
{
    if (!is_label(name)) {
        label_of_id(out, id);
        return;
    }
    for (size_t i = 0; i < name.len; i++)
        out[i] = (char)(name.data[i] >= 'A' && name.data[i] <= 'Z' ? name.data[i] - 'A' + 'a' : name.data[i]);
    out[name.len] = '\0';
}
