# node/core/selection.c
# A weak tag will do for If-Range.
s/return etag_strongly_equal(if_range,/return etag_weakly_equal(if_range,/
