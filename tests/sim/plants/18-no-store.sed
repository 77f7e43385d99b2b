# node/core/fresh.c
# no-store is looked for beside must-understand alone.
s/return cc->must_understand ? !understood(status) : cc->no_store;/return cc->must_understand \&\& !understood(status) \&\& cc->no_store;/
