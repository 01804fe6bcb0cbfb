/* Much output of one process, its order and every byte of it. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "tests/stress/pattern.h"
#include "tests/stress/pod.h"

/* Reads a whole block; 0 at the end, which is an error inside one. */
static ssize_t read_block(int fd, uint64_t block[static PATTERN_BLOCK / 8])
{
	size_t got = 0;

	while (got < PATTERN_BLOCK) {
		ssize_t n = read(fd, (char *)block + got, PATTERN_BLOCK - got);

		if (n < 0)
			return -errno;
		if (n == 0)
			return got == 0 ? 0 : -EIO;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

/* What comes must be what the same program makes here. */
static int compare(int fd, uint64_t bytes, struct pattern *got, struct error *err)
{
	static uint64_t block[PATTERN_BLOCK / 8], mine[PATTERN_BLOCK / 8];
	struct pattern pattern = PATTERN_INIT;
	uint64_t done = 0;
	ssize_t n;

	while ((n = read_block(fd, block)) > 0) {
		pattern_add(got, block);
		pattern_make(&pattern, mine);
		if (memcmp(block, mine, sizeof(block)) != 0)
			return err_msg(err, -EIO, "other bytes than were written, behind %" PRIu64,
				       done);
		done += (uint64_t)n;
	}
	if (n < 0)
		return err_set(err, (int)n, "read output behind %" PRIu64 " bytes", done);
	if (done != bytes)
		return err_msg(err, -EIO, "%" PRIu64 " bytes instead of %" PRIu64, done, bytes);
	return 0;
}

/* The sum by the writer's own account. */
static int compare_sum(struct worker *worker, const struct pattern *got, struct error *err)
{
	char want[32];
	int ret;

	(void)close(worker->out);
	worker->out = worker->err;
	worker->err = -1;
	ret = worker_read(worker, false, err);
	(void)snprintf(want, sizeof(want), "%016" PRIx64 "\n", got->sum);
	if (ret == 0 && strcmp(strbuf_str(&worker->got), want) != 0)
		return err_msg(err, -EIO, "the sum is %.16s, the writer's %.16s", want,
			       strbuf_str(&worker->got));
	return ret;
}

int load_output(struct pod *pod, uint32_t count, struct error *err)
{
	struct worker worker = WORKER_INIT;
	struct pattern got = PATTERN_INIT;
	char mibs[16];
	const char *const words[] = { "/stress-source", mibs, NULL };
	int64_t begun = clock_now_ms();
	double seconds;
	int ret;

	(void)snprintf(mibs, sizeof(mibs), "%u", count);
	ret = pod_exec(pod, words, true, &worker, err);
	if (ret == 0)
		ret = compare(worker.out, (uint64_t)count << 20, &got, err);
	if (ret == 0)
		ret = compare_sum(&worker, &got, err);
	if (ret == 0)
		ret = worker_end(&worker, 0, err);
	worker_done(&worker);
	seconds = (double)(clock_now_ms() - begun) / 1000;
	if (ret == 0)
		printf("output: %u MiB, sum %016" PRIx64 " on both sides, %.1f s, %.1f MiB/s\n",
		       count, got.sum, seconds, count / seconds);
	return ret;
}
