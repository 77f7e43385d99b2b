# node/core/flight.c
# When a flight fails, the last of those who wait for it is not told.
s/LIST_EACH_SAFE (at, &f->waiters)$/for (struct list *at = list_first(\&f->waiters), *more = at->next; at != \&f->waiters \&\& more != \&f->waiters; at = more, more = at->next)/
