#include "cmd/acrun/command.h"

#include <errno.h>
#include <stdio.h>
#include "base/log.h"
#include "runtime/config/config.h"
#include "runtime/sandbox/gc.h"
#include "runtime/storage/image_cache.h"

struct gc_options {
	bool help;
	bool dry_run;
	bool stopped;
};

static const struct option_row rows[] = {
	{ "help", 'h', OPTION_FLAG, offsetof(struct gc_options, help), NULL, "show help" },
	{ "dry-run", 'n', OPTION_FLAG, offsetof(struct gc_options, dry_run), NULL,
	  "only tell what would be removed" },
	{ "stopped", 0, OPTION_FLAG, offsetof(struct gc_options, stopped), NULL,
	  "also remove containers that have ended in good order" },
};

static void tell(void *arg, const char *id, const char *why)
{
	(void)arg;
	printf("%s\t%s\n", id, why);
}

/* Images that no container uses. Without a configuration nobody knows where they are. */
static int collect_images(const struct globals *globals, const struct gc_options *opts,
			  struct error *err)
{
	auto_arena struct arena arena = { 0 };
	struct image_cache cache;
	struct config config;

	if (config_load(globals->config, &arena, &config, err) < 0) {
		log_debug("gc: %s", err->text);
		err_clear(err);
		return 0;
	}
	cache = (struct image_cache){ config.storage.image_cache,
				      (uint64_t)config.storage.image_cache_mib << 20 };
	return *cache.dir
		       ? image_cache_trim(&cache, cache.max_bytes, opts->dry_run, tell, NULL, err)
		       : 0;
}

static int run(const struct globals *globals, const void *options, int argc, char **argv,
	       struct error *err)
{
	const struct gc_options *opts = options;
	const struct gc_request request = {
		.root = globals->root_abs,
		.stopped = opts->stopped,
		.dry_run = opts->dry_run,
		.tell = tell,
	};
	unsigned n_failed;
	int ret = gc_run(&request, &n_failed, err);
	struct error trouble = { 0 };

	(void)argc;
	(void)argv;
	if (ret == 0 && n_failed > 0)
		return err_ctx(err, "%u could not be removed, the last", n_failed);
	if (ret == 0 && collect_images(globals, opts, &trouble) < 0)
		return err_msg(err, trouble.code, "%s", trouble.text);
	return ret;
}

static const struct command_example examples[] = {
	{ "acrun gc --dry-run", "what would go" },
	{ "acrun gc", "remove what crashed creates and machines have left" },
	{ NULL, NULL },
};

const struct command command_gc = {
	.name = "gc",
	.operands = "",
	.summary = "remove what crashed containers and commands have left",
	.examples = examples,
	.options = { rows, sizeof(rows) / sizeof(rows[0]), false },
	.options_size = sizeof(struct gc_options),
	.min_args = 0,
	.max_args = 0,
	.run = run,
};
