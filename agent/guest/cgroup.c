#include "agent/guest/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/guest/fail.h"
#include "agent/guest/guest.h"
#include "agent/guest/numbers.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/strbuf.h"

enum { LIST_MAX = 1 << 20, DEPTH_MAX = 16, KEYS_MAX = 512 };

/* Enables every controller for the children of a cgroup, one at a time: one that refuses must not
 * stop the others. */
static void enable_controllers(const char *dir)
{
	auto_close int fd = fs_open_dir_at(AT_FDCWD, dir);
	auto_strbuf struct strbuf list = { 0 };
	const char *at;

	if (fd < 0 || fs_read_file_at(fd, "cgroup.controllers", &list, 4096) < 0 || list.len == 0)
		return;
	for (at = list.data; *at; at += strspn(at, " \n")) {
		size_t len = strcspn(at, " \n");
		char text[64];

		if (snprintf(text, sizeof(text), "+%.*s", (int)len, at) < (int)sizeof(text))
			(void)!fs_write_file_at(fd, "cgroup.subtree_control", text);
		at += len;
	}
}

void cgroup_init(void)
{
	enable_controllers(GUEST_CGROUP_DIR);
	if (mkdir(GUEST_CONTAINERS_DIR, 0755) < 0 && errno != EEXIST)
		log_warning("create '%s': %s", GUEST_CONTAINERS_DIR, strerror(errno));
	enable_controllers(GUEST_CONTAINERS_DIR);
}

int cgroup_make(const char *id, struct error *err)
{
	auto_close int parent = fs_open_dir_at(AT_FDCWD, GUEST_CONTAINERS_DIR);
	int fd;

	if (parent < 0)
		return fail_set(err, parent, "open '%s'", GUEST_CONTAINERS_DIR);
	if (mkdirat(parent, id, 0755) < 0 && errno != EEXIST)
		return fail_set(err, -errno, "create the cgroup of '%s'", id);
	fd = fs_open_dir_at(parent, id);
	return fd < 0 ? fail_set(err, fd, "open the cgroup of '%s'", id) : fd;
}

static int set_number(int fd, const char *file, int64_t value, struct error *err)
{
	char text[32];
	int ret;

	if (value < 0)
		(void)snprintf(text, sizeof(text), "max");
	else
		(void)snprintf(text, sizeof(text), "%" PRId64, value);
	ret = fs_write_file_at(fd, file, text);
	return ret < 0 ? fail_set(err, ret, "set cgroup limit %s to %s", file, text) : 0;
}

/* The number a file holds; -1 for "max", or when there is none. */
static int64_t read_number(int fd, const char *file)
{
	auto_strbuf struct strbuf text = { 0 };
	int64_t value;

	if (fs_read_file_at(fd, file, &text, 64) < 0 || !text.data)
		return -1;
	text.data[strcspn(text.data, "\n")] = '\0';
	return parse_i64(text.data, &value) < 0 ? -1 : value;
}

/* The kernel would kill for a limit below what is used. */
static int check_usage(int fd, const struct opt_i64 *limit, struct error *err)
{
	int64_t used = read_number(fd, "memory.current");

	if (!limit->set || limit->value <= 0 || used <= limit->value)
		return 0;
	return err_msg(err, -EBUSY,
		       "rejecting memory limit %" PRId64 ": %" PRId64 " bytes are in use",
		       limit->value, used);
}

static int set_memory(int fd, const struct oci_memory *memory, struct error *err)
{
	int ret = 0;

	if (!memory)
		return 0;
	if (memory->check_before_update.set && memory->check_before_update.value)
		ret = check_usage(fd, &memory->limit, err);
	if (ret == 0 && memory->limit.set && memory->limit.value != 0)
		ret = set_number(fd, "memory.max", memory->limit.value, err);
	/* config.json counts memory and swap together, the kernel swap alone */
	if (ret == 0 && memory->swap.set && memory->swap.value < 0)
		ret = set_number(fd, "memory.swap.max", -1, err);
	if (ret == 0 && memory->swap.set && memory->swap.value > 0) {
		/* an update may leave the limit as it is */
		int64_t limit = memory->limit.set && memory->limit.value != 0
					? memory->limit.value
					: read_number(fd, "memory.max");

		if (limit > 0 && memory->swap.value >= limit)
			ret = set_number(fd, "memory.swap.max", memory->swap.value - limit, err);
	}
	if (ret == 0 && memory->reservation.set && memory->reservation.value != 0)
		ret = set_number(fd, "memory.low",
				 memory->reservation.value < 0 ? 0 : memory->reservation.value,
				 err);
	return ret;
}

