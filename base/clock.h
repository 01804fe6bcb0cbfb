/* Clocks. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

enum { CLOCK_TEXT_LEN = 40 };

/* CLOCK_MONOTONIC in milliseconds and in microseconds. */
int64_t clock_now_ms(void);
int64_t clock_now_us(void);
/* Now as RFC 3339 with nanoseconds, UTC ("2024-01-02T03:04:05.123456789Z"). */
void clock_rfc3339(char out[static CLOCK_TEXT_LEN]);

#endif
