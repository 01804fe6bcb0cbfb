/* From nothing to a container, and to the end of its process. */
#include "tests/bench/sections.h"
#include "tests/bench/vm.h"

/* The commands of a container's life, each in its figure; what is NULL is not measured. */
struct life {
	struct figure *create, *start, *delete;
};

/* `sleep` instead of `true`, so that start is not mixed with the process' end. */
static int live(const struct rig *rig, enum rig_runtime runtime, const struct life *life,
		struct error *err)
{
	const char *const create[] = { "create", "--bundle", rig->sleeper, "life", NULL };
	const char *const start[] = { "start", "life", NULL };
	const char *const del[] = { "delete", "--force", "life", NULL };
	int ret;

	if (!rig_has(rig, runtime))
		return 0;
	ret = rig_time(rig, runtime, create, life->create, err);
	if (ret == 0)
		ret = rig_time(rig, runtime, start, life->start, err);
	if (ret < 0) {
		rig_remove(rig, runtime, "life");
		return ret;
	}
	return rig_time(rig, runtime, del, life->delete, err);
}

static int run(const struct rig *rig, enum rig_runtime runtime, struct figure *figure,
	       struct error *err)
{
	const char *const words[] = { "run", "--bundle", rig->bundle, "once", NULL };

	return rig_has(rig, runtime) ? rig_time(rig, runtime, words, figure, err) : 0;
}

static int bare_boot(const struct rig *rig, struct figure *boot, struct figure *created,
		     struct error *err)
{
	struct vm_steps steps = { 0 };
	struct bench_vm vm;
	int ret = vm_begin(&vm, rig, VM_BOOT, &steps, err);

	if (ret == 0)
		ret = vm_greet(&vm, &steps, err);
	if (ret == 0)
		ret = vm_container(&vm, &rig->spec, &steps, err);
	vm_end(&vm);
	if (ret < 0)
		return ret;
	figure_sample(boot, steps.launch + steps.ready);
	figure_sample(created,
		      steps.launch + steps.ready + steps.hello + steps.startpod + steps.create);
	return 0;
}

int section_cold(const struct rig *rig, struct section *section, struct error *err)
{
	struct figure *boot = section_add(section, "bare boot to READY", "ms", NULL);
	struct figure *bare = section_add(section, "bare boot, container created", "ms", NULL);
	struct figure *create = section_add(section, "acrun create, cold", "ms", boot);
	struct figure *same = section_add(section, "", "ms", bare);
	int ret = 0;

	for (uint32_t i = 0; ret == 0 && i < rig->rounds; i++) {
		/* Neither is always the first of the two. */
		if (i % 2 == 0)
			ret = live(rig, RIG_ACRUN_COLD, &(struct life){ .create = create }, err);
		if (ret == 0)
			ret = bare_boot(rig, boot, bare, err);
		if (ret == 0 && i % 2 == 1)
			ret = live(rig, RIG_ACRUN_COLD, &(struct life){ .create = create }, err);
	}
	*same = *create;
	same->name = "the same, like against like";
	same->of = bare;
	return ret;
}

