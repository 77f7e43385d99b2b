# node/core/ask.c
# The second owner that is asked when the first one is slow fetches for itself.
s/(upward || hedge ? ASK_NO_ORIGIN : 0)/(upward ? ASK_NO_ORIGIN : 0)/
