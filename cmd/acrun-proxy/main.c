/* acrun-proxy: stands between the agent of one sandbox's VM and those who talk to it. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include "acrun_version.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/sock.h"
#include "cmd/acrun-proxy/proxy.h"

enum { BACKLOG = 128, DIR_MODE = 0750, SOCKET_MODE = 0660, ACTIVATED_FD = 3, HEAP_KEPT = 32 << 10 };

struct options {
	const char *uri;
	const char *socket_path;
	const char *log_level;
	const char *console_log;
	const char *listen_fd;
	const char *state;
	bool link;
	bool version;
};

enum option_id {
	OPT_URI = 1,
	OPT_SOCKET_PATH,
	OPT_LOG,
	OPT_CONSOLE_LOG,
	OPT_LISTEN_FD,
	OPT_STATE,
	OPT_LINK,
	OPT_VERSION,
	OPT_HELP
};

static const struct option option_table[] = {
	{ "uri", required_argument, NULL, OPT_URI },
	{ "socket-path", required_argument, NULL, OPT_SOCKET_PATH },
	{ "log", required_argument, NULL, OPT_LOG },
	{ "console-log", required_argument, NULL, OPT_CONSOLE_LOG },
	{ "listen-fd", required_argument, NULL, OPT_LISTEN_FD },
	{ "state", required_argument, NULL, OPT_STATE },
	{ "link", no_argument, NULL, OPT_LINK },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ "help", no_argument, NULL, OPT_HELP },
	{ NULL, 0, NULL, 0 },
};

static const char usage[] =
	"usage: acrun-proxy -uri unix://PATH [-socket-path PATH] [-listen-fd N] [-log LEVEL] [-console-log PATH] [-state PATH] [-link]\n"
	"       acrun-proxy -version\n"
	"  -uri URI           where shims find us, and the socket we make unless one is handed over\n"
	"  -socket-path PATH  the socket we make, instead of the one in the URI\n"
	"  -listen-fd N       a listening socket that was made for us\n"
	"  -log LEVEL         debug, info, warn (default) or error, to standard error\n"
	"  -console-log PATH  keep the guest's console there, 256 KiB of it and one older file\n"
	"  -state PATH        keep there what a proxy in our place needs, and take over what it tells\n"
	"  -link              the VM's channels lose bytes: an acknowledged link makes up for it\n";

/* 0 to go on, 1 to end well, -1 for wrong usage (getopt has said why). */
static int parse_options(int argc, char **argv, struct options *options)
{
	int id;

	while ((id = getopt_long_only(argc, argv, "", option_table, NULL)) != -1) {
		switch (id) {
		case OPT_URI:
			options->uri = optarg;
			break;
		case OPT_SOCKET_PATH:
			options->socket_path = optarg;
			break;
		case OPT_LOG:
			options->log_level = optarg;
			break;
		case OPT_CONSOLE_LOG:
			options->console_log = optarg;
			break;
		case OPT_LISTEN_FD:
			options->listen_fd = optarg;
			break;
		case OPT_STATE:
			options->state = optarg;
			break;
		case OPT_LINK:
			options->link = true;
			break;
		case OPT_VERSION:
			printf("acrun-proxy version %s, commit %s\n", ACRUN_VERSION, ACRUN_COMMIT);
			return 1;
		case OPT_HELP:
			(void)fputs(usage, stdout);
			return 1;
		default:
			return -1;
		}
	}
	return 0;
}

static int set_log_level(const char *text, struct error *err)
{
	static const struct {
		const char *name;
		enum log_level level;
	} levels[] = {
		{ "debug", LOG_DEBUG },	    { "info", LOG_INFO },   { "warn", LOG_WARNING },
		{ "warning", LOG_WARNING }, { "error", LOG_ERROR }, { "fatal", LOG_ERROR },
	};
	const char *env = getenv("CC_PROXY_LOG_LEVEL");

	text = env && *env ? env : text;
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		if (strcmp(levels[i].name, text) == 0) {
			log_use_fd(STDERR_FILENO, LOG_TEXT, levels[i].level);
			return 0;
		}
	}
	return err_msg(err, -EINVAL, "unknown log level '%s': use debug, info, warn or error",
		       text);
}

static int check_listening(int fd, struct error *err)
{
	int listening = 0;
	socklen_t len = sizeof(listening);

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) < 0)
		return err_set(err, -errno, "descriptor %d", fd);
	if (!listening)
		return err_msg(err, -EINVAL, "descriptor %d is not a listening socket", fd);
	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	return fd;
}

