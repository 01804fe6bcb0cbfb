/*
 * The least that brings a process' output to a port: a pipe, a reader, a write. What this program
 * cannot do no agent can that keeps the bytes; run in the guest, it is the bound beside which ours
 * is measured.
 *
 *   pump MIB BLOCK PIPE [batch]	writes zeros through a pipe of PIPE KiB to stdout, BLOCK KiB a
 * read
 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WRITE_BYTES = 64 << 10 };

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE);
}

static void put(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0)
			die("write");
		data += n;
		len -= (size_t)n;
	}
}

/* As dd does it. */
static _Noreturn void say_zeros(int fd, size_t total)
{
	static char data[WRITE_BYTES];
	int zero = open("/dev/zero", O_RDONLY);

	for (size_t done = 0; done < total; done += sizeof(data)) {
		if (read(zero, data, sizeof(data)) != (ssize_t)sizeof(data))
			die("read /dev/zero");
		put(fd, data, sizeof(data));
	}
	_exit(EXIT_SUCCESS);
}

int main(int argc, char **argv)
{
	const struct sched_param none = { 0 };
	size_t total, block;
	char *data;
	int ends[2];
	ssize_t n;
	pid_t pid;

	if (argc < 4)
		return 2;
	total = strtoul(argv[1], NULL, 10) << 20;
	block = strtoul(argv[2], NULL, 10) << 10;
	data = malloc(block);
	if (!data || pipe(ends) < 0 ||
	    fcntl(ends[0], F_SETPIPE_SZ, (int)(strtoul(argv[3], NULL, 10) << 10)) < 0)
		die("set up");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0)
		say_zeros(ends[1], total);
	(void)close(ends[1]);
	if (argc > 4 && strcmp(argv[4], "batch") == 0 && sched_setscheduler(0, SCHED_BATCH, &none))
		die("become a batch job");
	while ((n = read(ends[0], data, block)) > 0)
		put(STDOUT_FILENO, data, (size_t)n);
	free(data);
	return n < 0 || waitpid(pid, NULL, 0) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
