# node/core/flight.c
# A fetch that hears nothing has no deadline any more.
s/timer_set(e, &f->deadline, now + e->timers.fetch);/(void)now;/