/* v1 shares 2..262144 to v2 weight 1..10000, as the systems in use do it. */
static int64_t shares_to_weight(uint64_t shares)
{
	if (shares < 2)
		shares = 2;
	if (shares > 262144)
		shares = 262144;
	return (int64_t)(1 + (shares - 2) * 9999 / 262142);
}

/* What holds now: an update may change one of the two. A quota of -1 is none. */
static void read_cpu_max(int fd, int64_t *quota, uint64_t *period)
{
	auto_strbuf struct strbuf text = { 0 };
	char *space;

	*quota = -1;
	*period = 100000;
	if (fs_read_file_at(fd, "cpu.max", &text, 64) < 0 || !text.data)
		return;
	text.data[strcspn(text.data, "\n")] = '\0';
	space = strchr(text.data, ' ');
	if (!space)
		return;
	*space = '\0';
	if (parse_i64(text.data, quota) < 0)
		*quota = -1;
	if (parse_u64(space + 1, period) < 0)
		*period = 100000;
}

static int set_cpu(int fd, const struct oci_cpu *cpu, struct error *err)
{
	uint64_t period;
	int64_t quota;
	char text[64];
	int ret = 0;

	if (!cpu)
		return 0;
	if (cpu->shares.set && cpu->shares.value != 0)
		ret = set_number(fd, "cpu.weight", shares_to_weight(cpu->shares.value), err);
	if (ret < 0 || !((cpu->quota_us.set && cpu->quota_us.value != 0) ||
			 (cpu->period_us.set && cpu->period_us.value != 0)))
		return ret;
	read_cpu_max(fd, &quota, &period);
	if (cpu->quota_us.set && cpu->quota_us.value != 0)
		quota = cpu->quota_us.value;
	if (cpu->period_us.set && cpu->period_us.value != 0)
		period = cpu->period_us.value;
	if (quota > 0)
		(void)snprintf(text, sizeof(text), "%" PRId64 " %" PRIu64, quota, period);
	else
		(void)snprintf(text, sizeof(text), "max %" PRIu64, period);
	ret = fs_write_file_at(fd, "cpu.max", text);
	return ret < 0 ? fail_set(err, ret, "set cgroup limit cpu.max to %s", text) : 0;
}

static int set_text(int fd, const char *file, const char *text, struct error *err)
{
	int ret;

	if (!text || !*text)
		return 0;
	/* a file of this cgroup, not of another */
	if (strchr(file, '/') || file[0] == '.')
		return err_msg(err, -EINVAL, "unified resource \"%s\" must be a file name", file);
	ret = fs_write_file_at(fd, file, text);
	return ret < 0 ? fail_set(err, ret, "set cgroup limit %s to %s", file, text) : 0;
}

/* The numbers are the host's, whose cgroup binds the machine as a whole: what the guest does not
 * have divides nothing here. */
static int set_cpuset(int fd, const char *file, const char *text, struct error *err)
{
	struct error why = { 0 };
	int ret = set_text(fd, file, text, &why);

	if (ret == 0 || ret == -ERANGE || ret == -EINVAL)
		return 0;
	return err_msg(err, ret, "%s", why.text);
}

/* Only what is asked for is written: a file may be missing in the guest's kernel. */
static int set_cpu_extras(int fd, const struct oci_cpu *cpu, struct error *err)
{
	int ret = 0;

	if (!cpu)
		return 0;
	if (cpu->burst_us.set && cpu->burst_us.value != 0)
		ret = cpu->burst_us.value > INT64_MAX
			      ? err_msg(err, -EINVAL, "cpu burst is out of range")
			      : set_number(fd, "cpu.max.burst", (int64_t)cpu->burst_us.value, err);
	if (ret == 0 && cpu->idle.set && cpu->idle.value != 0)
		ret = set_number(fd, "cpu.idle", cpu->idle.value, err);
	if (ret == 0)
		ret = set_cpuset(fd, "cpuset.cpus", cpu->cpus, err);
	return ret == 0 ? set_cpuset(fd, "cpuset.mems", cpu->mems, err) : ret;
}