int section_template(const struct rig *rig, struct section *section, struct error *err)
{
	struct figure *least = section_add(section, "bare path, least container", "ms", NULL);
	struct figure *bare = section_add(section, "bare path, same container", "ms", least);
	struct figure *acrun = section_add(section, "acrun run true", "ms", least);
	struct figure *same = section_add(section, "", "ms", bare);
	struct figure *runc = section_add(section, "runc run true", "ms", least);
	struct life ours = { .create = section_add(section, "acrun create", "ms", least),
			     .start = section_add(section, "acrun start", "ms", least),
			     .delete = section_add(section, "acrun delete --force", "ms", least) };
	struct life theirs = { .create = section_add(section, "runc create", "ms", ours.create),
			       .start = section_add(section, "runc start", "ms", ours.start),
			       .delete = section_add(section, "runc delete --force", "ms",
						     ours.delete) };
	struct oci_spec spec;
	int ret = 0;

	vm_least_spec(rig, &spec);
	for (uint32_t i = 0; ret == 0 && i < rig->rounds; i++) {
		struct vm_steps steps = { 0 };

		ret = vm_bare_path(rig, &spec, VM_CLONE, &steps, err);
		figure_sample(least, steps.all);
		if (ret == 0)
			ret = run(rig, RIG_ACRUN, acrun, err);
		if (ret == 0)
			ret = vm_bare_path(rig, &rig->spec, VM_CLONE, &steps, err);
		figure_sample(bare, steps.all);
		if (ret == 0)
			ret = run(rig, RIG_RUNC, runc, err);
		if (ret == 0)
			ret = live(rig, RIG_ACRUN, &ours, err);
		if (ret == 0)
			ret = live(rig, RIG_RUNC, &theirs, err);
	}
	*same = *acrun;
	same->name = "the same, like against like";
	same->of = bare;
	return ret;
}

/* The cache makes a new machine as soon as one is taken: that is part of what follows, as in life.
 */
int section_cached(const struct rig *rig, struct section *section, struct error *err)
{
	struct figure *clone =
		section_add(section, "acrun run true, from the template", "ms", NULL);
	struct figure *cached = section_add(section, "acrun run true, from the cache", "ms", clone);
	struct life ours = {
		.create = section_add(section, "acrun create, from the template", "ms", NULL),
		.start = section_add(section, "acrun start, from the template", "ms", NULL),
	};
	struct life pooled = {
		.create = section_add(section, "acrun create, from the cache", "ms", ours.create),
		.start = section_add(section, "acrun start, from the cache", "ms", ours.start),
	};
	int ret = 0;

	for (uint32_t i = 0; ret == 0 && rig_has(rig, RIG_ACRUN_CACHED) && i < rig->rounds; i++) {
		ret = rig_await_cache(rig, err);
		if (ret == 0)
			ret = run(rig, RIG_ACRUN, clone, err);
		if (ret == 0)
			ret = run(rig, RIG_ACRUN_CACHED, cached, err);
		if (ret == 0)
			ret = rig_await_cache(rig, err);
		if (ret == 0)
			ret = live(rig, RIG_ACRUN, &ours, err);
		if (ret == 0)
			ret = live(rig, RIG_ACRUN_CACHED, &pooled, err);
	}
	return ret;
}

int section_steps(const struct rig *rig, struct section *section, struct error *err)
{
	struct figure *all = section_add(section, "whole bare path, same container", "ms", NULL);
	struct figure *launch = section_add(section, "start QEMU's program", "ms", all);
	struct figure *restore =
		section_add(section, "restore (QEMU's own start in it)", "ms", all);
	struct figure *ready = section_add(section, "READY", "ms", all);
	struct figure *hello = section_add(section, "HELLO", "ms", all);
	struct figure *pod = section_add(section, "STARTPOD (mount the share)", "ms", all);
	struct figure *create = section_add(section, "CREATECONTAINER", "ms", all);
	struct figure *start = section_add(section, "STARTCONTAINER", "ms", all);
	struct figure *end = section_add(section, "process done, exit code here", "ms", all);
	int ret = 0;

	for (uint32_t i = 0; ret == 0 && i < rig->rounds; i++) {
		struct vm_steps steps = { 0 };

		ret = vm_bare_path(rig, &rig->spec, VM_CLONE, &steps, err);
		figure_sample(all, steps.all);
		figure_sample(launch, steps.launch);
		figure_sample(restore, steps.restore);
		figure_sample(ready, steps.ready);
		figure_sample(hello, steps.hello);
		figure_sample(pod, steps.startpod);
		figure_sample(create, steps.create);
		figure_sample(start, steps.start);
		figure_sample(end, steps.end);
	}
	return ret;
}
