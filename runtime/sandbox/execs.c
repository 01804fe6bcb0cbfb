#include "runtime/sandbox/execs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/proc.h"

static const char execs_dir[] = "execs";

enum { NAME_LEN = 48, GONE_TIMEOUT_MS = 5000 };

static int make_name(const struct proc_id *id, char name[static NAME_LEN])
{
	int len = snprintf(name, NAME_LEN, "%" PRId64 "-%" PRIu64, id->pid, id->start_time);

	return len < NAME_LEN ? 0 : -ENAMETOOLONG;
}

static bool parse_name(const char *name, struct proc_id *id)
{
	char pid[NAME_LEN];
	int len = snprintf(pid, sizeof(pid), "%s", name);
	char *dash = strchr(pid, '-');

	if (len >= NAME_LEN || !dash)
		return false;
	*dash = '\0';
	return parse_i64(pid, &id->pid) == 0 && id->pid > 0 &&
	       parse_u64(dash + 1, &id->start_time) == 0;
}

/* NULL when there is none, which is fine. */
static DIR *open_list(int dir_fd)
{
	int fd = openat(dir_fd, execs_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (fd >= 0 && !dir)
		close(fd);
	return dir;
}

/* Several may do so at once: each name goes at most once. */
static void forget_ended(int dir_fd)
{
	auto_dir DIR *dir = open_list(dir_fd);
	struct dirent *entry;
	struct proc_id id;

	while (dir && (entry = readdir(dir)))
		if (parse_name(entry->d_name, &id) && !proc_is_alive(&id))
			(void)unlinkat(dirfd(dir), entry->d_name, 0);
}

int execs_add_self(int dir_fd, struct error *err)
{
	char path[sizeof(execs_dir) + NAME_LEN];
	auto_close int fd = -1;
	char name[NAME_LEN];
	struct proc_id id;
	int ret = proc_identify(getpid(), &id);

	if (ret == 0)
		ret = make_name(&id, name);
	if (ret < 0)
		return err_set(err, ret, "identify a helper process");
	if (mkdirat(dir_fd, execs_dir, 0700) < 0 && errno != EEXIST)
		return err_set(err, -errno, "make '%s' in the container's state", execs_dir);
	forget_ended(dir_fd);
	(void)snprintf(path, sizeof(path), "%s/%s", execs_dir, name);
	fd = openat(dir_fd, path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	return fd < 0 ? err_set(err, -errno, "make '%s' in the container's state", path) : 0;
}

unsigned execs_count(int dir_fd)
{
	auto_dir DIR *dir = open_list(dir_fd);
	struct dirent *entry;
	struct proc_id id;
	unsigned n = 0;

	while (dir && (entry = readdir(dir)))
		n += parse_name(entry->d_name, &id) && proc_is_alive(&id);
	return n;
}

static void end_one(const struct proc_id *id, int64_t deadline_ms)
{
	int64_t left = deadline_ms - clock_now_ms();
	int ret = proc_wait_gone(id, left > 0 ? (int)left : 0);

	if (ret == -ETIMEDOUT) {
		ret = proc_signal(id, SIGKILL);
		if (ret == 0)
			ret = proc_wait_gone(id, GONE_TIMEOUT_MS);
	}
	if (ret < 0 && ret != -ESRCH)
		log_warning("process %" PRId64 " of an exec does not end", id->pid);
}

void execs_end(int dir_fd, int grace_ms)
{
	int64_t deadline_ms = clock_now_ms() + grace_ms;
	auto_dir DIR *dir = open_list(dir_fd);
	struct dirent *entry;
	struct proc_id id;

	while (dir && (entry = readdir(dir)))
		if (parse_name(entry->d_name, &id))
			end_one(&id, deadline_ms);
}
