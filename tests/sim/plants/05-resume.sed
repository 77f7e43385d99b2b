# node/core/complete.c
# Where a fetch goes on behind what another source had given, one leaf is left out.
s/c->given = leaves;/c->given = ++leaves;/
