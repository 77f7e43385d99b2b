# node/core/purge_calls.c
# A purge's caller asks only who was alive at the call, and never who has come back since.
s/return s.complete && s.waiting == 0;/return s.complete;/
