#include "hypervisor/qemu/qemu_internal.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>

#include "base/fs.h"
#include "base/strbuf.h"

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

/* The host's kernel takes the counter off this list when it finds it unsteady. No list, no
 * objection. */
static bool is_steady(void)
{
	static const char list[] =
		"/sys/devices/system/clocksource/clocksource0/available_clocksource";
	auto_strbuf struct strbuf text = { 0 };

	if (fs_read_file_at(AT_FDCWD, list, &text, 4096) < 0)
		return true;
	for (const char *at = strbuf_str(&text); *at;) {
		size_t len = strcspn(at, " \n");

		if (len == 3 && !memcmp(at, "tsc", 3))
			return true;
		at += len + strspn(at + len, " \n");
	}
	return false;
}

uint32_t tsc_measure_khz(void)
{
	const struct timespec span = { .tv_nsec = SPAN_NS };
	struct sample from, to;
	uint64_t khz;

	if (!is_steady())
		return 0;
	from = take_sample();
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
