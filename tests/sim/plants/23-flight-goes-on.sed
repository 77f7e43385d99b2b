# node/core/purges.c
# What is being fetched when a purge of it comes is not dropped, and who asks from then on joins it.
s/^        if (!f->dropped)$/        if (f->dropped)/
