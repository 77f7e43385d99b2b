# node/core/purge_sync.c
# The timer by which nodes compare their purges is not set again after it has fired.
s/timer_set(e, t, now + SYNC_EACH);/(void)t;/
