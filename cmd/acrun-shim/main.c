/* acrun-shim: stands for one process of a VM on the host. Its pid, its descriptors, its signals and
 * its exit status are that process'. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <termios.h>
#include <unistd.h>
#include "acrun_version.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/parse.h"
#include "cmd/acrun-shim/relay.h"

enum { TOKEN_MAX = 128, RECONNECT_S = 10 };

struct options {
	const char *container_id;
	const char *token;
	const char *token_fd;
	const char *mount_ns_fd;
	const char *uri;
	const char *reconnect;
	const char *counts_fd;
	const char *from;
	bool debug;
};

enum option_id { OPT_TOKEN_FD = 256, OPT_MOUNT_NS_FD, OPT_COUNTS_FD, OPT_FROM };

static const struct option option_table[] = {
	{ "container-id", required_argument, NULL, 'c' },
	{ "token", required_argument, NULL, 't' },
	{ "token-fd", required_argument, NULL, OPT_TOKEN_FD },
	{ "mount-ns-fd", required_argument, NULL, OPT_MOUNT_NS_FD },
	{ "uri", required_argument, NULL, 'u' },
	{ "reconnect-timeout", required_argument, NULL, 'r' },
	{ "counts-fd", required_argument, NULL, OPT_COUNTS_FD },
	{ "from", required_argument, NULL, OPT_FROM },
	{ "debug", no_argument, NULL, 'd' },
	{ "version", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static const char usage[] =
	"usage: acrun-shim -c CONTAINER-ID -t TOKEN -u unix://PATH [-d] [-r SECONDS]\n"
	"  -c, --container-id ID       whose process this is, for messages\n"
	"  -t, --token TOKEN           from the proxy\n"
	"      --token-fd N            read the token from descriptor N instead; closed\n"
	"                              when we are in the mount namespace\n"
	"      --mount-ns-fd N         go to the mount namespace that descriptor N is\n"
	"  -u, --uri URI               where the proxy listens\n"
	"  -r, --reconnect-timeout S   look so long for a lost proxy (10)\n"
	"      --counts-fd N           count the bytes of output in the file behind descriptor N\n"
	"      --from OUT,ERR          the process runs: so many bytes of its output were written\n"
	"  -d, --debug                 tell more on standard error\n"
	"  -v, --version\n";

/* 0 to go on, 1 to end well, -1 for wrong usage. */
static int parse_options(int argc, char **argv, struct options *options)
{
	int id;

	while ((id = getopt_long_only(argc, argv, "c:t:u:r:dvh", option_table, NULL)) != -1) {
		switch (id) {
		case 'c':
			options->container_id = optarg;
			break;
		case 't':
			options->token = optarg;
			break;
		case OPT_TOKEN_FD:
			options->token_fd = optarg;
			break;
		case OPT_MOUNT_NS_FD:
			options->mount_ns_fd = optarg;
			break;
		case 'u':
			options->uri = optarg;
			break;
		case 'r':
			options->reconnect = optarg;
			break;
		case OPT_COUNTS_FD:
			options->counts_fd = optarg;
			break;
		case OPT_FROM:
			options->from = optarg;
			break;
		case 'd':
			options->debug = true;
			break;
		case 'v':
			printf("acrun-shim version %s, commit %s\n", ACRUN_VERSION, ACRUN_COMMIT);
			return 1;
		case 'h':
			(void)fputs(usage, stdout);
			return 1;
		default:
			return -1;
		}
	}
	if (!options->container_id || !options->uri || (!options->token && !options->token_fd) ||
	    optind < argc) {
		(void)fprintf(
			stderr,
			"acrun-shim: -c, -u and a token are needed, and nothing else but options\n%s",
			usage);
		return -1;
	}
	return 0;
}

/* Reads until the end or a line feed. */
static int read_token(int fd, char token[static TOKEN_MAX], struct error *err)
{
	size_t len = 0;
	ssize_t n = 1;

	while (n > 0 && len < TOKEN_MAX - 1 && !memchr(token, '\n', len)) {
		n = read(fd, token + len, TOKEN_MAX - 1 - len);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			len += (size_t)n;
	}
	if (n < 0)
		return err_set(err, -errno, "read the token from descriptor %d", fd);
	token[len] = '\0';
	token[strcspn(token, "\n")] = '\0';
	return 0;
}

/* Only what may stand in a JSON string as it is. */
static bool is_token(const char *token)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=";

	return *token && strlen(token) < TOKEN_MAX && token[strspn(token, letters)] == '\0';
}

static int get_token(const struct options *options, int token_fd, char token[static TOKEN_MAX],
		     struct error *err)
{
	int ret = 0;

	if (token_fd >= 0)
		ret = read_token(token_fd, token, err);
	else if ((size_t)snprintf(token, TOKEN_MAX, "%s", options->token) >= TOKEN_MAX)
		token[0] = '\0';
	if (ret == 0 && !is_token(token))
		return err_msg(
			err, -EINVAL,
			"the token is not one of the proxy's: it has other characters than base64url");
	return ret;
}

/* "OUT,ERR". */
static int parse_counts(const char *text, uint64_t counts[static 2])
{
	char first[24];
	size_t len = strcspn(text, ",");

	if (!text[len] || len >= sizeof(first))
		return -EINVAL;
	memcpy(first, text, len);
	first[len] = '\0';
	return parse_u64(first, &counts[0]) < 0 ? -EINVAL : parse_u64(text + len + 1, &counts[1]);
}

