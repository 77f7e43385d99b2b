# node/store/log.c
# When the disk fails a segment, removals that were in it are not written again.
/^static void abandon/,/^}/s/s->removals_owed = removals_n(s) > 0;/s->removals_owed = false;/
