#include "sim/faults/fault_kinds.h"

const struct fault_kind_text fault_kinds[FAULT_KINDS_N] = {
#define X(name, word, text) { word, text },
    FAULT_KINDS(X)
#undef X
};
