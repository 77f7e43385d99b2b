# node/core/origin.c
# An answer without a length that is broken off counts as whole.
s/if (err == 0 && !f->leaf && f->object != NULL && object_finish(f->object) == 0)/if (!f->leaf \&\& f->object != NULL \&\& object_finish(f->object) == 0)/
