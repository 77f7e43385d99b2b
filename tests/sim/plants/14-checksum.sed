# node/store/segment.c
# Of a record on the disk only the head's checksum is looked at.
/^bool record_sound/,/^}/s/return be64_get(whole.data + 32) == sum(seed, \*payload);/return true;/
