#include "hypervisor/qemu/qemu_internal.h"

#include <time.h>

#if defined(__x86_64__)
#include <x86intrin.h>

enum { SAMPLES = 8, SPAN_NS = 2000000, NS_PER_S = 1000000000 };

struct sample {
	uint64_t tsc;
	int64_t ns;
};

/* The counter and the clock at one moment: of several tries the one that took the least time. */
static struct sample take_sample(void)
{
	struct sample best = { 0 };
	uint64_t shortest = UINT64_MAX;

	for (int i = 0; i < SAMPLES; i++) {
		struct timespec now;
		uint64_t before = __rdtsc();
		uint64_t after;

		(void)clock_gettime(CLOCK_MONOTONIC, &now);
		after = __rdtsc();
		if (after - before < shortest) {
			shortest = after - before;
			best.tsc = before + (after - before) / 2;
			best.ns = (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
		}
	}
	return best;
}

uint32_t tsc_measure_khz(void)
{
	const struct timespec span = { .tv_nsec = SPAN_NS };
	struct sample from = take_sample();
	struct sample to;
	uint64_t khz;

	(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &span, NULL);
	to = take_sample();
	/* Cut short by a signal, or a counter that stands still or jumps: no figure is better than
	 * a wrong one. */
	if (to.ns - from.ns < SPAN_NS / 2 || to.tsc <= from.tsc)
		return 0;
	khz = (uint64_t)((__uint128_t)(to.tsc - from.tsc) * 1000000 / (uint64_t)(to.ns - from.ns));
	return khz <= UINT32_MAX ? (uint32_t)khz : 0;
}

#else

uint32_t tsc_measure_khz(void)
{
	return 0;
}

#endif
