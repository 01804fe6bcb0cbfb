#include "agent/proto/proxyhome.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/sock.h"
#include "base/spawn.h"
#include "base/strbuf.h"

enum {
	ARGS_MAX = 32,
	ARGS_BYTES_MAX = 64 << 10,
	BACKLOG = 128,
	LISTEN_FD = 3,
	END_TIMEOUT_MS = 5000,
	LOCK_TIMEOUT_MS = 5000,
};

int proxyhome_save(int dir_fd, const char *const *argv, struct error *err)
{
	auto_strbuf struct strbuf text = { .max = ARGS_BYTES_MAX };
	int ret;

	for (size_t i = 0; argv[i]; i++)
		strbuf_add(&text, argv[i], strlen(argv[i]) + 1);
	ret = strbuf_error(&text);
	if (ret == 0)
		ret = fs_replace_at(dir_fd, PROXYHOME_ARGS, text.data, text.len, 0600, false);
	return ret < 0 ? err_set(err, ret, "write '%s'", PROXYHOME_ARGS) : 0;
}

/* Splits text into argv and appends what hands the socket over. */
static int split_args(const struct strbuf *text, const char **argv)
{
	size_t n = 0;

	if (text->len == 0 || text->data[0] != '/' || text->data[text->len - 1] != '\0')
		return -EBADMSG;
	for (size_t at = 0; at < text->len; at += strlen(text->data + at) + 1) {
		if (n == ARGS_MAX - 3)
			return -E2BIG;
		argv[n++] = text->data + at;
	}
	argv[n++] = "-listen-fd";
	argv[n++] = "3";
	argv[n] = NULL;
	return 0;
}

int proxyhome_note(int dir_fd, const struct proc_id *id, struct error *err)
{
	char text[64];
	int len =
		snprintf(text, sizeof(text), "%" PRId64 " %" PRIu64 "\n", id->pid, id->start_time);
	int ret = fs_replace_at(dir_fd, PROXYHOME_PID, text, (size_t)len, 0600, false);

	return ret < 0 ? err_set(err, ret, "write '%s'", PROXYHOME_PID) : 0;
}

/* In the new process: nobody must have to guess which it is. */
static int note_self(void *arg, struct error *err)
{
	const int *dir_fd = arg;
	struct proc_id id;
	int ret = proc_identify(getpid(), &id);

	return ret < 0 ? err_set(err, ret, "identify the sandbox's proxy")
		       : proxyhome_note(*dir_fd, &id, err);
}

static int start(int dir_fd, struct error *err)
{
	auto_strbuf struct strbuf text = { 0 };
	const char *argv[ARGS_MAX];
	auto_close int listen_fd = -1;
	auto_close int log_fd = -1;
	struct spawn sp = {
		.argv = argv, .setsid = true, .prepare = note_self, .prepare_arg = &dir_fd
	};
	pid_t pid;
	int ret = fs_read_file_at(dir_fd, PROXYHOME_ARGS, &text, ARGS_BYTES_MAX);

	if (ret == 0)
		ret = split_args(&text, argv);
	if (ret < 0)
		return err_set(err, ret, "read '%s'", PROXYHOME_ARGS);
	listen_fd = sock_listen_at(dir_fd, PROXYHOME_SOCKET, 0600, BACKLOG);
	if (listen_fd < 0)
		return err_set(err, listen_fd, "make the socket '%s'", PROXYHOME_SOCKET);
	log_fd = openat(dir_fd, PROXYHOME_LOG, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (log_fd < 0)
		return err_set(err, -errno, "open '%s'", PROXYHOME_LOG);
	sp.path = argv[0];
	sp.fds[sp.n_fds++] = (struct spawn_fd){ listen_fd, LISTEN_FD };
	sp.fds[sp.n_fds++] = (struct spawn_fd){ log_fd, STDOUT_FILENO };
	sp.fds[sp.n_fds++] = (struct spawn_fd){ log_fd, STDERR_FILENO };
	return spawn_start(&sp, &pid, err);
}

static int open_lock(int dir_fd, int timeout_ms)
{
	int fd = openat(dir_fd, PROXYHOME_LOCK, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int ret;

	if (fd < 0)
		return -errno;
	if (timeout_ms > 0)
		ret = fs_lock_wait(fd, timeout_ms);
	else
		ret = flock(fd, LOCK_EX | LOCK_NB) < 0 ? -errno : 0;
	if (ret == 0)
		return fd;
	(void)close(fd);
	return ret;
}

int proxyhome_revive(int dir_fd, int timeout_ms, struct error *err)
{
	auto_close int lock = -1;
	int fd;

	/* A sandbox that is being removed gets no new files. */
	if (faccessat(dir_fd, PROXYHOME_ARGS, F_OK, 0) < 0)
		return err_set(err, -errno, "find '%s'", PROXYHOME_ARGS);
	lock = open_lock(dir_fd, timeout_ms);
	if (lock < 0)
		return err_set(err, lock, "lock the sandbox's proxy");
	fd = sock_connect_at(dir_fd, PROXYHOME_SOCKET);
	if (fd >= 0) {
		(void)close(fd);
		return 0;
	}
	return start(dir_fd, err);
}

/* Of one that was started in place of the first; false when none was. */
static bool read_pid(int dir_fd, struct proc_id *id)
{
	auto_strbuf struct strbuf text = { 0 };

	return fs_read_file_at(dir_fd, PROXYHOME_PID, &text, sizeof(*id) * 8) == 0 &&
	       sscanf(strbuf_str(&text), "%" SCNd64 " %" SCNu64, &id->pid, &id->start_time) == 2 &&
	       id->pid > 0;
}

struct proc_id proxyhome_find(int dir_fd, const struct proc_id *first)
{
	struct proc_id id;

	return read_pid(dir_fd, &id) ? id : *first;
}

int proxyhome_wait_gone(int dir_fd, const struct proc_id *first, int timeout_ms)
{
	const struct proc_id id = proxyhome_find(dir_fd, first);

	return proc_wait_gone(&id, timeout_ms);
}

void proxyhome_end(int dir_fd)
{
	auto_close int lock = open_lock(dir_fd, LOCK_TIMEOUT_MS);
	struct proc_id id;

	(void)lock; /* held to the end; one that cannot be had must not stop us */
	(void)unlinkat(dir_fd, PROXYHOME_ARGS, 0);
	if (read_pid(dir_fd, &id) && proc_signal(&id, SIGKILL) == 0)
		(void)!proc_wait_gone(&id, END_TIMEOUT_MS);
}
