# node/core/breaker.c
# The time for which a failing origin is left alone doubles without end.
s/i < b->trips && span < rule->most; i++/i < b->trips; i++/
s/spread(mesh_ns_min(span, rule->most), random)/spread(span, random)/
