/* list.h - intrusive doubly linked list with a sentinel. Iterates in insertion
 * order, which is what keeps runs repeatable. */
#ifndef HEDGEROW_BASE_LIST_H
#define HEDGEROW_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/base/obj.h"

struct list {
    struct list *next, *prev;
};

static inline void list_init(struct list *l)
{
    l->next = l->prev = l;
}

static inline bool list_empty(const struct list *l)
{
    return l->next == l;
}

/* list_linked tells whether a node (initialised by list_init) is in a list. */
static inline bool list_linked(const struct list *node)
{
    return node->next != node;
}

static inline void list_push_back(struct list *l, struct list *node)
{
    node->prev = l->prev;
    node->next = l;
    l->prev->next = node;
    l->prev = node;
}

static inline void list_push_front(struct list *l, struct list *node)
{
    list_push_back(l->next, node);
}

/* list_remove takes |node| out and leaves it initialised; not being in a list is fine. */
static inline void list_remove(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

/* list_take moves all of |from|, in order, to |to|, which is made anew; |from| is empty then. */
static inline void list_take(struct list *to, struct list *from)
{
    list_init(to);
    if (list_empty(from))
        return;
    to->next = from->next;
    to->prev = from->prev;
    to->next->prev = to;
    to->prev->next = to;
    list_init(from);
}

static inline struct list *list_first(const struct list *l)
{
    return list_empty(l) ? NULL : l->next;
}

#define LIST_EACH(at, l) for (struct list *at = (l)->next; at != (l); at = at->next)
/* LIST_EACH_SAFE allows |at| itself to be removed in the body. */
#define LIST_EACH_SAFE(at, l) \
    for (struct list *at = (l)->next, *at##_next = at->next; at != (l); at = at##_next, at##_next = at->next)

#endif
