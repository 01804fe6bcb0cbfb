/* Many further processes at once: each one's own output and exit code. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "base/spawn.h"
#include "tests/stress/pod.h"

enum { CODES = 200 };

static int start(struct pod *pod, uint32_t number, struct worker *worker, struct error *err)
{
	char text[16], code[16];
	const char *const words[] = {
		"sh", "-c", "echo of $0; exit $1", text, code, NULL,
	};

	(void)snprintf(text, sizeof(text), "%u", number);
	(void)snprintf(code, sizeof(code), "%u", number % CODES);
	return pod_exec(pod, words, false, worker, err);
}

static int finish(uint32_t number, struct worker *worker, struct error *err)
{
	char want[32];
	int ret = worker_read(worker, false, err);

	if (ret == 0)
		ret = worker_end(worker, (int)(number % CODES), err);
	if (ret < 0)
		return ret;
	(void)snprintf(want, sizeof(want), "of %u\n", number);
	if (strcmp(strbuf_str(&worker->got), want) != 0)
		return err_msg(err, -EIO, "'%s' came instead of '%s'", strbuf_str(&worker->got),
			       want);
	return 0;
}

int load_execs(struct pod *pod, uint32_t count, struct error *err)
{
	struct worker *workers = arena_calloc(&pod->arena, count, sizeof(*workers));
	int64_t begun = clock_now_ms();
	int ret = 0;

	if (!workers)
		return err_set(err, -ENOMEM, "start processes");
	for (uint32_t i = 0; i < count; i++)
		workers[i] = (struct worker)WORKER_INIT;
	for (uint32_t i = 0; ret == 0 && i < count; i++)
		ret = start(pod, i, &workers[i], err);
	for (uint32_t i = 0; ret == 0 && i < count; i++) {
		ret = finish(i, &workers[i], err);
		if (ret < 0)
			(void)err_ctx(err, "exec %u", i);
	}
	for (uint32_t i = 0; i < count; i++)
		worker_done(&workers[i]);
	if (ret == 0)
		printf("execs: %u at once, each its own output and exit code, %.1f s\n", count,
		       (double)(clock_now_ms() - begun) / 1000);
	return ret;
}
