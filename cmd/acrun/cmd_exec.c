#include "cmd/acrun/command.h"

#include <errno.h>
#include <signal.h>
#include <sys/types.h>
#include <string.h>
#include "cmd/acrun/foreground.h"
#include "cmd/acrun/outside.h"
#include "runtime/sandbox/exec.h"

enum { EXEC_FAILED = 255 };

struct exec_options {
	bool help;
	bool detach;
	bool tty;
	bool no_new_privs;
	bool ignore_paused;
	const char *console_socket;
	const char *cwd;
	const char *user;
	const char *process;
	const char *pid_file;
	const char *pidfd_socket;
	const char *cgroup;
	struct option_strings env;
	struct option_strings gids;
	struct option_strings caps;
	uint32_t preserve_fds;
};

static const struct option_row rows[] = {
	{ "help", 'h', OPTION_FLAG, offsetof(struct exec_options, help), NULL, "show help" },
	{ "console-socket", 0, OPTION_STRING, offsetof(struct exec_options, console_socket), "PATH",
	  "socket that gets the terminal's master" },
	{ "cwd", 0, OPTION_STRING, offsetof(struct exec_options, cwd), "DIR",
	  "current directory in the container" },
	{ "env", 'e', OPTION_STRINGS, offsetof(struct exec_options, env), "NAME=VALUE",
	  "environment variable" },
	{ "tty", 't', OPTION_FLAG, offsetof(struct exec_options, tty), NULL, "give it a terminal" },
	{ "user", 'u', OPTION_STRING, offsetof(struct exec_options, user), "UID[:GID]",
	  "its user" },
	{ "additional-gids", 'g', OPTION_STRINGS, offsetof(struct exec_options, gids), "GID",
	  "a further group" },
	{ "process", 'p', OPTION_STRING, offsetof(struct exec_options, process), "FILE",
	  "process object as JSON" },
	{ "detach", 'd', OPTION_FLAG, offsetof(struct exec_options, detach), NULL,
	  "return once it runs" },
	{ "pid-file", 0, OPTION_STRING, offsetof(struct exec_options, pid_file), "FILE",
	  "write its pid to FILE" },
	{ "no-new-privs", 0, OPTION_FLAG, offsetof(struct exec_options, no_new_privs), NULL,
	  "it cannot gain privileges" },
	{ "cap", 'c', OPTION_STRINGS, offsetof(struct exec_options, caps), "CAP_NAME",
	  "a further capability" },
	{ "preserve-fds", 0, OPTION_U32, offsetof(struct exec_options, preserve_fds), "N",
	  "only 0: descriptors do not reach into a virtual machine" },
	{ "ignore-paused", 0, OPTION_FLAG, offsetof(struct exec_options, ignore_paused), NULL,
	  "exec in a paused container too" },
	{ "pidfd-socket", 0, OPTION_STRING, offsetof(struct exec_options, pidfd_socket), "PATH",
	  "socket that gets a pidfd of the process" },
	{ "cgroup", 0, OPTION_STRING, offsetof(struct exec_options, cgroup), "PATH",
	  "only \"/\": a container has one cgroup in its machine" },
	{ "process-label", 0, OPTION_IGNORED, 0, "LABEL", "accepted for compatibility" },
	{ "apparmor", 0, OPTION_IGNORED, 0, "PROFILE", "accepted for compatibility" },
};

static struct json_strs strings_of(const struct option_strings *strings)
{
	return (struct json_strs){ .items = strings->items, .len = strings->len };
}

/* A process that its caller cannot hear of is ended: by its shim's death. */
static int send_pidfd(const struct exec_options *opts, int64_t shim, struct error *err)
{
	int ret = opts->pidfd_socket ? outside_send_pidfd(opts->pidfd_socket, shim, err) : 0;

	if (ret < 0)
		(void)kill((pid_t)shim, SIGKILL);
	return ret;
}

static int exec_detached(struct exec_request *request, const struct exec_options *opts,
			 struct error *err)
{
	int64_t shim = 0;
	int ret = sandbox_exec(request, &shim, err);

	return ret < 0 ? ret : send_pidfd(opts, shim, err);
}

static int exec_in_foreground(struct exec_request *request, const struct exec_options *opts,
			      struct error *err)
{
	struct foreground fg;
	int64_t shim = 0;
	int ret = foreground_begin(&fg, err);

	request->interrupt_fd = fg.interrupt_fd;
	if (ret == 0)
		ret = sandbox_exec(request, &shim, err);
	if (ret == 0)
		ret = send_pidfd(opts, shim, err);
	if (ret == 0)
		ret = foreground_wait(&fg, (pid_t)shim, err);
	foreground_end(&fg);
	return ret;
}

static int check_cgroup(const char *cgroup, struct error *err)
{
	if (!cgroup || !strcmp(cgroup, "/") || !strcmp(cgroup, ""))
		return 0;
	return err_msg(err, -EOPNOTSUPP,
		       "--cgroup %s: a container has one cgroup in its virtual machine", cgroup);
}

static int run(const struct globals *globals, const void *options, int argc, char **argv,
	       struct error *err)
{
	const struct exec_options *opts = options;
	struct exec_request request = {
		.root = globals->root_abs,
		.id = argv[0],
		.process_file = opts->process,
		/* argv's strings are not written to */
		.args = { .items = (const char **)(argv + 1), .len = (size_t)argc - 1 },
		.env = strings_of(&opts->env),
		.gids = strings_of(&opts->gids),
		.caps = strings_of(&opts->caps),
		.cwd = opts->cwd,
		.user = opts->user,
		.terminal = opts->tty,
		.no_new_privs = opts->no_new_privs,
		.ignore_paused = opts->ignore_paused,
		.console_socket = opts->console_socket,
		.pid_file = opts->pid_file,
		.interrupt_fd = -1,
		.detach = opts->detach,
	};
	int ret = outside_check_preserved(opts->preserve_fds, err);

	if (ret == 0)
		ret = check_cgroup(opts->cgroup, err);
	if (ret == 0)
		ret = opts->detach ? exec_detached(&request, opts, err)
				   : exec_in_foreground(&request, opts, err);
	return ret < 0 ? err_ctx(err, "exec failed") : ret;
}

static const struct command_example examples[] = {
	{ "acrun exec -t web sh", "a shell" },
	{ "acrun exec -e LANG=C -u 1000:1000 web id", "one command, as another user" },
	{ "acrun exec -d --pid-file job.pid web job", "and do not wait for it" },
	{ NULL, NULL },
};

const struct command command_exec = {
	.name = "exec",
	.operands = "<container-id> [command [arguments...]]",
	.summary = "run a further process in a container",
	.examples = examples,
	.options = { rows, sizeof(rows) / sizeof(rows[0]), true },
	.options_size = sizeof(struct exec_options),
	.min_args = 1,
	.max_args = ARGS_ANY,
	.failure_code = EXEC_FAILED,
	.run = run,
};
