/*
 * A cold create against the floor under it: `acrun create` beside a bare boot of the same VMM,
 * kernel, initrd and parameters to the guest's READY, in turns within one run. Prints a table and,
 * with --json FILE, keeps the figures.
 *
 *   cold-create --acrun PATH --bundle DIR [--config FILE] [--rounds N] [--json FILE]
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "agent/proto/calls.h"
#include "agent/proto/hyperstart.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/parse.h"
#include "base/sock.h"
#include "base/spawn.h"
#include "base/uuid.h"
#include "runtime/config/config.h"

enum {
	ROUNDS_DEFAULT = 7,
	ROUNDS_MAX = 1000,
	BOOT_TIMEOUT_MS = 120000,
	COMMAND_TIMEOUT_MS = 120000
};

struct options {
	const char *acrun, *bundle, *config, *json;
	uint32_t rounds;
};

struct bench {
	struct options options;
	struct arena arena;
	struct config config;
	const struct hypervisor_ops *hypervisor;
	const struct hypervisor_config *hypervisor_config;
	char dir[64];
	int dir_fd;
	int64_t bare_us[ROUNDS_MAX], create_us[ROUNDS_MAX], delete_us[ROUNDS_MAX];
};

/* Waits for the first control frame, which must be READY. */
static int wait_ready(int fd, struct error *err)
{
	char header[CTL_HEADER_LEN];
	struct ctl_frame frame;
	size_t got = 0;

	while (got < sizeof(header)) {
		ssize_t n;
		int ret = sock_wait_readable(fd, BOOT_TIMEOUT_MS);

		if (ret <= 0)
			return err_set(err, ret < 0 ? ret : -ETIMEDOUT, "wait for the guest");
		n = read(fd, header + got, sizeof(header) - got);
		if (n <= 0)
			return err_msg(err, -ECONNRESET,
				       "the machine ended before the guest was ready");
		got += (size_t)n;
	}
	if (ctl_decode(header, got, &frame) <= 0 || frame.code != CALL_READY)
		return err_msg(err, -EPROTO, "the guest said something else than READY");
	return 0;
}

