# node/core/drop.c
# What a viewer has changed is dropped at the owners, and stays where it was changed.
s/^    drop_key(e, now, &f->key);$//
