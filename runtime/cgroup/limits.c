#include "runtime/cgroup/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include "base/cleanup.h"
#include "base/fs.h"

enum {
	/* What a machine takes beside its memory: the VMM with the code that it translates and its
	 * page tables, proxy and shims. */
	OVERHEAD_MIB = 256,
	DEFAULT_PERIOD_US = 100000,
	NUMBER_BYTES_MAX = 64,
};

/* Where this hierarchy has the file. */
static int set(int fd, const char *dir, const char *file, const char *text, struct error *err)
{
	int ret = fs_exists_at(fd, file) ? fs_write_file_at(fd, file, text) : 0;

	return ret < 0 ? err_set(err, ret, "write '%s' to '%s/%s'", text, dir, file) : 0;
}

static int set_number(int fd, const char *dir, const char *file, int64_t value, struct error *err)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%" PRId64, value);
	return set(fd, dir, file, text, err);
}

/* More than the container may have, or the machine itself would be what is killed. */
static int limit_memory(int fd, const char *dir, const struct oci_memory *memory,
			uint32_t vm_memory_mib, struct error *err)
{
	int64_t floor = (int64_t)vm_memory_mib << 20;
	int64_t limit;
	int ret;

	if (!memory || !memory->limit.set || memory->limit.value == 0)
		return 0;
	if (memory->limit.value < 0) {
		ret = set(fd, dir, "memory.max", "max", err);
		return ret < 0 ? ret : set(fd, dir, "memory.limit_in_bytes", "-1", err);
	}
	limit = memory->limit.value > floor ? memory->limit.value : floor;
	if (limit > INT64_MAX - ((int64_t)OVERHEAD_MIB << 20))
		return 0;
	limit += (int64_t)OVERHEAD_MIB << 20;
	ret = set_number(fd, dir, "memory.max", limit, err);
	return ret < 0 ? ret : set_number(fd, dir, "memory.limit_in_bytes", limit, err);
}

/* cpu.weight, 1 to 10000, of shares, 2 to 262144: the conversion that all runtimes share. */
static int64_t weight_of(uint64_t shares)
{
	if (shares <= 2)
		return 1;
	if (shares >= 262144)
		return 10000;
	return (int64_t)(1 + (shares - 2) * 9999 / 262142);
}

/* Two files, of which the kernel checks each against what the other says by then: a shorter period
 * may have to wait for its smaller quota. */
static int limit_quota_v1(int fd, const char *dir, const struct oci_cpu *cpu, int64_t quota,
			  struct error *err)
{
	bool has_period = cpu->period_us.set && cpu->period_us.value;
	int64_t period = has_period ? (int64_t)cpu->period_us.value : 0;
	struct error first = { 0 };
	int ret = has_period ? set_number(fd, dir, "cpu.cfs_period_us", period, &first) : 0;
	bool again = ret == -EINVAL && quota != 0;

	if (ret < 0 && !again)
		return err_msg(err, ret, "%s", first.text);
	ret = quota == 0 ? 0 : set_number(fd, dir, "cpu.cfs_quota_us", quota > 0 ? quota : -1, err);
	return ret == 0 && again ? set_number(fd, dir, "cpu.cfs_period_us", period, err) : ret;
}

static int limit_quota(int fd, const char *dir, const struct oci_cpu *cpu, struct error *err)
{
	int64_t period = cpu->period_us.set && cpu->period_us.value ? (int64_t)cpu->period_us.value
								    : DEFAULT_PERIOD_US;
	int64_t quota = cpu->quota_us.set ? cpu->quota_us.value : 0;
	char text[64];
	int ret = 0;

	if (quota > 0)
		(void)snprintf(text, sizeof(text), "%" PRId64 " %" PRId64, quota, period);
	else
		(void)snprintf(text, sizeof(text), "max %" PRId64, period);
	if (cpu->quota_us.set || cpu->period_us.set)
		ret = set(fd, dir, "cpu.max", text, err);
	return ret < 0 ? ret : limit_quota_v1(fd, dir, cpu, quota, err);
}

static int limit_cpu(int fd, const char *dir, const struct oci_cpu *cpu, struct error *err)
{
	int ret = 0;

	if (!cpu)
		return 0;
	if (cpu->shares.set && cpu->shares.value) {
		ret = set_number(fd, dir, "cpu.shares", (int64_t)cpu->shares.value, err);
		if (ret == 0)
			ret = set_number(fd, dir, "cpu.weight", weight_of(cpu->shares.value), err);
	}
	if (ret == 0)
		ret = limit_quota(fd, dir, cpu, err);
	if (ret == 0 && cpu->cpus && *cpu->cpus)
		ret = set(fd, dir, "cpuset.cpus", cpu->cpus, err);
	if (ret == 0 && cpu->mems && *cpu->mems)
		ret = set(fd, dir, "cpuset.mems", cpu->mems, err);
	return ret;
}

int cgroup_limit(const struct json_strs *dirs, const struct oci_linux_resources *resources,
		 uint32_t vm_memory_mib, struct error *err)
{
	for (size_t i = 0; resources && i < dirs->len; i++) {
		auto_close int fd = fs_open_dir_at(AT_FDCWD, dirs->items[i]);
		int ret = fd < 0 ? err_set(err, fd, "open the cgroup '%s'", dirs->items[i]) : 0;

		if (ret == 0)
			ret = limit_memory(fd, dirs->items[i], resources->memory, vm_memory_mib,
					   err);
		if (ret == 0)
			ret = limit_cpu(fd, dirs->items[i], resources->cpu, err);
		if (ret < 0)
			return ret;
	}
	return 0;
}

int cgroup_make_room(const struct json_strs *dirs, uint32_t vm_memory_mib, struct error *err)
{
	static const char *const files[] = { "memory.max", "memory.limit_in_bytes" };
	int64_t wanted = ((int64_t)vm_memory_mib + OVERHEAD_MIB) << 20;

	for (size_t i = 0; i < 2 * dirs->len; i++) {
		const char *dir = dirs->items[i / 2];
		auto_close int fd = fs_open_dir_at(AT_FDCWD, dir);
		auto_strbuf struct strbuf text = { 0 };
		int64_t limit;
		int ret;

		/* no limit is "max", or a number beyond any memory */
		if (fd < 0 || fs_read_file_at(fd, files[i % 2], &text, NUMBER_BYTES_MAX) < 0 ||
		    sscanf(strbuf_str(&text), "%" SCNd64, &limit) != 1 || limit >= wanted)
			continue;
		ret = set_number(fd, dir, files[i % 2], wanted, err);
		if (ret < 0)
			return ret;
	}
	return 0;
}
