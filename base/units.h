/* Amounts as people write them on a command line. Leaf: -errno. */
#ifndef BASE_UNITS_H
#define BASE_UNITS_H

#include <stdint.h>
#include "base/error.h"

/* Bytes: "1048576", "64m", "1.5GiB", "512 kB"; the units are powers of 1024, in any case. -EINVAL,
 * -ERANGE. */
int units_parse_bytes(const char *text, int64_t *out) must_check;
/* A duration as Go writes it, in milliseconds: "5s", "1m30s", "1.5h", "250ms", "0"; parts below a
 * millisecond are dropped. -EINVAL, -ERANGE. */
int units_parse_duration_ms(const char *text, int64_t *out) must_check;

#endif
