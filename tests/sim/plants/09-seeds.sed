# node/core/links.c
# Seeds are tried once: who begins before they do stays alone.
s/timer_set(e, &e->seed_timer, now + e->seed_backoff);/(void)now;/
