#include "cmd/acrun/command.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/units.h"
#include "runtime/sandbox/control.h"

enum { FILE_MAX = 1 << 20 };

struct update_options {
	bool help;
	const char *resources;
	const char *blkio_weight;
	const char *cpu_period, *cpu_quota, *cpu_burst, *cpu_share, *cpu_idle;
	const char *cpuset_cpus, *cpuset_mems;
	const char *memory, *memory_reservation, *memory_swap;
	const char *pids_limit;
	const char *l3_cache, *mem_bw;
};

#define STRING(name, member, arg, help)                                                    \
	{                                                                                  \
		name, 0, OPTION_STRING, offsetof(struct update_options, member), arg, help \
	}

static const struct option_row rows[] = {
	{ "help", 'h', OPTION_FLAG, offsetof(struct update_options, help), NULL, "show help" },
	{ "resources", 'r', OPTION_STRING, offsetof(struct update_options, resources), "FILE",
	  "take them from FILE (-: stdin), JSON as in config.json; other options are ignored" },
	STRING("cpu-period", cpu_period, "US", "period of the quota, in microseconds"),
	STRING("cpu-quota", cpu_quota, "US", "time it may run in a period; -1: no limit"),
	STRING("cpu-burst", cpu_burst, "US", "time it may save up beyond its quota"),
	STRING("cpu-share", cpu_share, "N", "its weight against others"),
	STRING("cpu-idle", cpu_idle, "0|1", "1: runs only when nothing else wants to"),
	STRING("cpuset-cpus", cpuset_cpus, "LIST", "CPUs it may use"),
	STRING("cpuset-mems", cpuset_mems, "LIST", "memory nodes it may use"),
	STRING("memory", memory, "BYTES", "most memory it may use (k, m, g); -1: no limit"),
	STRING("memory-reservation", memory_reservation, "BYTES", "memory that is left to it"),
	STRING("memory-swap", memory_swap, "BYTES", "most memory and swap together; -1: no limit"),
	STRING("pids-limit", pids_limit, "N", "most processes it may have; -1: no limit"),
	STRING("blkio-weight", blkio_weight, "N",
	       "without effect: the machine's disks are its own"),
	STRING("l3-cache-schema", l3_cache, "SCHEMA", "refused: Intel RDT is the host's"),
	STRING("mem-bw-schema", mem_bw, "SCHEMA", "refused: Intel RDT is the host's"),
	{ "cpu-rt-period", 0, OPTION_IGNORED, 0, "US", "accepted for compatibility" },
	{ "cpu-rt-runtime", 0, OPTION_IGNORED, 0, "US", "accepted for compatibility" },
	{ "kernel-memory", 0, OPTION_IGNORED, 0, "BYTES", "accepted for compatibility" },
	{ "kernel-memory-tcp", 0, OPTION_IGNORED, 0, "BYTES", "accepted for compatibility" },
};

static int read_resources(const char *path, struct arena *arena,
			  struct oci_linux_resources *resources, struct error *err)
{
	auto_strbuf struct strbuf text = { 0 };
	int ret = strcmp(path, "-") ? fs_read_file_at(AT_FDCWD, path, &text, FILE_MAX)
				    : fs_read_all(STDIN_FILENO, &text, FILE_MAX);

	if (ret < 0)
		return err_set(err, ret, "read the resources from '%s'", path);
	ret = json_decode(&oci_linux_resources_type, strbuf_str(&text), text.len, NULL, arena,
			  resources, err);
	return ret < 0 ? err_ctx(err, "resources of '%s'", path) : 0;
}

static int bad_value(const char *name, const char *text, struct error *err)
{
	return err_msg(err, -EINVAL, "invalid value for %s: \"%s\"", name, text);
}

static int take_i64(const char *name, const char *text, struct opt_i64 *out, struct error *err)
{
	if (!text)
		return 0;
	if (parse_i64(text, &out->value) < 0)
		return bad_value(name, text, err);
	out->set = true;
	return 0;
}

static int take_u64(const char *name, const char *text, struct opt_u64 *out, struct error *err)
{
	if (!text)
		return 0;
	if (parse_u64(text, &out->value) < 0)
		return bad_value(name, text, err);
	out->set = true;
	return 0;
}

static int take_bytes(const char *name, const char *text, struct opt_i64 *out, struct error *err)
{
	if (!text)
		return 0;
	if (!strcmp(text, "-1"))
		out->value = -1;
	else if (units_parse_bytes(text, &out->value) < 0)
		return bad_value(name, text, err);
	out->set = true;
	return 0;
}

static int take_options(const struct update_options *opts, struct arena *arena,
			struct oci_linux_resources *resources, struct error *err)
{
	struct oci_cpu *cpu = arena_alloc(arena, sizeof(*cpu));
	struct oci_memory *memory = arena_alloc(arena, sizeof(*memory));
	struct oci_pids *pids = arena_alloc(arena, sizeof(*pids));
	int ret = cpu && memory && pids ? 0 : err_set(err, -ENOMEM, "resources");

	if (ret == 0)
		ret = take_u64("cpu-period", opts->cpu_period, &cpu->period_us, err);
	if (ret == 0)
		ret = take_i64("cpu-quota", opts->cpu_quota, &cpu->quota_us, err);
	if (ret == 0)
		ret = take_u64("cpu-burst", opts->cpu_burst, &cpu->burst_us, err);
	if (ret == 0)
		ret = take_u64("cpu-share", opts->cpu_share, &cpu->shares, err);
	if (ret == 0)
		ret = take_i64("cpu-idle", opts->cpu_idle, &cpu->idle, err);
	if (ret == 0)
		ret = take_bytes("memory", opts->memory, &memory->limit, err);
	if (ret == 0)
		ret = take_bytes("memory-reservation", opts->memory_reservation,
				 &memory->reservation, err);
	if (ret == 0)
		ret = take_bytes("memory-swap", opts->memory_swap, &memory->swap, err);
	if (ret == 0)
		ret = take_i64("pids-limit", opts->pids_limit, &pids->limit, err);
	if (ret < 0)
		return ret;
	cpu->cpus = opts->cpuset_cpus;
	cpu->mems = opts->cpuset_mems;
	resources->cpu = cpu;
	resources->memory = memory;
	resources->pids = pids;
	return 0;
}

static int run(const struct globals *globals, const void *options, int argc, char **argv,
	       struct error *err)
{
	const struct update_options *opts = options;
	auto_arena struct arena arena = { 0 };
	struct oci_linux_resources resources = { 0 };
	int ret;

	(void)argc;
	if (opts->l3_cache || opts->mem_bw)
		return err_msg(
			err, -EOPNOTSUPP,
			"--%s: Intel RDT is the host's and does not reach into a virtual machine",
			opts->l3_cache ? "l3-cache-schema" : "mem-bw-schema");
	if (opts->resources)
		ret = read_resources(opts->resources, &arena, &resources, err);
	else
		ret = take_options(opts, &arena, &resources, err);
	if (ret < 0)
		return ret;
	if (opts->blkio_weight || resources.block_io)
		log_warning(
			"blkio limits are not applied: the disks of a virtual machine are its own");
	return sandbox_update(globals->root_abs, argv[0], &resources, err);
}

const struct command command_update = {
	.name = "update",
	.operands = "<container-id>",
	.summary = "change the limits of a container",
	.options = { rows, sizeof(rows) / sizeof(rows[0]), false },
	.options_size = sizeof(struct update_options),
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
