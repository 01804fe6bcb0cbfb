#include "runtime/sandbox/console_log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/fs.h"
#include "runtime/sandbox/create_internal.h"

#define FILE_OLDER FILE_CONSOLE_LOG ".1"

enum { OLDER_MAX = 1 << 20, PIECE = 16 << 10 };

struct reader {
	struct record rec; /* whose machine it is */
	int fd;		   /* of the current file; -1: not there yet */
	int inotify_fd;
	int proxy_fd; /* pidfd; -1: it has ended */
	console_log_fn *fn;
	void *arg;
};

static void reader_done(struct reader *r)
{
	cleanup_close(&r->fd);
	cleanup_close(&r->inotify_fd);
	cleanup_close(&r->proxy_fd);
	record_done(&r->rec);
}

static int open_current(const struct reader *r)
{
	int fd = openat(r->rec.dir_fd, FILE_CONSOLE_LOG, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? -errno : fd;
}

/* A container in the machine of another has no console of its own. */
static int open_record(struct reader *r, const char *root, const char *id, struct error *err)
{
	auto_record struct record own = RECORD_INIT;
	int ret = record_peek(&own, root, id, err);

	if (ret < 0)
		return ret;
	return record_peek_machine(&r->rec, root, own.state.sandbox_id ? own.state.sandbox_id : id,
				   err);
}

static bool is_same_file(int fd, int dir_fd, const char *name)
{
	struct stat a, b;

	return fd >= 0 && fstat(fd, &a) == 0 &&
	       fstatat(dir_fd, name, &b, AT_SYMLINK_NOFOLLOW) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

/* Where the last `lines` lines begin. */
static size_t start_of_lines(const struct strbuf *text, size_t lines)
{
	size_t at = text->len;

	/* the newline at the very end begins no line */
	if (at > 0 && text->data[at - 1] == '\n')
		at--;
	while (at > 0 && lines > 0) {
		if (text->data[at - 1] == '\n' && --lines == 0)
			break;
		at--;
	}
	return lines == SIZE_MAX ? 0 : at;
}

/* Both files as they are now; the current one stays open, read to its end. */
static int read_present(struct reader *r, size_t lines, struct error *err)
{
	auto_strbuf struct strbuf text = { 0 };
	size_t from;
	int ret;

	r->fd = open_current(r);
	ret = fs_read_file_at(r->rec.dir_fd, FILE_OLDER, &text, OLDER_MAX);
	/* What was the current file is the older one by now: it is read once. */
	if (ret == 0 && is_same_file(r->fd, r->rec.dir_fd, FILE_OLDER))
		strbuf_clear(&text);
	if (ret == 0 || ret == -ENOENT)
		ret = r->fd < 0 ? (r->fd == -ENOENT ? 0 : r->fd)
				: fs_read_all(r->fd, &text, (size_t)2 * OLDER_MAX);
	if (ret < 0)
		return err_set(err, ret, "read the console in '%s'", r->rec.dir_path);
	from = lines == 0 ? text.len : start_of_lines(&text, lines);
	return text.len > from ? r->fn(r->arg, text.data + from, text.len - from) : 0;
}

static int read_more(struct reader *r, struct error *err)
{
	char piece[PIECE];
	ssize_t n;

	while (r->fd >= 0 && (n = read(r->fd, piece, sizeof(piece))) != 0) {
		int ret;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(err, -errno, "read the console in '%s'", r->rec.dir_path);
		ret = r->fn(r->arg, piece, (size_t)n);
		if (ret != 0)
			return ret;
	}
	return 0;
}

/* Also goes on to the next file once there is one. */
static int read_news(struct reader *r, struct error *err)
{
	int ret = read_more(r, err);
	int next;

	if (ret != 0 || is_same_file(r->fd, r->rec.dir_fd, FILE_CONSOLE_LOG))
		return ret;
	next = open_current(r);
	if (next < 0)
		return 0;
	/* Nothing is added to a file once it has been renamed, but between the two above it may. */
	ret = read_more(r, err);
	cleanup_close(&r->fd);
	r->fd = next;
	return ret != 0 ? ret : read_more(r, err);
}

static int watch(struct reader *r, struct error *err)
{
	const uint32_t mask = IN_MODIFY | IN_CREATE | IN_MOVED_TO;

	r->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (r->inotify_fd < 0 || inotify_add_watch(r->inotify_fd, r->rec.dir_path, mask) < 0)
		return err_set(err, -errno, "watch '%s'", r->rec.dir_path);
	r->proxy_fd = proc_open(&r->rec.state.proxy);
	return 0;
}

/* Waits for something to happen to the directory. 0 when the proxy has ended. */
static int await_news(struct reader *r, struct error *err)
{
	struct pollfd fds[] = { { .fd = r->inotify_fd, .events = POLLIN },
				{ .fd = r->proxy_fd, .events = POLLIN } };
	char events[4096];

	if (r->proxy_fd < 0)
		return 0;
	while (poll(fds, 2, -1) < 0)
		if (errno != EINTR)
			return err_set(err, -errno, "wait for the console");
	/* What they say is of no interest: all is looked at anew. */
	while (read(r->inotify_fd, events, sizeof(events)) > 0)
		continue;
	return fds[1].revents ? 0 : 1;
}

int console_log_read(const char *root, const char *id, size_t lines, bool follow,
		     console_log_fn *fn, void *arg, struct error *err)
{
	__attribute__((cleanup(reader_done))) struct reader r = {
		.rec = RECORD_INIT,
		.fd = -1,
		.inotify_fd = -1,
		.proxy_fd = -1,
		.fn = fn,
		.arg = arg,
	};
	int ret = open_record(&r, root, id, err);
	int news = 1;

	if (ret == 0 && follow)
		ret = watch(&r, err);
	if (ret == 0)
		ret = read_present(&r, lines, err);
	while (ret == 0 && follow && news > 0) {
		news = await_news(&r, err);
		ret = news < 0 ? news : read_news(&r, err);
	}
	return ret;
}
