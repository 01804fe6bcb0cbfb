/* Several at once: what the host's cores do with it, beside as many bare paths. */
#include <errno.h>
#include <stdio.h>
#include "base/clock.h"
#include "tests/bench/sections.h"

enum { AT_ONCE_MAX = 8, ROUNDS_MAX = 3 };

/* Builds the command line of the i-th of those that run at once. */
typedef void command_fn(const struct rig *rig, unsigned i, const char *argv[RIG_ARGV_MAX]);

static void run_command(const struct rig *rig, unsigned i, const char *argv[RIG_ARGV_MAX])
{
	static const char *const ids[AT_ONCE_MAX] = {
		"p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7"
	};
	const char *const words[] = { "run", "--bundle", rig->bundle, ids[i], NULL };

	rig_argv(rig, RIG_ACRUN, words, argv);
}

static void bare_command(const struct rig *rig, unsigned i, const char *argv[RIG_ARGV_MAX])
{
	const char *const words[] = { rig->self,
				      "--bare",
				      "--acrun",
				      rig->acrun,
				      "--bundle",
				      rig->bundle,
				      "--sleeper",
				      rig->sleeper,
				      "--cold-config",
				      rig->cold_config,
				      "--empty-static",
				      rig->empty_static,
				      "--empty-dynamic",
				      rig->empty_dynamic,
				      "--self",
				      rig->self,
				      rig->config_path ? "--config" : NULL,
				      rig->config_path,
				      NULL };
	size_t n = 0;

	(void)i;
	for (; words[n] && n < RIG_ARGV_MAX - 1; n++)
		argv[n] = words[n];
	argv[n] = NULL;
}

/* Wall time of all, divided by their number. */
static int at_once(const struct rig *rig, unsigned n, command_fn *command, struct figure *figure,
		   struct error *err)
{
	struct error other = { 0 };
	pid_t pids[AT_ONCE_MAX];
	unsigned started = 0;
	int64_t begun = clock_now_us();
	int ret = 0;

	while (ret == 0 && started < n) {
		const char *argv[RIG_ARGV_MAX];

		command(rig, started, argv);
		ret = rig_spawn(argv, -1, -1, &pids[started], err);
		started += ret == 0;
	}
	for (unsigned i = 0; i < started; i++)
		if (rig_wait(pids[i], "one of several at once", ret == 0 ? err : &other) < 0)
			ret = ret < 0 ? ret : err->code;
	if (ret == 0)
		figure_sample(figure, (double)(clock_now_us() - begun) / 1000 / n);
	return ret;
}

int section_parallel(const struct rig *rig, struct section *section, struct error *err)
{
	static const struct {
		unsigned n;
		const char *bare, *acrun;
	} rows[] = {
		{ 1, "1 bare path", "1 acrun run true" },
		{ 4, "4 bare paths", "4 acrun run true" },
		{ 8, "8 bare paths", "8 acrun run true" },
	};
	int ret = 0;

	for (size_t k = 0; ret == 0 && k < sizeof(rows) / sizeof(rows[0]); k++) {
		struct figure *bare = section_add(section, rows[k].bare, "ms", NULL);
		struct figure *acrun = section_add(section, rows[k].acrun, "ms", bare);

		for (uint32_t i = 0; ret == 0 && i < rig->rounds && i < ROUNDS_MAX; i++) {
			ret = at_once(rig, rows[k].n, bare_command, bare, err);
			if (ret == 0)
				ret = at_once(rig, rows[k].n, run_command, acrun, err);
		}
	}
	return ret;
}