/* What is known of a process that runs already. */
static int begin_counts(const struct options *options, uint64_t *map, struct resume *resume,
			struct error *err)
{
	uint64_t before[2] = { 0, 0 };

	resume->written = map ? map : resume->own;
	if (!options->from)
		return 0;
	if (parse_counts(options->from, before) < 0)
		return err_msg(err, -EINVAL, "--from '%s' is not two numbers", options->from);
	memcpy(resume->written, before, sizeof(before));
	resume->taken_over = true;
	return 0;
}

/* Descriptors that we were told of, -1: not. */
enum { KEEP_TOKEN, KEEP_MOUNT_NS, N_KEEP };

/* The last that has to do with paths of the host: from then on, mounts.h does it. */
static int settle(struct relay *relay, struct stdio stdio[static 3], int keep[static N_KEEP],
		  struct error *err)
{
	int ret = 0;

	for (int fd = 0; fd < 3; fd++) {
		stdio_open(&stdio[fd]);
		relay->stdio[fd] = stdio[fd];
	}
	if (keep[KEEP_MOUNT_NS] >= 0) {
		relay->fd = mounts_find_proxy(&relay->mounts, relay->socket_path);
		relay->connected = relay->fd >= 0;
		ret = mounts_leave(&relay->mounts, keep[KEEP_MOUNT_NS], err);
	}
	for (int i = 0; i < N_KEEP; i++)
		cleanup_close(&keep[i]);
	return ret;
}

static int run(const struct options *options, const char *token, struct stdio stdio[static 3],
	       int keep[static N_KEEP], uint64_t *counts, struct error *err)
{
	struct relay relay = { .loop = loop_new(),
			       .token = token,
			       .reconnect_ms = RECONNECT_S * 1000 };
	struct termios saved, raw;
	bool is_tty = tcgetattr(STDIN_FILENO, &saved) == 0;
	uint32_t seconds;
	int ret;

	if (options->reconnect && parse_u32(options->reconnect, &seconds) == 0 && seconds > 0)
		relay.reconnect_ms = (int64_t)seconds * 1000;
	relay.socket_path = options->uri + strlen("unix://");
	if (begin_counts(options, counts, &relay.resume, err) < 0)
		return EXIT_PROXY_LOST;
	if (!relay.loop) {
		(void)err_set(err, -ENOMEM, "start");
		return EXIT_PROXY_LOST;
	}
	if (settle(&relay, stdio, keep, err) < 0)
		return EXIT_PROXY_LOST;
	if (is_tty) {
		raw = saved;
		cfmakeraw(&raw);
		/* The caller's own terminal ends lines as it always does, for the container's does
		 * not; a pseudo terminal for a client hands all on as it comes. */
		if (getsid(0) != getpid())
			raw.c_oflag |= OPOST;
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	}
	ret = relay_run(&relay, err);
	if (is_tty)
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &saved);
	loop_free(relay.loop);
#ifdef __SANITIZE_ADDRESS__
	/* The sanitizer writes its reports now, to a file of the host's. */
	(void)!mounts_return(&relay.mounts, err);
#endif
	return ret;
}

static int parse_fd(const char *option, const char *text, int *fd)
{
	uint32_t number;

	*fd = -1;
	if (!text)
		return 0;
	if (parse_u32(text, &number) < 0 || number < 3 || number > INT32_MAX) {
		(void)fprintf(stderr, "acrun-shim: --%s '%s' is not a descriptor above 2\n", option,
			      text);
		return -EINVAL;
	}
	*fd = (int)number;
	return 0;
}

int main(int argc, char **argv)
{
	struct options options = { 0 };
	struct stdio stdio[3];
	char token[TOKEN_MAX];
	struct error err = { 0 };
	int keep[N_KEEP];
	int counts_fd;
	uint64_t *counts;
	int ret = parse_options(argc, argv, &options);

	if (ret != 0)
		return ret > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
	if (parse_fd("token-fd", options.token_fd, &keep[KEEP_TOKEN]) < 0 ||
	    parse_fd("mount-ns-fd", options.mount_ns_fd, &keep[KEEP_MOUNT_NS]) < 0 ||
	    parse_fd("counts-fd", options.counts_fd, &counts_fd) < 0)
		return EXIT_FAILURE;
	if (strncmp(options.uri, "unix:///", 8) != 0) {
		(void)fprintf(stderr, "acrun-shim: '%s' is not a unix:///PATH\n", options.uri);
		return EXIT_FAILURE;
	}
	counts = counts_fd >= 0 ? resume_map_counts(counts_fd) : NULL;
	stdio_claim(stdio, keep);
	log_use_fd(STDERR_FILENO, LOG_TEXT, options.debug ? LOG_DEBUG : LOG_ERROR);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	/* A proxy that we start in another's place and that dies must not stay a zombie. */
	(void)signal(SIGCHLD, SIG_IGN);
	ret = get_token(&options, keep[KEEP_TOKEN], token, &err);
	if (ret < 0) {
		(void)fprintf(stderr, "acrun-shim: %s\n", err.text);
		return EXIT_FAILURE;
	}
	ret = run(&options, token, stdio, keep, counts, &err);
	if (err.code)
		(void)fprintf(stderr, "acrun-shim: container '%s': %s\n", options.container_id,
			      err.text);
	return ret;
}
