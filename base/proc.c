#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/parse.h"
#include "base/sock.h"
#include "base/sys_internal.h"

/* Fields of /proc/<pid>/stat, counted from 1 as proc(5) does. */
enum { STAT_STATE = 3, STAT_NUM_THREADS = 20, STAT_START_TIME = 22 };

/* Reads /proc/<pid>/stat; what has gone meanwhile yields -ESRCH. */
static int read_stat(pid_t pid, char *buf, size_t cap)
{
	char path[32];
	auto_close int fd = -1;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	do {
		n = read(fd, buf, cap - 1);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	buf[n] = '\0';
	return n > 0 ? 0 : -ESRCH;
}

/* Cuts the first word off *pos; NULL at the end. */
static char *next_word(char **pos)
{
	char *word = *pos + strspn(*pos, " \n");
	size_t len = strcspn(word, " \n");

	*pos = word + len;
	if (**pos != '\0')
		*(*pos)++ = '\0';
	return len > 0 ? word : NULL;
}

int proc_start_time(pid_t pid, uint64_t *start_time)
{
	char buf[2048];
	char *pos;
	char *word;
	char state = '\0';
	uint64_t threads = 0;
	int ret;

	if (pid <= 0)
		return -ESRCH;
	ret = read_stat(pid, buf, sizeof(buf));
	if (ret < 0)
		return ret;
	/* The name, field 2, may hold blanks and brackets; nothing behind it does. */
	pos = strrchr(buf, ')');
	if (!pos)
		return -EIO;
	pos++;
	word = next_word(&pos);
	for (int field = STAT_STATE; word; field++) {
		if (field == STAT_STATE)
			state = *word;
		if (field == STAT_NUM_THREADS && parse_u64(word, &threads) < 0)
			return -EIO;
		if (field == STAT_START_TIME) {
			/* A first thread that ended is a zombie until the others have ended too. */
			if (state == 'X' || state == 'x' || (state == 'Z' && threads <= 1))
				return -ESRCH;
			return parse_u64(word, start_time) < 0 ? -EIO : 0;
		}
		word = next_word(&pos);
	}
	return -EIO;
}

int proc_identify(pid_t pid, struct proc_id *id)
{
	uint64_t start_time;
	int ret = proc_start_time(pid, &start_time);

	if (ret < 0)
		return ret;
	*id = (struct proc_id){ .pid = pid, .start_time = start_time };
	return 0;
}

/* 0 while exactly this process lives, -ESRCH when not, or why that cannot be told. */
static int check_alive(const struct proc_id *id)
{
	uint64_t start_time;
	int ret;

	if (id->pid <= 0 || id->pid > INT_MAX)
		return -ESRCH;
	ret = proc_start_time((pid_t)id->pid, &start_time);
	if (ret < 0)
		return ret;
	return start_time == id->start_time ? 0 : -ESRCH;
}

bool proc_is_alive(const struct proc_id *id)
{
	/* What cannot be told counts as alive: nobody's resources go away by mistake. */
	return check_alive(id) != -ESRCH;
}

int proc_open(const struct proc_id *id)
{
	auto_close int fd = -1;
	int ret;

	if (id->pid <= 0 || id->pid > INT_MAX)
		return -ESRCH;
	fd = sys_pidfd_open((pid_t)id->pid);
	if (fd < 0)
		/* EINVAL: the number is a thread's by now, not a process's */
		return errno == EINVAL ? -ESRCH : -errno;
	/* Only now does the number stay with one process, so that the comparison means something.
	 */
	ret = check_alive(id);
	return ret < 0 ? ret : take_fd(&fd);
}

int proc_signal(const struct proc_id *id, int sig)
{
	auto_close int fd = proc_open(id);

	if (fd < 0)
		return fd;
	return sys_pidfd_send_signal(fd, sig) < 0 ? -errno : 0;
}

int proc_wait_gone(const struct proc_id *id, int timeout_ms)
{
	auto_close int fd = proc_open(id);
	int ret;

	if (fd < 0)
		return fd == -ESRCH ? 0 : fd;
	ret = sock_wait_readable(fd, timeout_ms);
	if (ret < 0)
		return ret;
	return ret > 0 ? 0 : -ETIMEDOUT;
}

int proc_exe_dir(char **out)
{
	char path[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *slash;
	char *dir;

	if (len < 0)
		return -errno;
	path[len] = '\0';
	slash = strrchr(path, '/');
	if (!slash)
		return -ENOENT;
	/* an executable in "/" has the empty directory: "" + "/name" is still right */
	dir = strndup(path, (size_t)(slash - path));
	if (!dir)
		return -ENOMEM;
	*out = dir;
	return 0;
}
