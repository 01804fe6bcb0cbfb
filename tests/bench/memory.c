/* Memory of sandboxes at rest: what clones share, and what stands beside each machine. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include "base/fs.h"
#include "base/parse.h"
#include "runtime/sandbox/store.h"
#include "tests/bench/sections.h"
#include "tests/bench/usage.h"

enum { CLONES_MAX = 20, SHIMS = 10, KIB_PER_MIB = 1024, PID_FILE_MAX = 32 };

/* A clone's memory is this file of the template, copied where it was written to. */
#define MEMORY_FILE "memory-"

/* Of all sandboxes together. */
struct usages {
	struct usage vmm, guest, proxy, shim;
};

static int add_sandbox(const struct rig *rig, const char *id, struct usages *usages,
		       struct error *err)
{
	auto_record struct record rec = RECORD_INIT;
	int ret = record_peek(&rec, rig->root, id, err);

	if (ret == 0)
		ret = usage_add_process(rec.state.vmm.pid, &usages->vmm, err);
	if (ret == 0)
		ret = usage_add_mappings(rec.state.vmm.pid, MEMORY_FILE, &usages->guest, err);
	if (ret == 0)
		ret = usage_add_process(rec.state.proxy.pid, &usages->proxy, err);
	if (ret == 0)
		ret = usage_add_process(rec.state.shim.pid, &usages->shim, err);
	return ret;
}

static const char *clone_id(struct section *section, unsigned i)
{
	return arena_printf(&section->arena, "clone%u", i);
}

static struct figure *add(struct section *section, unsigned n, const char *what, double value,
			  const char *unit, const struct figure *of)
{
	struct figure *figure =
		section_add(section, arena_printf(&section->arena, "%u %s", n, what), unit, of);

	figure_sample(figure, value);
	return figure;
}

/* PSS and private memory beside the RSS. */
static void add_usage(struct section *section, unsigned n, const char *const names[3],
		      const struct usage *usage)
{
	const struct figure *rss =
		add(section, n, names[0], (double)usage->rss / KIB_PER_MIB, "MiB", NULL);

	add(section, n, names[1], (double)usage->pss / KIB_PER_MIB, "MiB", rss);
	add(section, n, names[2], (double)usage->private / KIB_PER_MIB, "MiB", rss);
}

static int sample(const struct rig *rig, unsigned n, struct section *section, struct error *err)
{
	static const char *const vmm[] = { "QEMU: RSS", "QEMU: PSS", "QEMU: private" };
	static const char *const guest[] = { "guest's memory in it: RSS",
					     "guest's memory in it: PSS",
					     "guest's memory in it: private" };
	struct usages sum = { 0 };
	int ret = 0;

	for (unsigned i = 0; ret == 0 && i < n; i++)
		ret = add_sandbox(rig, clone_id(section, i), &sum, err);
	if (ret < 0)
		return ret;
	add_usage(section, n, vmm, &sum.vmm);
	add_usage(section, n, guest, &sum.guest);
	add(section, n, "proxy + shim: PSS", (double)(sum.proxy.pss + sum.shim.pss), "KiB", NULL);
	add(section, n, "proxy: PSS", (double)sum.proxy.pss, "KiB", NULL);
	add(section, n, "shim: PSS", (double)sum.shim.pss, "KiB", NULL);
	return 0;
}

static int read_pid(const char *path, pid_t *pid, struct error *err)
{
	auto_strbuf struct strbuf text = { 0 };
	int64_t number = 0;
	int ret = fs_read_file_at(AT_FDCWD, path, &text, PID_FILE_MAX);

	if (ret == 0)
		ret = parse_i64(strbuf_str(&text), &number);
	*pid = (pid_t)number;
	return ret < 0 ? err_set(err, ret, "read the pid in '%s'", path) : 0;
}

/* A further process or container of a sandbox costs the host one shim more. */
static int sample_shims(const struct rig *rig, const char *id, struct section *section,
			struct error *err)
{
	struct figure *rss = section_add(section, "each further shim: RSS", "KiB", NULL);
	struct figure *pss = section_add(section, "each further shim: PSS", "KiB", rss);
	struct figure *private = section_add(section, "each further shim: private", "KiB", rss);
	const char *path = arena_printf(&section->arena, "%s/shim.pid", rig->dir);
	const char *const words[] = { "exec", "--detach", "--pid-file", path,
				      id,     "sleep",	  "1000",	NULL };
	pid_t pids[SHIMS];
	int ret = 0;

	for (unsigned i = 0; ret == 0 && i < SHIMS; i++) {
		ret = rig_time(rig, RIG_ACRUN, words, NULL, err);
		if (ret == 0)
			ret = read_pid(path, &pids[i], err);
	}
	for (unsigned i = 0; ret == 0 && i < SHIMS; i++) {
		struct usage usage = { 0 };

		ret = usage_add_process(pids[i], &usage, err);
		figure_sample(rss, (double)usage.rss);
		figure_sample(pss, (double)usage.pss);
		figure_sample(private, (double)usage.private);
	}
	return ret;
}

int section_memory(const struct rig *rig, struct section *section, struct error *err)
{
	unsigned n = 0;
	int ret = 0;

	while (ret == 0 && n < CLONES_MAX) {
		const char *const words[] = { "run",	    "--detach",		  "--bundle",
					      rig->sleeper, clone_id(section, n), NULL };

		ret = rig_time(rig, RIG_ACRUN, words, NULL, err);
		n += ret == 0;
		if (ret == 0 && (n == 1 || n == CLONES_MAX / 2 || n == CLONES_MAX))
			ret = sample(rig, n, section, err);
	}
	if (ret == 0)
		ret = sample_shims(rig, clone_id(section, 0), section, err);
	for (unsigned i = 0; i < n; i++)
		rig_remove(rig, RIG_ACRUN, clone_id(section, i));
	return ret;
}
