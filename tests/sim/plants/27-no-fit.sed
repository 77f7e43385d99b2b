# node/core/filling.c
# While bodies grow nobody looks whether they still fit into memory.
s/^    cache_fit(e->cache);/    (void)e;/
