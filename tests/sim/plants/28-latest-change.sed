# node/core/config_log.c
# Of two changes of the configuration that were made at once the one that comes last wins.
s/config_version_cmp(v, &l->current->doc->head.version) > 0;/v->counter >= l->current->doc->head.version.counter;/