static int set_hugepages(int fd, const struct json_objs *limits, struct error *err)
{
	const struct oci_hugepage_limit *rows = limits->items;
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < limits->len; i++) {
		int64_t limit = rows[i].limit > INT64_MAX ? -1 : (int64_t)rows[i].limit;
		char file[64];

		if (!rows[i].page_size || strchr(rows[i].page_size, '/') ||
		    snprintf(file, sizeof(file), "hugetlb.%s.max", rows[i].page_size) >=
			    (int)sizeof(file))
			return err_msg(err, -EINVAL, "huge page size \"%s\" is not valid",
				       rows[i].page_size ? rows[i].page_size : "");
		ret = set_number(fd, file, limit, err);
	}
	return ret;
}

static int set_unified(int fd, const struct json_map *unified, struct error *err)
{
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < unified->len; i++)
		ret = set_text(fd, unified->items[i].key, unified->items[i].value, err);
	return ret;
}

int cgroup_set_resources(int cgroup_fd, const struct oci_linux_resources *resources,
			 struct error *err)
{
	int ret;

	if (!resources)
		return 0;
	ret = set_memory(cgroup_fd, resources->memory, err);
	if (ret == 0)
		ret = set_cpu(cgroup_fd, resources->cpu, err);
	if (ret == 0)
		ret = set_cpu_extras(cgroup_fd, resources->cpu, err);
	if (ret == 0)
		ret = set_hugepages(cgroup_fd, &resources->hugepage_limits, err);
	if (ret == 0 && resources->pids && resources->pids->limit.set &&
	    resources->pids->limit.value != 0)
		ret = set_number(cgroup_fd, "pids.max", resources->pids->limit.value, err);
	if (ret == 0)
		ret = set_unified(cgroup_fd, &resources->unified, err);
	return ret;
}

/* Appends the pids of one cgroup and of those below it as "N\n" each. */
static void collect_pids(int dir, unsigned depth, struct strbuf *out)
{
	auto_dir DIR *list = NULL;
	struct dirent *entry;
	int fd;

	(void)!fs_read_file_at(dir, "cgroup.procs", out, LIST_MAX);
	fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	list = fd < 0 ? NULL : fdopendir(fd);
	while (list && depth < DEPTH_MAX && (entry = readdir(list))) {
		auto_close int below = -1;

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		below = openat(dirfd(list), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (below >= 0)
			collect_pids(below, depth + 1, out);
	}
}

ssize_t cgroup_pids(int cgroup_fd, pid_t **pids)
{
	auto_strbuf struct strbuf text = { .max = LIST_MAX };
	size_t n = 0;
	char *at;
	char *end;

	*pids = NULL;
	collect_pids(cgroup_fd, 0, &text);
	if (strbuf_error(&text) < 0)
		return strbuf_error(&text);
	*pids = calloc(text.len / 2 + 1, sizeof(**pids));
	if (!*pids)
		return -ENOMEM;
	for (at = text.data; at && *at; at = end + 1) {
		uint32_t pid;

		end = at + strcspn(at, "\n");
		if (!*end)
			break;
		*end = '\0';
		/* 0: a process of a pid namespace that is not ours to see */
		if (parse_u32(at, &pid) == 0 && pid > 1 && pid <= INT32_MAX)
			(*pids)[n++] = (pid_t)pid;
	}
	return (ssize_t)n;
}

int64_t cgroup_read_key(int fd, const char *key)
{
	char text[KEYS_MAX];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return numbers_find_key(text, key);
}

int cgroup_signal(int cgroup_fd, int signo)
{
	auto_free pid_t *pids = NULL;
	ssize_t n;

	if (signo == SIGKILL)
		return fs_write_file_at(cgroup_fd, "cgroup.kill", "1");
	n = cgroup_pids(cgroup_fd, &pids);
	for (ssize_t i = 0; i < n; i++)
		(void)kill(pids[i], signo);
	return n < 0 ? (int)n : 0;
}

/* Depth first: a cgroup with children can't be removed. Its files can't be either, and need not. */
static void remove_below(int dir, unsigned depth)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_dir DIR *list = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	while (list && depth < DEPTH_MAX && (entry = readdir(list))) {
		auto_close int below = -1;

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		below = openat(dir, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (below >= 0)
			remove_below(below, depth + 1);
		(void)unlinkat(dir, entry->d_name, AT_REMOVEDIR);
	}
}

void cgroup_remove(const char *id)
{
	auto_close int parent = fs_open_dir_at(AT_FDCWD, GUEST_CONTAINERS_DIR);
	auto_close int fd = parent < 0 ? -1 : fs_open_dir_at(parent, id);

	if (fd < 0)
		return;
	remove_below(fd, 0);
	if (unlinkat(parent, id, AT_REMOVEDIR) < 0)
		log_warning("remove the cgroup of '%s': %s", id, strerror(errno));
}
