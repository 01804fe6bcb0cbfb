/*
 * The least that brings a process' output from a pipe to a port: read and write. What this program
 * cannot do no agent can that keeps the bytes; run in the guest, it is the bound for ours.
 *
 *   pump		64 KiB at a time, through a pipe of the usual size
 *   pump big	1 MiB at a time, through a pipe of 1 MiB, as a batch job
 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { USUAL = 64 << 10, BIG = 1 << 20 };

static char data[BIG];

static int put(const char *pos, size_t len)
{
	while (len > 0) {
		ssize_t n = write(STDOUT_FILENO, pos, len);

		if (n < 0)
			return -1;
		pos += n;
		len -= (size_t)n;
	}
	return 0;
}

int main(int argc, char **argv)
{
	const struct sched_param none = { 0 };
	ssize_t n;

	(void)argv;
	if (argc > 1 && (fcntl(STDIN_FILENO, F_SETPIPE_SZ, BIG) < 0 ||
			 sched_setscheduler(0, SCHED_BATCH, &none) < 0)) {
		perror("pump: set up");
		return EXIT_FAILURE;
	}
	while ((n = read(STDIN_FILENO, data, argc > 1 ? BIG : USUAL)) > 0)
		if (put(data, (size_t)n) < 0)
			break;
	if (n != 0)
		perror("pump");
	return n == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
