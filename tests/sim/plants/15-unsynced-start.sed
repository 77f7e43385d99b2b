# node/store/recover.c
# A start takes what the process before it wrote for synced.
s/^    s->sync_at = 0;/    (void)0;/
