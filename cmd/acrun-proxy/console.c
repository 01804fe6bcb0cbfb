#include "cmd/acrun-proxy/console.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/log.h"

static int open_log(struct console *console)
{
	struct stat st;
	int fd = open(console->log_path,
		      O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0640);

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		(void)close(fd);
		return -EINVAL;
	}
	console->log_fd = fd;
	console->log_bytes = (size_t)st.st_size;
	return 0;
}

/* The current file becomes the older one. */
static int rotate(struct console *console)
{
	auto_free char *older = NULL;

	cleanup_close(&console->log_fd);
	if (asprintf(&older, "%s.1", console->log_path) < 0) {
		older = NULL;
		return -ENOMEM;
	}
	if (rename(console->log_path, older) < 0)
		return -errno;
	return open_log(console);
}

static void keep(struct console *console, const char *data, size_t len)
{
	int ret = 0;

	if (console->log_fd < 0)
		return;
	if (console->log_bytes + len > CONSOLE_FILE_MAX)
		ret = rotate(console);
	if (ret == 0)
		ret = fs_write_all(console->log_fd, data, len);
	if (ret < 0) {
		log_warning("the guest's console is no longer kept in '%s': %s", console->log_path,
			    strerror(-ret));
		cleanup_close(&console->log_fd);
		return;
	}
	console->log_bytes += len;
}

static void on_console(void *arg, int fd, uint32_t events)
{
	struct console *console = arg;
	char data[8192];
	ssize_t n = read(fd, data, sizeof(data));

	(void)events;
	if (n > 0)
		keep(console, data, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		console_stop(console);
}

int console_start(struct console *console, struct loop *loop, int fd, const char *log_path,
		  struct error *err)
{
	int ret;

	*console = (struct console){ .loop = loop, .fd = fd, .log_fd = -1 };
	if (log_path) {
		console->log_path = strdup(log_path);
		ret = console->log_path ? open_log(console) : -ENOMEM;
		if (ret < 0) {
			console_stop(console);
			return err_set(err, ret, "open console log '%s'", log_path);
		}
	}
	ret = loop_add_fd(loop, fd, EPOLLIN, on_console, console);
	if (ret < 0) {
		console_stop(console);
		return err_set(err, ret, "watch the guest's console");
	}
	return 0;
}

void console_stop(struct console *console)
{
	if (console->fd >= 0)
		loop_remove_fd(console->loop, console->fd);
	cleanup_close(&console->fd);
	cleanup_close(&console->log_fd);
	free(take_ptr(&console->log_path));
}
