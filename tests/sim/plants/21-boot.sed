# gossip/record.c
# Of two boots of a node the earlier one counts as the later.
s/return boot_a < boot_b ? -1 : 1;/return boot_a > boot_b ? -1 : 1;/
