# ring/build.c
# A newcomer gets no arc whose owners have all stayed: rings of one epoch differ by what was before them.
s/(b->came_n > 0 && !rank_in_vain(&b->rank, arc, b->from->bars\[arc\], b->came, b->came_n)))/false)/
