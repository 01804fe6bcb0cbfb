/* What a filter of system calls of the usual size adds to the start of a container. */
#include "tests/bench/sections.h"

static int run(const struct rig *rig, enum rig_runtime runtime, const char *bundle,
	       struct figure *figure, struct error *err)
{
	const char *const words[] = { "run", "--bundle", bundle, "filter", NULL };

	return rig_has(rig, runtime) ? rig_time(rig, runtime, words, figure, err) : 0;
}

int section_seccomp(const struct rig *rig, struct section *section, struct error *err)
{
	struct figure *plain = section_add(section, "acrun run true, no filter", "ms", NULL);
	struct figure *filter =
		section_add(section, "acrun run true, engines' default filter", "ms", plain);
	struct figure *runc = section_add(section, "runc run true, no filter", "ms", NULL);
	struct figure *theirs = section_add(section, "runc run true, the same filter", "ms", runc);
	int ret = 0;

	for (uint32_t i = 0; ret == 0 && i < rig->rounds; i++) {
		ret = run(rig, RIG_ACRUN, rig->bundle, plain, err);
		if (ret == 0)
			ret = run(rig, RIG_ACRUN, rig->filtered, filter, err);
		if (ret == 0)
			ret = run(rig, RIG_RUNC, rig->bundle, runc, err);
		if (ret == 0)
			ret = run(rig, RIG_RUNC, rig->filtered, theirs, err);
	}
	return ret;
}
