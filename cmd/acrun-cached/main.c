/* acrun-cached: keeps virtual machines restored and running, and hands them out. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "acrun_version.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/sock.h"
#include "cmd/acrun-cached/guard.h"
#include "cmd/acrun-cached/service.h"
#include "runtime/factory/cache_dir.h"

enum { BACKLOG = 64, SOCKET_MODE = 0600, DIR_MODE = 0755, LOCK_MS = 10000 };

struct options {
	const char *config;
	const char *guard, *make;
	bool cold, debug;
};

enum option_id { OPT_CONFIG = 1, OPT_GUARD, OPT_MAKE, OPT_COLD, OPT_DEBUG, OPT_VERSION, OPT_HELP };

static const struct option option_table[] = {
	{ "config", required_argument, NULL, OPT_CONFIG },
	{ "guard", required_argument, NULL, OPT_GUARD },
	{ "make", required_argument, NULL, OPT_MAKE },
	{ "cold", no_argument, NULL, OPT_COLD },
	{ "debug", no_argument, NULL, OPT_DEBUG },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ "help", no_argument, NULL, OPT_HELP },
	{ NULL, 0, NULL, 0 },
};

static const char usage[] =
	"usage: acrun-cached [-config FILE] [-debug]\n"
	"       acrun-cached -version\n"
	"Keeps as many virtual machines ready as [factory] of the configuration says, until SIGTERM.\n"
	"`acrun factory init` starts it.\n";

/* The server. */
struct server {
	struct arena arena;
	struct config config;
	struct machine shape;
	const char *endpoint, *path;
	struct loop *loop;
	struct pool pool;
	struct service service;
	int alive_fd; /* its guard sees it closed when we die */
	pid_t guard;
};

/* 0 to go on, 1 to end well, -1 for wrong usage (getopt has said why). */
static int parse_options(int argc, char **argv, struct options *options)
{
	int id;

	while ((id = getopt_long_only(argc, argv, "", option_table, NULL)) != -1) {
		switch (id) {
		case OPT_CONFIG:
			options->config = optarg;
			break;
		case OPT_GUARD:
			options->guard = optarg;
			break;
		case OPT_MAKE:
			options->make = optarg;
			break;
		case OPT_COLD:
			options->cold = true;
			break;
		case OPT_DEBUG:
			options->debug = true;
			break;
		case OPT_VERSION:
			printf("acrun-cached version %s, commit %s\n", ACRUN_VERSION, ACRUN_COMMIT);
			return 1;
		case OPT_HELP:
			(void)fputs(usage, stdout);
			return 1;
		default:
			return -1;
		}
	}
	return optind < argc ? -1 : 0;
}

static int load(struct server *server, const char *config, struct error *err)
{
	int ret = config_load(config, &server->arena, &server->config, err);

	if (ret == 0)
		ret = machine_choose(&server->shape, &server->config, err);
	if (ret == 0)
		ret = cache_check(server->shape.hypervisor, err);
	if (ret < 0)
		return ret;
	if (server->config.factory.vm_cache_number == 0)
		return err_msg(err, -EINVAL,
			       "vm_cache_number in [factory] is 0: there is nothing to keep");
	server->endpoint = server->config.factory.vm_cache_endpoint;
	server->path = cache_dir_path(server->endpoint, &server->arena);
	return server->path ? 0 : err_set(err, -ENOMEM, "start");
}

static int exists_already(const char *endpoint, struct error *err)
{
	return err_msg(err, -EEXIST,
		       "%s already exist.  Please stop running VMCache server and remove %s",
		       endpoint, endpoint);
}

static int make_parent(const char *endpoint, struct error *err)
{
	const char *slash = strrchr(endpoint, '/');
	auto_free char *parent = slash > endpoint ? strndup(endpoint, (size_t)(slash - endpoint))
						  : NULL;
	int ret = parent ? fs_mkdir_all(parent, DIR_MODE) : 0;

	return ret < 0 ? err_set(err, ret, "make the directory of '%s'", endpoint) : 0;
}

/* Makes sure that there is one server: the lock decides, not the socket, which stays when a server
 * is killed. Returns the directory's fd. */
