/* statistics.h - means with the band in which the true mean lies in 95 of 100 cases, in whole numbers, so that every
 * build prints the same. By Student's t over seeds (Gosset, "The probable error of a mean", 1908). Pure. */
#ifndef HEDGEROW_SIM_SWEEP_STATISTICS_H
#define HEDGEROW_SIM_SWEEP_STATISTICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STATISTICS_N_MAX     512
#define STATISTICS_VALUE_MAX (INT64_C(1) << 50) /* of |value|: larger ones count as this */

/* The mean, rounded, and half the width of its band, rounded; |n| values. With one value there is no band, with none no
 * mean either. */
struct band {
    int64_t mean, half;
    size_t n;
};
struct band band_of(const int64_t *values, size_t n);

/* Does the band hold |value|? Without a band that cannot be told: true. */
bool band_has(const struct band *b, int64_t value);

/* 1,000 times the 0.975 quantile of Student's t with |freedom| >= 1 degrees; between those of the table (30, 40, 60,
 * 120) the wider one. */
uint32_t student_t(size_t freedom);

/* From |from| to |to|, in millionths of |from|; false: |from| is no more than 0, or it is too much to be told. */
bool change_ppm(int64_t from, int64_t to, int64_t *out);

#endif
