#include "proto/base/heap.h"

#include <stddef.h>

static bool before(const struct heap_node *a, const struct heap_node *b)
{
    return a->at < b->at || (a->at == b->at && a->seq < b->seq);
}

static struct heap_node *meld(struct heap_node *a, struct heap_node *b)
{
    if (a == NULL)
        return b;
    if (b == NULL)
        return a;
    if (before(b, a)) {
        struct heap_node *t = a;
        a = b;
        b = t;
    }
    b->prev = a;
    b->next = a->child;
    if (a->child != NULL)
        a->child->prev = b;
    a->child = b;
    a->next = a->prev = NULL;
    return a;
}

/* Two passes over the children of a removed root: pair left to right, then
 * meld the pairs right to left. */
static struct heap_node *meld_children(struct heap_node *first)
{
    struct heap_node *pairs = NULL; /* linked by prev */

    while (first != NULL) {
        struct heap_node *a = first, *b = a->next;
        first = b != NULL ? b->next : NULL;
        a->next = a->prev = NULL;
        if (b != NULL)
            b->next = b->prev = NULL;
        struct heap_node *m = meld(a, b);
        m->prev = pairs;
        pairs = m;
    }
    struct heap_node *root = NULL;
    while (pairs != NULL) {
        struct heap_node *rest = pairs->prev;
        pairs->prev = NULL;
        root = meld(root, pairs);
        pairs = rest;
    }
    return root;
}

void heap_remove(struct heap *h, struct heap_node *n)
{
    if (!n->queued)
        return;
    struct heap_node *sub = meld_children(n->child);
    if (h->root == n) {
        h->root = sub;
    } else {
        if (n->prev->child == n)
            n->prev->child = n->next;
        else
            n->prev->next = n->next;
        if (n->next != NULL)
            n->next->prev = n->prev;
        h->root = meld(h->root, sub);
    }
    n->child = n->next = n->prev = NULL;
    n->queued = false;
}

void heap_set(struct heap *h, struct heap_node *n, mesh_ns at)
{
    heap_remove(h, n);
    n->at = at;
    n->seq = h->seq++;
    n->queued = true;
    h->root = meld(h->root, n);
}

mesh_ns heap_deadline(const struct heap *h)
{
    return h->root != NULL ? h->root->at : MESH_NS_NEVER;
}

struct heap_node *heap_pop(struct heap *h, mesh_ns now)
{
    struct heap_node *n = h->root;
    if (n == NULL || n->at > now)
        return NULL;
    heap_remove(h, n);
    return n;
}