static int take_place(const struct server *server, struct error *err)
{
	auto_close int dir_fd = -1;
	auto_close int other = sock_connect_at(AT_FDCWD, server->endpoint);
	struct stat st;
	int ret;

	if (other >= 0 || (lstat(server->endpoint, &st) == 0 && !S_ISSOCK(st.st_mode)))
		return exists_already(server->endpoint, err);
	ret = make_parent(server->endpoint, err);
	if (ret < 0)
		return ret;
	dir_fd = cache_dir_open(server->path, true, err);
	if (dir_fd < 0)
		return dir_fd;
	ret = cache_dir_lock(dir_fd, LOCK_MS);
	if (ret == -ETIMEDOUT)
		return exists_already(server->endpoint, err);
	if (ret < 0)
		return err_set(err, ret, "lock '%s'", server->path);
	/* Removed by who held the lock before. */
	if (fstat(dir_fd, &st) < 0 || st.st_nlink == 0)
		return err_msg(err, -EAGAIN, "'%s' is just being removed: try again", server->path);
	cache_dir_sweep(dir_fd);
	return take_fd(&dir_fd);
}

static void reap_children(struct server *server)
{
	struct error err = { 0 };
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
		if (pid != server->guard)
			continue;
		log_warning("the guard of the VM cache has ended; starting another one");
		if (guard_start(server->endpoint, &server->alive_fd, &server->guard, &err) < 0)
			log_error("%s", err.text);
	}
}

static void on_signal(void *arg, int signo, int32_t sender_pid)
{
	struct server *server = arg;

	(void)sender_pid;
	if (signo == SIGCHLD)
		reap_children(server);
	else if (signo == SIGTERM || signo == SIGINT)
		service_stop(&server->service);
}

static int watch_signals(struct server *server, struct error *err)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGCHLD };
	sigset_t mask;
	int ret;

	(void)sigemptyset(&mask);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		(void)sigaddset(&mask, signals[i]);
	ret = loop_add_signals(server->loop, &mask, on_signal, server);
	return ret < 0 ? err_set(err, ret, "watch signals") : 0;
}

static int serve(struct server *server, const struct options *options, int dir_fd,
		 struct error *err)
{
	int fd = sock_listen_at(AT_FDCWD, server->endpoint, SOCKET_MODE, BACKLOG);
	int ret;

	if (fd < 0)
		return err_set(err, fd, "listen on '%s'", server->endpoint);
	server->pool = (struct pool){
		.loop = server->loop,
		.config = &server->config,
		.shape = &server->shape,
		.path = server->path,
		.dir_fd = dir_fd,
		.changed = service_pool_changed,
		.arg = &server->service,
		.config_path = options->config,
		.debug = options->debug,
		.maker = { .fd = -1 },
	};
	server->service = (struct service){ .loop = server->loop, .pool = &server->pool };
	ret = service_start(&server->service, fd, err);
	if (ret == 0)
		ret = pool_start(&server->pool, err);
	if (ret == 0) {
		log_info("keeping %u virtual machines for '%s'",
			 server->config.factory.vm_cache_number, server->endpoint);
		ret = loop_run(server->loop);
		if (ret < 0)
			err_set(err, ret, "wait for events");
	}
	(void)unlink(server->endpoint);
	service_done(&server->service);
	pool_done(&server->pool);
	return ret;
}

static int run(struct server *server, const struct options *options, struct error *err)
{
	auto_close int dir_fd = -1;
	int ret = load(server, options->config, err);

	if (ret < 0)
		return ret;
	dir_fd = take_place(server, err);
	if (dir_fd < 0)
		return dir_fd;
	server->loop = loop_new();
	if (!server->loop)
		return err_set(err, -ENOMEM, "start");
	ret = watch_signals(server, err);
	if (ret == 0)
		ret = guard_start(server->endpoint, &server->alive_fd, &server->guard, err);
	if (ret == 0)
		ret = serve(server, options, dir_fd, err);
	/* Not when claimed machines are in it. */
	(void)rmdir(server->path);
	return ret;
}

/* As which of its processes it was started. */
static int play(struct server *server, const struct options *options, struct error *err)
{
	const struct maker_order order = { .config = options->config,
					   .uuid = options->make,
					   .stays_cold = options->cold };

	if (options->guard)
		return guard_run(options->guard, err);
	return options->make ? maker_run(&order, err) : run(server, options, err);
}

int main(int argc, char **argv)
{
	struct server server = { .shape = MACHINE_INIT, .alive_fd = -1 };
	struct options options = { 0 };
	struct error err = { 0 };
	int ret = parse_options(argc, argv, &options);

	if (ret != 0) {
		if (ret < 0)
			(void)fputs(usage, stderr);
		return ret > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
	}
	log_use_fd(STDERR_FILENO, LOG_TEXT, options.debug ? LOG_DEBUG : LOG_INFO);
	ret = play(&server, &options, &err);
	loop_free(server.loop);
	cleanup_close(&server.alive_fd);
	arena_done(&server.arena);
	if (ret < 0) {
		(void)fprintf(stderr, "acrun-cached: %s\n", err.text);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
