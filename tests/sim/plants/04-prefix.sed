# node/core/purge_stamps.c
# Of the lengths that purged prefixes have, the longest is not looked for.
s/i < s->lengths_n && s->lengths\[i\] <= path.len/i + 1 < s->lengths_n \&\& s->lengths[i] <= path.len/
