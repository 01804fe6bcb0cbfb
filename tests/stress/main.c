/*
 * acrun-stress ACRUN ROOT ID LOAD=COUNT...: puts the running sandbox ID under these loads, one
 * after the other. See tests/stress/run.sh.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/parse.h"
#include "tests/stress/pod.h"

static const struct {
	const char *name;
	load_fn *run;
} loads[] = {
	{ "commands", load_commands },
	{ "execs", load_execs },
	{ "output", load_output },
	{ "containers", load_containers },
};
enum { N_LOADS = sizeof(loads) / sizeof(loads[0]), COUNT_MAX = 100000 };

static int run(struct pod *pod, const char *word, struct error *err)
{
	const char *equals = strchr(word, '=');
	uint32_t count = 0;
	int ret;

	if (!equals || parse_u32(equals + 1, &count) < 0 || count < 1 || count > COUNT_MAX)
		return err_msg(err, -EINVAL, "'%s' is not LOAD=COUNT", word);
	for (size_t i = 0; i < N_LOADS; i++) {
		if (strlen(loads[i].name) != (size_t)(equals - word) ||
		    strncmp(loads[i].name, word, (size_t)(equals - word)) != 0)
			continue;
		ret = loads[i].run(pod, count, err);
		(void)fflush(stdout);
		return ret < 0 ? err_ctx(err, "%s", loads[i].name) : 0;
	}
	return err_msg(err, -EINVAL, "there is no load '%s'", word);
}

int main(int argc, char **argv)
{
	struct pod pod = { .rec = RECORD_INIT };
	struct error err = { 0 };
	int ret = 0;

	if (argc < 5) {
		fprintf(stderr, "usage: %s ACRUN ROOT ID LOAD=COUNT...\n", argv[0]);
		return EXIT_FAILURE;
	}
	pod.acrun = argv[1];
	pod.root = argv[2];
	pod.id = argv[3];
	ret = pod_open(&pod, &err);
	for (int i = 4; ret == 0 && i < argc; i++)
		ret = run(&pod, argv[i], &err);
	pod_close(&pod);
	if (ret < 0)
		fprintf(stderr, "acrun-stress: %s\n", err.text);
	return ret < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
