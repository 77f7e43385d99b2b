# node/core/purges.c
# A copy that a purge has made void is found, counted, and served all the same.
s/^        cache_remove(e->cache, o);/        (void)o;/
