# node/core/ask.c
# The age that a copy had at the peer is not counted: each hop renews its lifetime.
s/o->born = now - MS(age_ms) - (now - f->ask.sent_at);/o->born = now - (now - f->ask.sent_at) - MS(0 * age_ms);/
