#include "node/core/key_memo.h"
#include "proto/base/rare.h"

#include <stdlib.h>

struct key_memo_place {
    struct digest key;
    uint64_t position;
    const struct dist_behaviour *behaviour;
    bool https;
    uint16_t host_len, target_len;
    uint8_t text[];
};

/* Whom it sends to the same place only costs the work that is saved here. */
static uint64_t mix(uint64_t h, struct slice s)
{
    while (s.len > 0) {
        uint64_t word = 0;
        size_t n = s.len < sizeof(word) ? s.len : sizeof(word);
        memcpy(&word, s.data, n);
        h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 32;
        s = slice_from(s, n);
    }
    return h;
}

static size_t place_of(struct slice host, struct slice target)
{
    return (size_t)(mix(mix(target.len, target), host) % KEY_MEMO_PLACES);
}

void key_memo_fini(struct key_memo *m)
{
    for (size_t i = 0; m->places != NULL && i < KEY_MEMO_PLACES; i++)
        free(m->places[i]);
    free(m->places);
    m->places = NULL;
}

const struct digest *key_memo_find(const struct key_memo *m, uint64_t position, bool https, struct slice host,
                                   struct slice target, const struct dist_behaviour **behaviour)
{
    if (m->places == NULL || host.len + target.len > KEY_MEMO_TEXT || RARE(KEY_FORGOTTEN))
        return NULL;
    const struct key_memo_place *p = m->places[place_of(host, target)];
    if (p == NULL)
        return NULL;
    bool same = p->position == position && p->https == https && slice_eq(slice_of(p->text, p->target_len), target) &&
                slice_eq(slice_of(p->text + p->target_len, p->host_len), host);
    *behaviour = p->behaviour;
    return same ? &p->key : NULL;
}

void key_memo_keep(struct key_memo *m, uint64_t position, bool https, struct slice host, struct slice target,
                   const struct digest *key, const struct dist_behaviour *behaviour)
{
    if (host.len + target.len > KEY_MEMO_TEXT)
        return;
    if (m->places == NULL && (m->places = calloc(KEY_MEMO_PLACES, sizeof(*m->places))) == NULL)
        return;
    struct key_memo_place **place = &m->places[place_of(host, target)], *p = *place;
    if (p == NULL || (size_t)p->host_len + p->target_len < host.len + target.len) {
        p = realloc(p, sizeof(*p) + host.len + target.len);
        if (p == NULL)
            return;
        *place = p;
    }
    p->key = *key;
    p->position = position;
    p->behaviour = behaviour;
    p->https = https;
    p->host_len = (uint16_t)host.len;
    p->target_len = (uint16_t)target.len;
    memcpy(p->text, target.data, target.len);
    if (host.len > 0)
        memcpy(p->text + target.len, host.data, host.len);
}
