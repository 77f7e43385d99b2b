# node/core/stale.c
# A copy that the origin says is unchanged (304) stays as old as it was.
s/^    o->born = now - fresh.age_ns;$//
