# node/core/ask.c
# A body whose last leaf is a full one is taken to have one leaf more.
s/leaf_count(b->length) != b->first + b->count/b->length \/ LEAF_BYTES + 1 != b->first + b->count/
