#include "runtime/storage/progress.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

enum { LINE_AFTER_MS = 1000, LINE_EVERY_MS = 500, BLOCK_BYTES = 512 };

static void tell(const struct image_job *job, uint64_t bytes)
{
	struct error line;
	struct stat st;
	uint64_t done = 0;

	if (stat(job->output, &st) == 0)
		done = (uint64_t)st.st_blocks * BLOCK_BYTES;
	/* this way no name has control characters */
	(void)err_msg(&line, -EAGAIN, "packing '%s': %llu of about %llu MiB", job->source->path,
		      (unsigned long long)done >> 20, (unsigned long long)bytes >> 20);
	(void)dprintf(STDERR_FILENO, "\r%s\033[K", line.text);
}

int progress_wait(struct image_job *job, uint64_t bytes, int64_t deadline_ms, struct error *err)
{
	bool terminal = isatty(STDERR_FILENO);
	bool told = false;
	int ret;

	do {
		int64_t left_ms = deadline_ms - clock_now_ms();
		int64_t wait_ms = told ? LINE_EVERY_MS : LINE_AFTER_MS;

		if (!terminal || left_ms < wait_ms)
			wait_ms = left_ms > 0 ? left_ms : 0;
		ret = image_wait(job, (int)wait_ms, err);
		if (ret == -ETIMEDOUT && terminal) {
			tell(job, bytes);
			told = true;
		}
	} while (ret == -ETIMEDOUT && clock_now_ms() < deadline_ms);
	if (told)
		(void)dprintf(STDERR_FILENO, "\r\033[K");
	return ret;
}
