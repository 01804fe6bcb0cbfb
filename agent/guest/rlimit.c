#include "agent/guest/rlimit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>

#include "agent/guest/fail.h"
#include "base/fs.h"
#include "oci/names.h"

int rlimit_apply(const struct oci_process *process, struct error *err)
{
	const struct oci_rlimit *rows = process->rlimits.items;

	for (size_t i = 0; i < process->rlimits.len; i++) {
		struct rlimit limit = { .rlim_cur = rows[i].soft, .rlim_max = rows[i].hard };
		int number = oci_rlimit_number(rows[i].type);

		if (number < 0)
			return err_msg(err, -EINVAL, "invalid rlimit type %s", rows[i].type);
		if (setrlimit((__rlimit_resource_t)number, &limit) < 0)
			return fail_set(err, -errno, "error setting rlimit %s", rows[i].type);
	}
	return 0;
}

int rlimit_raise(const struct oci_process *process, struct error *err)
{
	const struct oci_rlimit *rows = process->rlimits.items;

	for (size_t i = 0; i < process->rlimits.len; i++) {
		int number = oci_rlimit_number(rows[i].type);
		struct rlimit limit;

		if (number < 0)
			return err_msg(err, -EINVAL, "invalid rlimit type %s", rows[i].type);
		if (getrlimit((__rlimit_resource_t)number, &limit) < 0 ||
		    limit.rlim_max >= rows[i].hard)
			continue;
		limit.rlim_max = rows[i].hard;
		if (setrlimit((__rlimit_resource_t)number, &limit) < 0)
			return fail_set(err, -errno, "error setting rlimit %s", rows[i].type);
	}
	return 0;
}

int rlimit_oom_score(const struct oci_process *process, struct error *err)
{
	char text[16];
	int ret;

	if (!process->oom_score_adj.set)
		return 0;
	(void)snprintf(text, sizeof(text), "%d", process->oom_score_adj.value);
	ret = fs_write_file_at(AT_FDCWD, "/proc/self/oom_score_adj", text);
	return ret < 0 ? fail_set(err, ret, "write oom_score_adj %s", text) : 0;
}
