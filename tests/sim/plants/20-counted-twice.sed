# node/core/ask.c
# Bytes as they come over the wire are counted among those of bodies, which count them unpacked, too.
s/e->counters.bytes_peer_in_wire += m.bytes.len;/e->counters.bytes_peer_in += m.bytes.len;/
