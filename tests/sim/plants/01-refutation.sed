# gossip/view.c
# Who is doubted says that it lives, and its counter stays as it was: nobody believes it.
s/if (!view_own_next(g, &own, r->counter))/if (false)/
