# node/core/purge_calls.c
# A purge is confirmed before it is on the disk.
s/\.number = log->durable/.number = log->last/
s/theirs->durable == 0/theirs->last == 0/
s/theirs->durable <= l->receipted/theirs->last <= l->receipted/
s/theirs->durable > 0/theirs->last > 0/
s/l->receipted = theirs->durable/l->receipted = theirs->last/
