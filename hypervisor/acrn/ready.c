#include "hypervisor/acrn/ready.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/proc.h"
#include "base/strbuf.h"

enum {
	NET_UNIX_MAX = 16 << 20,
	LISTEN_PAUSE_MS = 1, /* between bind(2) and listen(2), of which nothing tells */
};

static int watch_dir_of(struct ready *ready, const char *path)
{
	const char *slash = strrchr(path, '/');
	auto_free char *dir = slash ? strndup(path, (size_t)(slash - path) + 1) : NULL;

	if (!dir)
		return slash ? -ENOMEM : -EINVAL;
	if (ready->inotify_fd < 0)
		ready->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (ready->inotify_fd < 0 ||
	    inotify_add_watch(ready->inotify_fd, dir, IN_CREATE | IN_MOVED_TO | IN_ONLYDIR) < 0)
		return -errno;
	return 0;
}

static int remove_socket(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -ENOTSOCK;
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

int ready_expect(struct ready *ready, const char *path, struct error *err)
{
	int ret;

	if (!path)
		return 0;
	if (ready->n == READY_SOCKETS_MAX)
		return err_msg(err, -E2BIG, "more than %d sockets", READY_SOCKETS_MAX);
	ret = remove_socket(path);
	if (ret < 0)
		return err_set(err, ret, "make room for the socket '%s'", path);
	ret = watch_dir_of(ready, path);
	if (ret < 0)
		return err_set(err, ret, "watch for the socket '%s'", path);
	ready->paths[ready->n++] = path;
	return 0;
}

/* A line: "ADDRESS: REFERENCES PROTOCOL FLAGS TYPE STATE INODE PATH". */
enum { FIELD_FLAGS = 3, FIELD_PATH = 7, FLAGS_DIGITS = 8 };

/* The i-th word from 0 on, which may be the end of the line. */
static const char *field(const char *line, const char *end, unsigned i)
{
	const char *at = line;

	for (; i > 0 && at < end; i--) {
		while (at < end && *at != ' ')
			at++;
		while (at < end && *at == ' ')
			at++;
	}
	return at;
}

/* __SO_ACCEPTCON is 0x10000, the one flag that is ever set: the fourth of eight hex digits. */
static bool accepts(const char *flags, const char *end)
{
	return end - flags > FLAGS_DIGITS && flags[FLAGS_DIGITS] == ' ' && flags[3] == '1';
}

bool ready_is_listening(const char *text, const char *path)
{
	size_t len = strlen(path);

	for (const char *line = text; line && *line;) {
		const char *end = strchrnul(line, '\n');
		const char *at = field(line, end, FIELD_PATH);

		if ((size_t)(end - at) == len && !memcmp(at, path, len) &&
		    accepts(field(line, end, FIELD_FLAGS), end))
			return true;
		line = *end ? end + 1 : NULL;
	}
	return false;
}

/* 1 when all listen, 0 when the first that does not is yet to be made, -EAGAIN when it is about to
 * listen. */
static int look(const struct ready *ready, pid_t pid)
{
	auto_strbuf struct strbuf text = { 0 };
	char path[64];
	int ret;

	(void)snprintf(path, sizeof(path), "/proc/%d/net/unix", (int)pid);
	ret = fs_read_file_at(AT_FDCWD, path, &text, NET_UNIX_MAX);
	if (ret < 0)
		return ret == -ENOENT || ret == -ESRCH || ret == -EINVAL ? 0 : ret;
	for (unsigned i = 0; i < ready->n; i++) {
		if (ready_is_listening(strbuf_str(&text), ready->paths[i]))
			continue;
		return access(ready->paths[i], F_OK) < 0 ? 0 : -EAGAIN;
	}
	return 1;
}

static void drain(int inotify_fd)
{
	char events[sizeof(struct inotify_event) + NAME_MAX + 1]
		__attribute__((aligned(__alignof__(struct inotify_event))));

	while (read(inotify_fd, events, sizeof(events)) > 0)
		;
}

static int wait_event(const struct ready *ready, int pidfd, int timeout_ms)
{
	struct pollfd fds[2] = { { .fd = pidfd, .events = POLLIN },
				 { .fd = ready->inotify_fd, .events = POLLIN } };
	int n = poll(fds, 2, timeout_ms);

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	if (fds[0].revents)
		return -ECHILD;
	drain(ready->inotify_fd);
	return 0;
}

int ready_wait(const struct ready *ready, pid_t pid, int timeout_ms, struct error *err)
{
	int64_t end_ms = clock_now_ms() + timeout_ms;
	struct proc_id id;
	auto_close int pidfd = -1;
	int ret = proc_identify(pid, &id);

	if (ret == 0)
		pidfd = ret = proc_open(&id);
	if (ret < 0)
		return err_msg(err, -ECHILD, "process %d has ended", (int)pid);
	for (;;) {
		int64_t left = end_ms - clock_now_ms();

		ret = look(ready, pid);
		if (ret == 1)
			return 0;
		if (ret < 0 && ret != -EAGAIN)
			return err_set(err, ret, "look for the sockets of process %d", (int)pid);
		if (left <= 0)
			return err_msg(err, -ETIMEDOUT, "it did not make its sockets within %d s",
				       timeout_ms / 1000);
		ret = wait_event(ready, pidfd, ret == -EAGAIN ? LISTEN_PAUSE_MS : (int)left);
		if (ret < 0)
			return err_set(err, ret, "wait for process %d", (int)pid);
	}
}

void ready_remove(const struct ready *ready)
{
	for (unsigned i = 0; i < ready->n; i++)
		(void)!remove_socket(ready->paths[i]);
}

void ready_done(struct ready *ready)
{
	cleanup_close(&ready->inotify_fd);
}
