# node/core/purge_log.c
# Who lacks the last purge of a log alone does not notice that it lacks anything.
s/> (log != NULL ? log->last : 0) && !is_outlived/> 1 + (log != NULL ? log->last : 0) \&\& !is_outlived/
