#include "tests/bench/rig.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/spawn.h"
#include "runtime/factory/cache.h"

enum { CACHE_POLL_MS = 20 };

static int load_spec(struct rig *rig, struct error *err)
{
	auto_close int dir = fs_open_dir_at(AT_FDCWD, rig->bundle);
	int ret;

	if (dir < 0)
		return err_set(err, dir, "open the bundle '%s'", rig->bundle);
	ret = oci_spec_load(dir, "config.json", &rig->arena, &rig->spec, err);
	return ret < 0 ? ret : oci_spec_check(&rig->spec, err);
}

/* As acrun looks for it: beside where it is. Without --config our own prefix would count. */
static int load_config(struct rig *rig, struct error *err)
{
	int ret = config_load(rig->config_path, &rig->arena, &rig->config, err);

	if (ret == 0 && rig->cached_config)
		ret = config_load(rig->cached_config, &rig->arena, &rig->cached, err);
	return ret < 0 ? ret : machine_choose(&rig->shape, &rig->config, err);
}

int rig_init(struct rig *rig, struct error *err)
{
	int ret;

	rig->shape = (struct machine)MACHINE_INIT;
	(void)snprintf(rig->dir, sizeof(rig->dir), "/tmp/acrun-bench.XXXXXX");
	if (!mkdtemp(rig->dir)) {
		rig->dir[0] = '\0';
		return err_set(err, -errno, "make a directory in /tmp");
	}
	rig->root = arena_printf(&rig->arena, "%s/root", rig->dir);
	rig->runc_root = arena_printf(&rig->arena, "%s/runc", rig->dir);
	if (!rig->root || !rig->runc_root)
		return err_set(err, -ENOMEM, "set up");
	ret = load_config(rig, err);
	return ret < 0 ? ret : load_spec(rig, err);
}

void rig_done(struct rig *rig)
{
	if (rig->dir[0])
		(void)!fs_remove_tree_at(AT_FDCWD, rig->dir);
	arena_done(&rig->arena);
}

bool rig_has(const struct rig *rig, enum rig_runtime runtime)
{
	switch (runtime) {
	case RIG_RUNC:
		return rig->runc;
	case RIG_CRUN:
		return rig->crun;
	case RIG_ACRUN_CACHED:
		return rig->cached_config;
	default:
		return true;
	}
}

void rig_argv(const struct rig *rig, enum rig_runtime runtime, const char *const *words,
	      const char *argv[RIG_ARGV_MAX])
{
	const char *const programs[] = { rig->acrun, rig->acrun, rig->acrun, rig->runc, rig->crun };
	const char *const configs[] = { rig->config_path, rig->cold_config, rig->cached_config,
					NULL, NULL };
	bool ours = runtime != RIG_RUNC && runtime != RIG_CRUN;
	size_t n = 0;

	argv[n++] = programs[runtime];
	argv[n++] = "--root";
	argv[n++] = ours ? rig->root : rig->runc_root;
	if (configs[runtime]) {
		argv[n++] = "--config";
		argv[n++] = configs[runtime];
	}
	while (*words && n < RIG_ARGV_MAX - 1)
		argv[n++] = *words++;
	argv[n] = NULL;
}

int rig_run(const char *const *argv, double *ms, struct error *err)
{
	int64_t begun = clock_now_us();
	pid_t pid;
	int status = 0;
	int ret = rig_spawn(argv, -1, -1, &pid, err);

	if (ret < 0)
		return ret;
	ret = spawn_wait(pid, RIG_TIMEOUT_MS, &status);
	if (ms)
		*ms = (double)(clock_now_us() - begun) / 1000;
	if (ret < 0)
		return err_set(err, ret, "wait for '%s'", argv[0]);
	if (spawn_exit_code(status) != 0)
		return err_msg(err, -EIO, "'%s' ended with exit code %d", argv[0],
			       spawn_exit_code(status));
	return 0;
}

int rig_time(const struct rig *rig, enum rig_runtime runtime, const char *const *words,
	     struct figure *figure, struct error *err)
{
	const char *argv[RIG_ARGV_MAX];
	double ms = 0;
	int ret;

	rig_argv(rig, runtime, words, argv);
	ret = rig_run(argv, &ms, err);
	if (ret < 0)
		return err_ctx(err, "%s", words[0]);
	if (figure)
		figure_sample(figure, ms);
	return 0;
}

int rig_await_cache(const struct rig *rig, struct error *err)
{
	const struct config_factory *factory = &rig->cached.factory;
	int64_t deadline = clock_now_ms() + RIG_TIMEOUT_MS;

	for (;;) {
		auto_arena struct arena arena = { 0 };
		struct cache_status status;
		int ret = cache_get_status(factory->vm_cache_endpoint, &arena, &status, err);

		if (ret == 0 && status.n_vms >= factory->vm_cache_number)
			return 0;
		if (clock_now_ms() > deadline)
			return ret < 0 ? ret : err_msg(err, -ETIMEDOUT, "the cache does not fill");
		(void)poll(NULL, 0, CACHE_POLL_MS);
	}
}

int rig_spawn(const char *const *argv, int in_fd, int out_fd, pid_t *pid, struct error *err)
{
	struct spawn sp = { .path = argv[0], .argv = argv };

	if (in_fd >= 0)
		sp.fds[sp.n_fds++] = (struct spawn_fd){ in_fd, STDIN_FILENO };
	if (out_fd >= 0)
		sp.fds[sp.n_fds++] = (struct spawn_fd){ out_fd, STDOUT_FILENO };
	sp.fds[sp.n_fds++] = (struct spawn_fd){ STDERR_FILENO, STDERR_FILENO };
	return spawn_start(&sp, pid, err);
}

int rig_wait(pid_t pid, const char *what, struct error *err)
{
	int status = 0;
	int ret = spawn_wait(pid, RIG_TIMEOUT_MS, &status);

	if (ret < 0)
		return err_set(err, ret, "wait for '%s'", what);
	if (spawn_exit_code(status) != 0)
		return err_msg(err, -EIO, "'%s' ended with exit code %d", what,
			       spawn_exit_code(status));
	return 0;
}

void rig_remove(const struct rig *rig, enum rig_runtime runtime, const char *id)
{
	const char *const words[] = { "delete", "--force", id, NULL };
	struct error ignored = { 0 };

	if (rig_time(rig, runtime, words, NULL, &ignored) < 0)
		fprintf(stderr, "bench: %s\n", ignored.text);
}
