# node/core/run.c
# Where leaves are fetched up to the end of the body, the last one is left out when it is not full.
s/uint32_t end = o->end == o->length ? leaf_count(o->end) : (uint32_t)(o->end \/ LEAF_BYTES);/uint32_t end = (uint32_t)(o->end \/ LEAF_BYTES);/
