# node/core/object_unpack.c
# What lay on the disk over a restart is as old as when it was put there.
s/age += (uint64_t)SEC(since < /(void)SEC(since < /
