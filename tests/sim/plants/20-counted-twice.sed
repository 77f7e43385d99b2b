# node/core/origin.c
# What the origin sends for single leaves is counted where it comes, and again where it is shared out.
s/^        e->counters.bytes_origin += bytes.len;/        e->counters.bytes_origin += 2 * bytes.len;/