/* Socket activation: -1 when there is none. */
static int activated_fd(struct error *err)
{
	const char *pid = getenv("LISTEN_PID");
	const char *fds = getenv("LISTEN_FDS");
	uint32_t n;

	if (!pid || !fds || parse_u32(pid, &n) < 0 || n != (uint32_t)getpid())
		return -1;
	if (parse_u32(fds, &n) < 0 || n != 1)
		return err_msg(err, -EINVAL,
			       "LISTEN_FDS is '%s': exactly one socket can be handed over", fds);
	return check_listening(ACTIVATED_FD, err);
}

/* Binds to path; its directory is made when missing. */
static int bind_path(const char *path, struct error *err)
{
	auto_free char *dir = strdup(path);
	char *slash = dir ? strrchr(dir, '/') : NULL;
	int ret = 0;

	if (!dir)
		return err_set(err, -ENOMEM, "listen on '%s'", path);
	if (slash && slash != dir) {
		*slash = '\0';
		ret = fs_mkdir_all(dir, DIR_MODE);
	}
	if (ret == 0)
		ret = sock_listen_at(AT_FDCWD, path, SOCKET_MODE, BACKLOG);
	return ret < 0 ? err_set(err, ret, "listen on '%s'", path) : ret;
}

/* The listening socket, however we come by it. *bound tells the path we made. */
static int get_listener(const struct options *options, const char *path, const char **bound,
			struct error *err)
{
	uint32_t fd;
	int ret;

	if (options->listen_fd) {
		if (parse_u32(options->listen_fd, &fd) < 0 || fd > INT32_MAX)
			return err_msg(err, -EINVAL, "-listen-fd '%s' is not a number",
				       options->listen_fd);
		return check_listening((int)fd, err);
	}
	ret = activated_fd(err);
	if (ret != -1 || err->code)
		return ret;
	ret = bind_path(path, err);
	if (ret >= 0)
		*bound = path;
	return ret;
}

static void on_signal(void *arg, int signo, int32_t sender_pid)
{
	(void)sender_pid;
	if (signo == SIGTERM || signo == SIGINT)
		loop_stop(arg, 0);
}

static int watch_signals(struct loop *loop, struct error *err)
{
	sigset_t mask;
	int ret;

	(void)sigemptyset(&mask);
	(void)sigaddset(&mask, SIGTERM);
	(void)sigaddset(&mask, SIGINT);
	(void)sigaddset(&mask, SIGHUP);
	(void)sigaddset(&mask, SIGPIPE);
	ret = loop_add_signals(loop, &mask, on_signal, loop);
	return ret < 0 ? err_set(err, ret, "watch signals") : 0;
}

/* One connection a process: the soft limit is for programs that use select(). */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static int serve(const struct options *options, const char *path, struct error *err)
{
	struct loop *loop = loop_new();
	const char *bound = NULL;
	struct proxy proxy;
	int fd, ret;

	if (!loop)
		return err_set(err, -ENOMEM, "start");
	proxy_init(&proxy, loop, options->uri);
	proxy.console_log = options->console_log;
	proxy.journal.path = options->state;
	proxy.link = options->link;
	fd = get_listener(options, path, &bound, err);
	ret = fd < 0 ? fd : watch_signals(loop, err);
	if (ret == 0 && journal_exists(&proxy.journal))
		ret = proxy_restore(&proxy, err);
	if (ret == 0)
		ret = proxy_listen(&proxy, fd, err);
	if (ret == 0) {
		ret = loop_run(loop);
		if (ret < 0)
			(void)err_set(err, ret, "wait for events");
	}
	proxy_done(&proxy);
	loop_free(loop);
	if (bound)
		(void)unlink(bound);
	return ret;
}

int main(int argc, char **argv)
{
	struct options options = { .log_level = "warn" };
	const char *path = NULL;
	struct error err = { 0 };
	int ret = parse_options(argc, argv, &options);

	if (ret != 0)
		return ret > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
	if (options.uri && strncmp(options.uri, "unix://", 7) == 0)
		path = options.uri + 7;
	if (options.socket_path)
		path = options.socket_path;
	if (!options.uri || !path || path[0] != '/' || optind < argc) {
		(void)fprintf(
			stderr,
			"acrun-proxy: -uri unix:///PATH is needed, and nothing else but options\n%s",
			usage);
		return EXIT_FAILURE;
	}
	/* The guest's secrets pass through this memory. */
	(void)prctl(PR_SET_DUMPABLE, 0);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	/* The buffers of a burst go back to the system after it. */
	(void)mallopt(M_TRIM_THRESHOLD, HEAP_KEPT);
	raise_descriptor_limit();
	ret = set_log_level(options.log_level, &err);
	if (ret == 0)
		ret = serve(&options, path, &err);
	if (ret < 0) {
		(void)fprintf(stderr, "acrun-proxy: %s\n", err.text);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
