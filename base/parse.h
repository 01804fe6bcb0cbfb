/* Text to numbers, strictly: the whole string, no blanks, no sign surprises, range-checked. Leaf:
 * -EINVAL or -ERANGE. */
#ifndef BASE_PARSE_H
#define BASE_PARSE_H

#include <stdint.h>
#include "base/error.h"

int parse_u32(const char *text, uint32_t *out) must_check;
int parse_u64(const char *text, uint64_t *out) must_check;
int parse_i64(const char *text, int64_t *out) must_check;
/* Signal by number (0..64; 0 is the one that only asks) or name with or without SIG, any case,
 * RTMIN+n / RTMAX-n too. -EINVAL when unknown. */
int parse_signal(const char *text, int *signo) must_check;

#endif
