/* What is done to a container that runs: exec, and the commands that only look. */
#include "base/clock.h"
#include "tests/bench/sections.h"
#include "tests/bench/vm.h"

static int begin(const struct rig *rig, enum rig_runtime runtime, struct error *err)
{
	const char *const words[] = { "run", "--detach", "--bundle", rig->sleeper, "bench", NULL };

	return rig_has(rig, runtime) ? rig_time(rig, runtime, words, NULL, err) : 0;
}

static void end(const struct rig *rig, enum rig_runtime runtime)
{
	if (rig_has(rig, runtime))
		rig_remove(rig, runtime, "bench");
}

static int empty(const char *path, struct figure *figure, struct error *err)
{
	const char *const argv[] = { path, NULL };
	double ms = 0;
	int ret = rig_run(argv, &ms, err);

	if (ret == 0)
		figure_sample(figure, ms);
	return ret;
}

static int bare_exec(struct bench_vm *vm, const struct rig *rig, struct figure *figure,
		     struct error *err)
{
	const char *const argv[] = { rig->empty_dynamic, NULL };
	int64_t begun = clock_now_us();
	int ret = rig_run(argv, NULL, err);

	if (ret == 0)
		ret = vm_exec(vm, rig->spec.process, err);
	if (ret == 0)
		ret = vm_wait_exit(vm, VM_STDIO_EXEC, NULL, NULL, err);
	figure_sample(figure, (double)(clock_now_us() - begun) / 1000);
	return ret;
}

static int exec_rounds(const struct rig *rig, struct bench_vm *vm, struct section *section,
		       struct error *err)
{
	static const char *const words[] = { "exec", "bench", "true", NULL };
	struct figure *bare =
		section_add(section, "bare EXECPROCESS true + empty program", "ms", NULL);
	struct figure *acrun = section_add(section, "acrun exec true", "ms", bare);
	struct figure *runc = section_add(section, "runc exec true", "ms", bare);
	int ret = 0;

	for (uint32_t i = 0; ret == 0 && i < 3 * rig->rounds; i++) {
		ret = bare_exec(vm, rig, bare, err);
		if (ret == 0)
			ret = rig_time(rig, RIG_ACRUN, words, acrun, err);
		if (ret == 0 && rig_has(rig, RIG_RUNC))
			ret = rig_time(rig, RIG_RUNC, words, runc, err);
	}
	return ret;
}

int section_exec(const struct rig *rig, struct section *section, struct error *err)
{
	struct bench_vm vm;
	int ret = vm_begin_sleeper(&vm, rig, VM_CLONE, err);

	if (ret == 0)
		ret = begin(rig, RIG_ACRUN, err);
	if (ret == 0)
		ret = begin(rig, RIG_RUNC, err);
	if (ret == 0)
		ret = exec_rounds(rig, &vm, section, err);
	vm_end(&vm);
	end(rig, RIG_ACRUN);
	end(rig, RIG_RUNC);
	return ret;
}

static int command_rounds(const struct rig *rig, struct section *section, struct error *err)
{
	static const char *const state[] = { "state", "bench", NULL };
	static const char *const list[] = { "list", NULL };
	static const char *const version[] = { "--version", NULL };
	static const struct {
		const char *name;
		enum rig_runtime runtime;
		const char *const *words;
	} rows[] = {
		{ "acrun state", RIG_ACRUN, state },	   { "acrun list", RIG_ACRUN, list },
		{ "acrun --version", RIG_ACRUN, version }, { "runc state", RIG_RUNC, state },
		{ "runc list", RIG_RUNC, list },	   { "runc --version", RIG_RUNC, version },
		{ "crun --version", RIG_CRUN, version },
	};
	enum { N_ROWS = sizeof(rows) / sizeof(rows[0]) };
	struct figure *figures[N_ROWS];
	struct figure *dynamic = section_add(section, "empty dynamic program", "ms", NULL);
	struct figure *fixed = section_add(section, "empty static program", "ms", dynamic);
	int ret = 0;

	for (size_t i = 0; i < N_ROWS; i++)
		figures[i] = section_add(section, rows[i].name, "ms", dynamic);
	for (uint32_t i = 0; ret == 0 && i < 10 * rig->rounds; i++) {
		ret = empty(rig->empty_dynamic, dynamic, err);
		if (ret == 0)
			ret = empty(rig->empty_static, fixed, err);
		for (size_t k = 0; ret == 0 && k < N_ROWS; k++)
			if (rig_has(rig, rows[k].runtime))
				ret = rig_time(rig, rows[k].runtime, rows[k].words, figures[k],
					       err);
	}
	return ret;
}

int section_commands(const struct rig *rig, struct section *section, struct error *err)
{
	int ret = begin(rig, RIG_ACRUN, err);

	if (ret == 0)
		ret = begin(rig, RIG_RUNC, err);
	if (ret == 0)
		ret = command_rounds(rig, section, err);
	end(rig, RIG_ACRUN);
	end(rig, RIG_RUNC);
	return ret;
}
