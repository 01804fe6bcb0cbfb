#include "tests/stress/pattern.h"

void pattern_add(struct pattern *pattern, const uint64_t block[static PATTERN_BLOCK / 8])
{
	for (size_t i = 0; i < PATTERN_BLOCK / 8; i++)
		pattern->sum = (pattern->sum ^ block[i]) * UINT64_C(0x100000001b3);
}

void pattern_make(struct pattern *pattern, uint64_t block[static PATTERN_BLOCK / 8])
{
	uint64_t x = pattern->state;

	for (size_t i = 0; i < PATTERN_BLOCK / 8; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		block[i] = x;
	}
	pattern->state = x;
	pattern_add(pattern, block);
}
