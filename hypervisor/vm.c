#include "hypervisor/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/spawn.h"

enum { WORDS_MAX = 1024, KILL_TIMEOUT_MS = 10000 };

/* Reads the last bytes of the log without moving its offset, through an own descriptor. */
static size_t read_tail(int log_fd, char *out, size_t max)
{
	char link[32];
	auto_close int fd = -1;
	struct stat st;
	ssize_t n;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", log_fd);
	fd = open(link, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	n = pread(fd, out, max, st.st_size > (off_t)max ? st.st_size - (off_t)max : 0);
	return n > 0 ? (size_t)n : 0;
}

/* One line out of many: blank ends and empty lines vanish. Works from tail to out, which has room
 * for twice as much. */
static size_t join_lines(const char *tail, size_t n, char *out)
{
	size_t len = 0;
	bool broken = false;

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)tail[i];

		if (c == '\n' || c == '\r') {
			broken = len > 0;
			continue;
		}
		if (broken) {
			out[len++] = ';';
			out[len++] = ' ';
			broken = false;
		}
		out[len++] = c >= ' ' && c < 0x7f ? (char)c : '?';
	}
	return len;
}

size_t vm_last_words(int log_fd, char *out, size_t len)
{
	char tail[WORDS_MAX];
	char text[3 * WORDS_MAX];
	size_t n, skip;

	if (len == 0)
		return 0;
	out[0] = '\0';
	n = join_lines(tail, read_tail(log_fd, tail, sizeof(tail)), text);
	skip = n > len - 1 ? n - (len - 1) : 0;
	memcpy(out, text + skip, n - skip);
	out[n - skip] = '\0';
	return n - skip;
}

int vm_kill(const struct proc_id *vmm, struct error *err)
{
	int status, ret;

	if (vmm->pid == 0)
		return 0;
	ret = proc_signal(vmm, SIGKILL);
	if (ret == 0)
		ret = proc_wait_gone(vmm, KILL_TIMEOUT_MS);
	if (ret < 0 && ret != -ESRCH)
		return err_set(err, ret, "end the virtual machine (pid %lld)", (long long)vmm->pid);
	/* Not a child of ours, most of the time: then there is nothing to reap. */
	if (spawn_wait((pid_t)vmm->pid, 0, &status) < 0)
		errno = 0;
	return 0;
}
