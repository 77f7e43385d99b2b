# node/core/flight.c
# When a flight fails, the last one of several who wait for it is not told.
s/^    LIST_EACH_SAFE (at, &f->waiters)$/    for (struct list *at = list_first(\&f->waiters), *last = at == f->waiters.prev ? NULL : f->waiters.prev; at != NULL \&\& at != last; at = list_first(\&f->waiters))/
