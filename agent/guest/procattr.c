#include "agent/guest/procattr.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/ioprio.h>
#include <linux/sched.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/guest/fail.h"
#include "base/cleanup.h"
#include "base/fs.h"

/* The argument of sched_setattr(2), the kernel's header can't be included beside
 * the C library's. */
struct sched_settings {
	uint32_t size;
	uint32_t policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime_ns;
	uint64_t deadline_ns;
	uint64_t period_ns;
	uint32_t clamp_min;
	uint32_t clamp_max;
};

struct number_name {
	const char *name;
	unsigned number;
};

static const struct number_name policies[] = {
	{ "SCHED_OTHER", SCHED_NORMAL },
	{ "SCHED_FIFO", SCHED_FIFO },
	{ "SCHED_RR", SCHED_RR },
	{ "SCHED_BATCH", SCHED_BATCH },
	{ "SCHED_IDLE", SCHED_IDLE },
	{ "SCHED_DEADLINE", SCHED_DEADLINE },
	{ NULL, 0 },
};

static const struct number_name sched_flags[] = {
	{ "SCHED_FLAG_RESET_ON_FORK", SCHED_FLAG_RESET_ON_FORK },
	{ "SCHED_FLAG_RECLAIM", SCHED_FLAG_RECLAIM },
	{ "SCHED_FLAG_DL_OVERRUN", SCHED_FLAG_DL_OVERRUN },
	{ "SCHED_FLAG_KEEP_POLICY", SCHED_FLAG_KEEP_POLICY },
	{ "SCHED_FLAG_KEEP_PARAMS", SCHED_FLAG_KEEP_PARAMS },
	{ "SCHED_FLAG_UTIL_CLAMP_MIN", SCHED_FLAG_UTIL_CLAMP_MIN },
	{ "SCHED_FLAG_UTIL_CLAMP_MAX", SCHED_FLAG_UTIL_CLAMP_MAX },
	{ NULL, 0 },
};

static const struct number_name io_classes[] = {
	{ "IOPRIO_CLASS_RT", IOPRIO_CLASS_RT },
	{ "IOPRIO_CLASS_BE", IOPRIO_CLASS_BE },
	{ "IOPRIO_CLASS_IDLE", IOPRIO_CLASS_IDLE },
	{ NULL, 0 },
};

static const struct number_name personality_flags[] = {
	{ "ADDR_COMPAT_LAYOUT", ADDR_COMPAT_LAYOUT },
	{ "ADDR_LIMIT_32BIT", ADDR_LIMIT_32BIT },
	{ "ADDR_LIMIT_3GB", ADDR_LIMIT_3GB },
	{ "ADDR_NO_RANDOMIZE", ADDR_NO_RANDOMIZE },
	{ "MMAP_PAGE_ZERO", MMAP_PAGE_ZERO },
	{ "READ_IMPLIES_EXEC", READ_IMPLIES_EXEC },
	{ "SHORT_INODE", SHORT_INODE },
	{ "STICKY_TIMEOUTS", STICKY_TIMEOUTS },
	{ "UNAME26", UNAME26 },
	{ "WHOLE_SECONDS", WHOLE_SECONDS },
	{ NULL, 0 },
};

static const struct number_name domains[] = {
	{ "LINUX", PER_LINUX },
	{ "LINUX32", PER_LINUX32 },
	{ NULL, 0 },
};

static int find_number(const struct number_name *table, const char *what, const char *name,
		       unsigned *number, struct error *err)
{
	for (; table->name; table++)
		if (name && strcmp(table->name, name) == 0) {
			*number = table->number;
			return 0;
		}
	return err_msg(err, -EINVAL, "%s \"%s\" does not exist", what, name ? name : "");
}

