#include "cmd/acrun/command.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "runtime/factory/factory.h"

struct factory_options {
	bool help;
};

static const struct option_row rows[] = {
	{ "help", 'h', OPTION_FLAG, offsetof(struct factory_options, help), NULL, "show help" },
};

static int init(const struct globals *globals, struct error *err)
{
	enum factory_status status = FACTORY_NOT_ENABLED;
	int ret = factory_serve(globals->config, globals->debug, err);

	if (ret == 0)
		ret = factory_init(globals->config, &status, err);

	if (ret < 0)
		return err_ctx(err, "vm factory");
	puts(status == FACTORY_ON ? "vm factory initialized"
				  : "vm factory or VMCache is not enabled");
	return 0;
}

/* 1: printed. 0: there is to be no cache. */
static int print_cache(const struct globals *globals, struct error *err)
{
	auto_arena struct arena arena = { 0 };
	struct cache_status status;
	int ret = factory_cache_status(globals->config, &arena, &status, err);

	if (ret == -ENOENT || ret == -ECONNREFUSED) {
		puts("vm factory is off");
		return 1;
	}
	if (ret <= 0)
		return ret;
	printf("VM cache server pid = %" PRId64 "\n", status.pid);
	for (size_t i = 0; i < status.n_vms; i++)
		printf("VM pid = %" PRId64 " Cpu = %" PRIu32 " Memory = %" PRIu32 "MiB\n",
		       status.vms[i].pid, status.vms[i].cpu, status.vms[i].memory_mib);
	return 1;
}

static int status(const struct globals *globals, struct error *err)
{
	static const char *const texts[] = {
		[FACTORY_NOT_ENABLED] = "vm factory not enabled",
		[FACTORY_OFF] = "vm factory is off",
		[FACTORY_ON] = "vm factory is on",
	};
	enum factory_status now;
	int ret = print_cache(globals, err);

	if (ret != 0)
		return ret < 0 ? ret : 0;
	ret = factory_status(globals->config, &now, err);
	if (ret < 0)
		return ret;
	puts(texts[now]);
	return 0;
}

static int destroy(const struct globals *globals, struct error *err)
{
	int ret = factory_destroy(globals->config, err);

	if (ret < 0)
		return ret;
	puts("vm factory destroyed");
	return 0;
}

static int run(const struct globals *globals, const void *options, int argc, char **argv,
	       struct error *err)
{
	static const struct {
		const char *name;
		int (*run)(const struct globals *globals, struct error *err);
	} verbs[] = { { "init", init }, { "status", status }, { "destroy", destroy } };

	(void)options;
	(void)argc;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (!strcmp(argv[0], verbs[i].name))
			return verbs[i].run(globals, err);
	return err_msg(err, -EINVAL,
		       "unknown command of factory: \"%s\" (use init, status or destroy)", argv[0]);
}

static const struct command_example examples[] = {
	{ "acrun factory init", "make the template now, not by the first create" },
	{ "acrun factory destroy", "remove all templates" },
	{ NULL, NULL },
};

const struct command command_factory = {
	.name = "factory",
	.operands = "init|status|destroy",
	.summary = "manage the template and the cache that virtual machines come from",
	.examples = examples,
	.options = { rows, sizeof(rows) / sizeof(rows[0]), false },
	.options_size = sizeof(struct factory_options),
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
