/* Memory of sandboxes at rest. Proportional set size (PSS) counts each shared page once among all
 * who share it, so sums of it are true. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include "base/fs.h"
#include "base/parse.h"
#include "runtime/sandbox/store.h"
#include "tests/bench/sections.h"

enum { CLONES_MAX = 20, ROLLUP_MAX = 8192, KIB_PER_MIB = 1024 };

struct usage {
	uint64_t rss, pss, private; /* KiB */
};

/* The number behind a key of smaps_rollup, in KiB; 0 when it is not there. */
static uint64_t field(const char *text, const char *key)
{
	const char *at = strstr(text, key);
	unsigned long long kib = 0;

	if (!at || sscanf(at + strlen(key), " %llu", &kib) != 1)
		return 0;
	return kib;
}

static int add_process(const struct proc_id *id, struct usage *usage, struct error *err)
{
	auto_strbuf struct strbuf text = { 0 };
	char path[64];
	int ret;

	(void)snprintf(path, sizeof(path), "/proc/%lld/smaps_rollup", (long long)id->pid);
	ret = fs_read_file_at(AT_FDCWD, path, &text, ROLLUP_MAX);
	if (ret < 0)
		return err_set(err, ret, "read '%s'", path);
	usage->rss += field(strbuf_str(&text), "\nRss:");
	usage->pss += field(strbuf_str(&text), "\nPss:");
	usage->private += field(strbuf_str(&text), "\nPrivate_Clean:") +
			  field(strbuf_str(&text), "\nPrivate_Dirty:");
	return 0;
}

/* Of all sandboxes together. */
struct usages {
	struct usage vmm, proxy, shim;
};

static int add_sandbox(const struct rig *rig, const char *id, struct usages *usages,
		       struct error *err)
{
	auto_record struct record rec = RECORD_INIT;
	int ret = record_peek(&rec, rig->root, id, err);

	if (ret == 0)
		ret = add_process(&rec.state.vmm, &usages->vmm, err);
	if (ret == 0)
		ret = add_process(&rec.state.proxy, &usages->proxy, err);
	if (ret == 0)
		ret = add_process(&rec.state.shim, &usages->shim, err);
	return ret;
}

static const char *clone_id(struct section *section, unsigned i)
{
	return arena_printf(&section->arena, "clone%u", i);
}

static int sample(const struct rig *rig, unsigned n, struct section *section, struct error *err)
{
	struct arena *arena = &section->arena;
	struct usages sum = { 0 };
	struct figure *rss;
	int ret = 0;

	for (unsigned i = 0; ret == 0 && i < n; i++)
		ret = add_sandbox(rig, clone_id(section, i), &sum, err);
	if (ret < 0)
		return ret;
	rss = section_add(section, arena_printf(arena, "%u QEMU: RSS", n), "MiB", NULL);
	figure_sample(rss, (double)sum.vmm.rss / KIB_PER_MIB);
	figure_sample(section_add(section, arena_printf(arena, "%u QEMU: PSS", n), "MiB", rss),
		      (double)sum.vmm.pss / KIB_PER_MIB);
	figure_sample(section_add(section, arena_printf(arena, "%u QEMU: private", n), "MiB", rss),
		      (double)sum.vmm.private / KIB_PER_MIB);
	figure_sample(section_add(section, arena_printf(arena, "%u proxy + shim: RSS", n), "KiB",
				  NULL),
		      (double)(sum.proxy.rss + sum.shim.rss));
	figure_sample(section_add(section, arena_printf(arena, "%u proxy: PSS", n), "KiB", NULL),
		      (double)sum.proxy.pss);
	figure_sample(section_add(section, arena_printf(arena, "%u shim: PSS", n), "KiB", NULL),
		      (double)sum.shim.pss);
	return 0;
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
	for (unsigned i = 0; i < n; i++)
		rig_remove(rig, RIG_ACRUN, clone_id(section, i));
	return ret;
}