static int bare_boot(struct bench *bench, int64_t *us, struct error *err)
{
	auto_close int ctl_listen = sock_listen_at(bench->dir_fd, "ctl.sock", 0600, 1);
	auto_close int tty_listen = sock_listen_at(bench->dir_fd, "tty.sock", 0600, 1);
	auto_close int console_listen = sock_listen_at(bench->dir_fd, "console.sock", 0600, 1);
	auto_close int control_listen = sock_listen_at(bench->dir_fd, "control.sock", 0600, 1);
	auto_close int log =
		openat(bench->dir_fd, "vmm.log", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	auto_close int ctl = sock_connect_at(bench->dir_fd, "ctl.sock");
	auto_close int tty = sock_connect_at(bench->dir_fd, "tty.sock");
	char uuid[UUID_TEXT_LEN];
	const struct vm_spec spec = {
		.name = "bench",
		.uuid = uuid,
		.dir = bench->dir,
		.vcpus = bench->hypervisor_config->default_vcpus,
		.memory_mib = bench->hypervisor_config->default_memory_mib,
		.channels = { { HYPER_CHANNEL_CTL, ctl_listen },
			      { HYPER_CHANNEL_TTY, tty_listen } },
		.n_channels = 2,
		.console_listen_fd = console_listen,
		.control_listen_fd = control_listen,
		.log_fd = log,
	};
	struct vm vm = { 0 };
	int64_t begun;
	int ret;

	if (ctl < 0 || tty < 0 || console_listen < 0 || control_listen < 0 || log < 0)
		return err_msg(err, -EIO, "cannot make the sockets in '%s'", bench->dir);
	uuid_generate_text(uuid);
	begun = clock_now_us();
	ret = bench->hypervisor->launch(bench->hypervisor_config, &spec, &vm, err);
	if (ret < 0)
		return ret;
	ret = wait_ready(ctl, err);
	*us = clock_now_us() - begun;
	return bench->hypervisor->stop(&vm, ret < 0 ? NULL : err) < 0 && ret == 0 ? err->code : ret;
}

static int run_acrun(struct bench *bench, const char *const *words, int64_t *us, struct error *err)
{
	const char *root = arena_printf(&bench->arena, "%s/root", bench->dir);
	const char *argv[16] = { bench->options.acrun, "--root", root };
	struct spawn sp = { .path = bench->options.acrun, .argv = argv };
	size_t n = 3;
	int64_t begun;
	int code = 0, ret;

	if (bench->options.config) {
		argv[n++] = "--config";
		argv[n++] = bench->options.config;
	}
	while (*words)
		argv[n++] = *words++;
	begun = clock_now_us();
	ret = spawn_run(&sp, NULL, 0, NULL, 0, COMMAND_TIMEOUT_MS, &code, err);
	*us = clock_now_us() - begun;
	if (ret == 0 && code != 0)
		return err_msg(err, -EIO, "'%s' failed with exit code %d", argv[n - 1], code);
	return ret;
}

static int round_of(struct bench *bench, uint32_t i, struct error *err)
{
	const char *const create[] = { "create", "--bundle", bench->options.bundle, "bench", NULL };
	const char *const del[] = { "delete", "--force", "bench", NULL };
	int ret = bare_boot(bench, &bench->bare_us[i], err);

	if (ret == 0)
		ret = run_acrun(bench, create, &bench->create_us[i], err);
	if (ret == 0)
		ret = run_acrun(bench, del, &bench->delete_us[i], err);
	return ret;
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static double median_ms(int64_t *values, uint32_t n)
{
	qsort(values, n, sizeof(*values), compare);
	return (double)(values[n / 2] + values[(n - 1) / 2]) / 2000.0;
}

static int report(struct bench *bench, struct error *err)
{
	uint32_t n = bench->options.rounds;
	double bare = median_ms(bench->bare_us, n), create = median_ms(bench->create_us, n),
	       del = median_ms(bench->delete_us, n);
	auto_file FILE *json = NULL;

	printf("%-34s %10s %10s %8s\n", "cold, medians of a run", "ms", "min ms", "ratio");
	printf("%-34s %10.1f %10.1f %8.2f\n", "bare boot to READY", bare,
	       (double)bench->bare_us[0] / 1000, 1.0);
	printf("%-34s %10.1f %10.1f %8.2f\n", "acrun create", create,
	       (double)bench->create_us[0] / 1000, create / bare);
	printf("%-34s %10.1f %10.1f\n", "acrun delete --force (created)", del,
	       (double)bench->delete_us[0] / 1000);
	if (!bench->options.json)
		return 0;
	json = fopen(bench->options.json, "we");
	if (!json)
		return err_set(err, -errno, "write '%s'", bench->options.json);
	fprintf(json,
		"{\"rounds\":%u,\"bare_boot_ms\":%.1f,\"create_ms\":%.1f,\"delete_ms\":%.1f,\"create_ratio\":%.3f}\n",
		n, bare, create, del, create / bare);
	return 0;
}

static int set_up(struct bench *bench, struct error *err)
{
	int ret = config_load(bench->options.config, &bench->arena, &bench->config, err);
	const char *name = bench->config.runtime.hypervisor;

	if (ret < 0)
		return ret;
	bench->hypervisor = strcmp(name, "auto") ? hypervisor_find(name) : hypervisor_default();
	if (!bench->hypervisor)
		return err_msg(err, -EINVAL, "hypervisor '%s' is not known", name);
	bench->hypervisor_config = config_hypervisor(&bench->config, bench->hypervisor->name);
	(void)snprintf(bench->dir, sizeof(bench->dir), "/tmp/acrun-bench.XXXXXX");
	if (!mkdtemp(bench->dir))
		return err_set(err, -errno, "make a directory in /tmp");
	bench->dir_fd = fs_open_dir_at(AT_FDCWD, bench->dir);
	return bench->dir_fd < 0 ? err_set(err, bench->dir_fd, "open '%s'", bench->dir) : 0;
}

static int parse_options(int argc, char **argv, struct options *options, struct error *err)
{
	static const struct option longs[] = {
		{ "acrun", required_argument, NULL, 'a' },
		{ "bundle", required_argument, NULL, 'b' },
		{ "config", required_argument, NULL, 'c' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "json", required_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	*options = (struct options){ .rounds = ROUNDS_DEFAULT };
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 'a':
			options->acrun = optarg;
			break;
		case 'b':
			options->bundle = optarg;
			break;
		case 'c':
			options->config = optarg;
			break;
		case 'j':
			options->json = optarg;
			break;
		case 'r':
			if (parse_u32(optarg, &options->rounds) < 0)
				return err_msg(err, -EINVAL, "--rounds '%s' is no number", optarg);
			break;
		default:
			return err_msg(err, -EINVAL, "wrong option");
		}
	}
	if (!options->acrun || !options->bundle || options->rounds < 1 ||
	    options->rounds > ROUNDS_MAX)
		return err_msg(
			err, -EINVAL,
			"usage: cold-create --acrun PATH --bundle DIR [--config FILE] [--rounds N] [--json FILE]");
	return 0;
}

int main(int argc, char **argv)
{
	static struct bench bench = { .dir_fd = -1 };
	struct error err = { 0 };
	int ret = parse_options(argc, argv, &bench.options, &err);

	if (ret == 0)
		ret = set_up(&bench, &err);
	for (uint32_t i = 0; ret == 0 && i < bench.options.rounds; i++)
		ret = round_of(&bench, i, &err);
	if (ret == 0)
		ret = report(&bench, &err);
	if (bench.dir_fd >= 0)
		(void)!fs_remove_tree_at(AT_FDCWD, bench.dir);
	if (ret < 0)
		fprintf(stderr, "cold-create: %s\n", err.text);
	arena_done(&bench.arena);
	return ret < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
