#include "runtime/sandbox/steps.h"

#include "base/clock.h"
#include "runtime/sandbox/timing.h"

int steps_make(const struct step *steps, size_t n, struct create *create, struct error *err)
{
	for (size_t i = 0; i < n; i++) {
		int64_t begun = clock_now_us();
		int ret = steps[i].make(create, err);

		timing_phase(steps[i].name, begun, ret);
		if (ret < 0)
			return ret;
	}
	return 0;
}

void steps_undo(const struct step *steps, size_t n, struct record *rec)
{
	while (n-- > 0)
		if (steps[n].undo)
			steps[n].undo(rec);
}
