/* amounts.h - numbers as people read them. Each writes into |text| and returns it. */
#ifndef HEDGEROW_SIM_AMOUNTS_H
#define HEDGEROW_SIM_AMOUNTS_H

#include <stdint.h>

#define AMOUNT_MAX 32

/* 1234567 as "1,234,567". */
const char *amount_number(char text[AMOUNT_MAX], uint64_t n);
/* "512 B", "1.5 MB": thousands, not 1,024s. */
const char *amount_bytes(char text[AMOUNT_MAX], uint64_t n);
/* Milliseconds as "12.3 s"; FIGURE_NEVER as "never". */
const char *amount_seconds(char text[AMOUNT_MAX], uint64_t ms);
/* Milliseconds as "41.2 s", "24 h", "1 h 5 min". */
const char *amount_span(char text[AMOUNT_MAX], uint64_t ms);
/* Microseconds in milliseconds, "12.34"; FIGURE_NEVER as "-". */
const char *amount_ms(char text[AMOUNT_MAX], uint64_t us);
/* Microseconds as a person says them: "2.63 ms", "31.4 ms", "139 ms", "1.8 s". */
const char *amount_wait(char text[AMOUNT_MAX], uint64_t us);
/* "12.3 %" of |whole|; 0 of nothing. */
const char *amount_share(char text[AMOUNT_MAX], uint64_t part, uint64_t whole);

#endif
