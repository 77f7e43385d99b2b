# node/core/range.c
# The only range that was asked for, or the last one, ends a byte too early.
s/^    return out->n > 0 ? RANGE_PART/    if (out->n > 0 \&\& out->at[out->n - 1].length > 1)\n        out->at[out->n - 1].length--;\n&/
