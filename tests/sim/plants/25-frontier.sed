# node/core/ask.c
# An ask does not say which purges the one who asks has: copies older than these are taken for good.
s/\.frontier = purge_frontier(e),/.frontier = 0,/