int procattr_set_personality(const struct oci_personality *wanted, struct error *err)
{
	unsigned domain = 0;
	int ret;

	if (!wanted)
		return 0;
	ret = find_number(domains, "personality domain", wanted->domain, &domain, err);
	if (ret < 0)
		return ret;
	/* the specification has the member but names no flag: those of personality(2) */
	for (size_t i = 0; i < wanted->flags.len; i++) {
		unsigned flag = 0;

		ret = find_number(personality_flags, "personality flag", wanted->flags.items[i],
				  &flag, err);
		if (ret < 0)
			return ret;
		domain |= flag;
	}
	return personality(domain) < 0 ? fail_set(err, -errno, "set personality %s", wanted->domain)
				       : 0;
}

bool procattr_has_clamps(void)
{
	return access("/proc/sys/kernel/sched_util_clamp_min", F_OK) == 0;
}

static int set_scheduler(const struct oci_scheduler *wanted, pid_t pid, struct error *err)
{
	struct sched_settings attr = { .size = sizeof(attr) };
	unsigned number = 0;
	int ret;

	if (!wanted)
		return 0;
	ret = find_number(policies, "scheduler policy", wanted->policy, &number, err);
	attr.policy = ret == 0 ? number : 0;
	for (size_t i = 0; ret == 0 && i < wanted->flags.len; i++) {
		ret = find_number(sched_flags, "scheduler flag", wanted->flags.items[i], &number,
				  err);
		/* told by unapplied_list() */
		if (ret == 0 && ((number & SCHED_FLAG_UTIL_CLAMP) == 0 || procattr_has_clamps()))
			attr.flags |= number;
	}
	if (ret < 0)
		return ret;
	attr.nice = wanted->nice;
	attr.priority = (uint32_t)wanted->priority;
	attr.runtime_ns = wanted->runtime_ns;
	attr.deadline_ns = wanted->deadline_ns;
	attr.period_ns = wanted->period_ns;
	if (syscall(SYS_sched_setattr, pid, &attr, 0) < 0)
		return fail_set(err, -errno, "set scheduler policy %s", wanted->policy);
	return 0;
}

static int set_io_priority(const struct oci_io_priority *wanted, pid_t pid, struct error *err)
{
	unsigned io_class = 0;
	int ret;

	if (!wanted)
		return 0;
	ret = find_number(io_classes, "I/O priority class", wanted->io_class, &io_class, err);
	if (ret < 0)
		return ret;
	if (wanted->priority < 0 || wanted->priority >= IOPRIO_NR_LEVELS)
		return err_msg(err, -EINVAL, "I/O priority %d is not between 0 and %d",
			       wanted->priority, IOPRIO_NR_LEVELS - 1);
	if (syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, pid,
		    IOPRIO_PRIO_VALUE(io_class, wanted->priority)) < 0)
		return fail_set(err, -errno, "set I/O priority %s %d", wanted->io_class,
				wanted->priority);
	return 0;
}

int procattr_schedule(const struct oci_process *process, pid_t pid, struct error *err)
{
	int ret = set_io_priority(process->io_priority, pid, err);

	return ret < 0 ? ret : set_scheduler(process->scheduler, pid, err);
}

int procattr_write_offsets(pid_t pid, const struct json_obj_map *offsets, struct error *err)
{
	const struct oci_time_offset *rows = offsets->items;
	auto_strbuf struct strbuf text = { 0 };
	char path[48] = "/proc/self/timens_offsets";
	int ret;

	if (pid)
		(void)snprintf(path, sizeof(path), "/proc/%d/timens_offsets", (int)pid);
	for (size_t i = 0; i < offsets->len; i++)
		(void)strbuf_addf(&text, "%s %" PRId64 " %" PRIu32 "\n", offsets->keys[i],
				  rows[i].secs, rows[i].nanosecs);
	ret = strbuf_error(&text);
	if (ret == 0 && text.len > 0)
		ret = fs_write_file_at(AT_FDCWD, path, text.data);
	return ret < 0 ? fail_set(err, ret, "set the offsets of the time namespace") : 0;
}

int procattr_enter_time(struct error *err)
{
	/* unshare() is for children only, and exec does not enter it on every kernel */
	auto_close int fd = open("/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, CLONE_NEWTIME) < 0)
		return fail_set(err, -errno, "enter the time namespace");
	return 0;
}
