# node/store/log.c
# A removal is written like all else, and synced some seconds later.
/^void log_removed/,/^}/s/s->sync_at = now;/s->sync_at = mesh_ns_min(s->sync_at, now + STORE_SYNC_NS);/
