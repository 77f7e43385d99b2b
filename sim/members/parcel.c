#include "sim/members/parcel.h"

#include <assert.h>

#include "sim/memory.h"

/* A number is the index in its class, from 1, times the classes, and the class. */
#define CHUNK 1024 /* parcels */

static const uint16_t room[PARCEL_CLASSES] = { 96, 192, 384, 768, PARCEL_MAX };

static size_t size_of(uint32_t class)
{
    return (sizeof(struct parcel) + room[class] + 15) & ~(size_t)15;
}

struct parcel *parcel_of(struct parcels *p, uint32_t number)
{
    uint32_t class = number % PARCEL_CLASSES, i = number / PARCEL_CLASSES - 1;

    assert(number >= PARCEL_CLASSES && i < p->classes[class].n);
    return (struct parcel *)(void *)(p->classes[class].chunks[i / CHUNK] + i % CHUNK * size_of(class));
}

uint32_t parcel_new(struct parcels *p, uint32_t from, uint32_t to, struct slice bytes)
{
    uint32_t class = 0, number;

    assert(bytes.len <= PARCEL_MAX);
    while (bytes.len > room[class])
        class ++;
    struct parcel_class *k = &p->classes[class];
    if (k->free != 0) {
        number = k->free;
        k->free = parcel_of(p, number)->next;
    } else {
        if (k->n == k->chunks_n * CHUNK) {
            if (k->chunks_n == k->chunks_cap) {
                k->chunks_cap = 2 * k->chunks_cap + 8;
                k->chunks = memory_grow(k->chunks, k->chunks_cap * sizeof(*k->chunks));
            }
            k->chunks[k->chunks_n++] = memory_new(CHUNK * size_of(class));
        }
        number = ++k->n * PARCEL_CLASSES + class;
    }
    struct parcel *made = parcel_of(p, number);
    *made = (struct parcel){ .from = from, .to = to, .len = (uint16_t)bytes.len };
    memcpy(made->bytes, bytes.data, bytes.len);
    p->out++;
    return number;
}

void parcel_drop(struct parcels *p, uint32_t number)
{
    struct parcel_class *k = &p->classes[number % PARCEL_CLASSES];

    parcel_of(p, number)->next = k->free;
    k->free = number;
    p->out--;
}

void parcels_fini(struct parcels *p)
{
    for (size_t i = 0; i < PARCEL_CLASSES; i++) {
        for (uint32_t j = 0; j < p->classes[i].chunks_n; j++)
            free(p->classes[i].chunks[j]);
        free(p->classes[i].chunks);
    }
    memset(p, 0, sizeof(*p));
}
