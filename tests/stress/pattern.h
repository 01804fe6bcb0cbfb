/* Bytes that never repeat, made alike on both sides, and a sum of them that depends on their order.
 */
#ifndef TESTS_STRESS_PATTERN_H
#define TESTS_STRESS_PATTERN_H

#include <stddef.h>
#include <stdint.h>

struct pattern {
	uint64_t state;
	uint64_t sum;
};

enum { PATTERN_BLOCK = 64 << 10 }; /* bytes; a multiple of 8 */

#define PATTERN_INIT                                                                       \
	{                                                                                  \
		.state = UINT64_C(0x9e3779b97f4a7c15), .sum = UINT64_C(0xcbf29ce484222325) \
	}

/* The next block, and its sum. */
void pattern_make(struct pattern *pattern, uint64_t block[static PATTERN_BLOCK / 8]);

/* Takes a block that was received into the sum. */
void pattern_add(struct pattern *pattern, const uint64_t block[static PATTERN_BLOCK / 8]);

#endif
