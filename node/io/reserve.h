/* reserve.h - memory set aside for libev, which ends the process where an allocation of its own fails: then a block of
 * the reserve is let go, and the next try finds room. libev has one allocator for the process, and so this is the
 * process's, too. Thread safe. */
#ifndef HEDGEROW_IO_RESERVE_H
#define HEDGEROW_IO_RESERVE_H

/* reserve_use makes all loops that are made from now on use it. reserve_fill takes again what was let go, if it can. */
void reserve_use(void);
void reserve_fill(void);

#endif
