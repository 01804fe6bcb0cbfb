/* acrun: reads the global options, finds the command, reports its failure once. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "acrun_version.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/log.h"
#include "cmd/acrun/command.h"
#include "runtime/config/config.h"
#include "runtime/sandbox/store.h"
#include "runtime/sandbox/trace.h"

static const struct option_row global_rows[] = {
	{ "debug", 0, OPTION_FLAG, offsetof(struct globals, debug), NULL, "log everything" },
	{ "log", 0, OPTION_STRING, offsetof(struct globals, log), "FILE",
	  "append the log to FILE (default: stderr)" },
	{ "log-format", 0, OPTION_STRING, offsetof(struct globals, log_format), "text|json",
	  "format of the log (default: text)" },
	{ "log-level", 0, OPTION_STRING, offsetof(struct globals, log_level), "LEVEL",
	  "debug, info, warning or error (default: info)" },
	{ "root", 0, OPTION_STRING, offsetof(struct globals, root), "DIR",
	  "directory of the state (default: " STORE_DEFAULT_ROOT ")" },
	{ "config", 0, OPTION_STRING, offsetof(struct globals, config), "FILE",
	  "configuration file" },
	{ "kata-config", 0, OPTION_STRING, offsetof(struct globals, config), "FILE",
	  "the same, under its name elsewhere" },
	{ "show-default-config-paths", 0, OPTION_FLAG, offsetof(struct globals, show_config_paths),
	  NULL, "print where it is looked for" },
	{ "kata-show-default-config-paths", 0, OPTION_FLAG,
	  offsetof(struct globals, show_config_paths), NULL, "the same" },
	{ "trace", 0, OPTION_STRING, offsetof(struct globals, trace), "FILE",
	  "append what takes how long to FILE, for trace viewers (also: ACRUN_TRACE)" },
	{ "systemd-cgroup", 0, OPTION_IGNORED, 0, NULL, "accepted for compatibility" },
	{ "cgroup-manager", 0, OPTION_IGNORED, 0, "NAME", "accepted for compatibility" },
	{ "rootless", 0, OPTION_IGNORED, 0, "VALUE", "accepted for compatibility" },
	{ "criu", 0, OPTION_IGNORED, 0, "PATH", "accepted for compatibility" },
	{ "help", 'h', OPTION_FLAG, offsetof(struct globals, help), NULL, "show help" },
	{ "version", 'v', OPTION_FLAG, offsetof(struct globals, version), NULL,
	  "print the version" },
};
static const struct option_table global_table = { .rows = global_rows,
						  .n_rows = sizeof(global_rows) /
							    sizeof(global_rows[0]),
						  .in_order = true };

static void print_help(void)
{
	printf("NAME:\n   acrun - runs OCI containers, each pod in a virtual machine of its own\n\n"
	       "USAGE:\n   acrun [global options] command [command options] [arguments...]\n\nCOMMANDS:\n");
	for (size_t i = 0; command_at(i); i++)
		printf("   %-10s %s\n", command_at(i)->name, command_at(i)->summary);
	printf("   %-10s %s\n   %-10s %s\n\nGLOBAL OPTIONS:\n", "version", "print the version",
	       "help", "show help, also of a command");
	options_print(&global_table);
}

static void print_command_help(const struct command *command)
{
	printf("NAME:\n   acrun %s - %s\n\nUSAGE:\n   acrun %s [command options] %s\n\nOPTIONS:\n",
	       command->name, command->summary, command->name, command->operands);
	options_print(&command->options);
}

static int print_version(void)
{
	printf("acrun version %s\ncommit: %s\nspec: 1.2.0\n", ACRUN_VERSION, ACRUN_COMMIT);
	return 0;
}

static int print_config_paths(struct error *err)
{
	auto_arena struct arena arena = { 0 };
	const char *const *paths;
	int ret = config_default_paths(&arena, &paths, err);

	for (size_t i = 0; ret == 0 && paths[i]; i++)
		puts(paths[i]);
	return ret;
}

/* Reports a failure: a record of the log, and a plain line for people. Texts of commands with a
 * prefix begin with our name already. */
static void report(const char *text)
{
	bool is_named = !strncmp(text, "acrun ", 6);

	if (log_is_stderr() && log_get_format() == LOG_TEXT) {
		fprintf(stderr, "%s%s\n", is_named ? "" : "acrun: ", text);
		return;
	}
	log_error("%s", text);
	if (!log_is_stderr())
		fprintf(stderr, "%s\n", text);
}

static int setup_log(const struct globals *globals, struct error *err)
{
	static const char *const levels[] = { "debug", "info", "warning", "error" };
	enum log_level level = globals->debug ? LOG_DEBUG : LOG_INFO;
	enum log_format format = LOG_TEXT;

	if (globals->log_format && log_parse_format(globals->log_format, &format) < 0)
		return err_msg(err, -EINVAL, "invalid log-format: %s", globals->log_format);
	if (globals->log_level) {
		size_t i = 0;

		while (i < 4 && strcmp(levels[i], globals->log_level))
			i++;
		if (i == 4)
			return err_msg(err, -EINVAL,
				       "invalid log-level: %s (use debug, info, warning or error)",
				       globals->log_level);
		level = (enum log_level)i;
	}
	return log_open(globals->log, format, level, err);
}

static int setup_trace(const struct globals *globals, struct error *err)
{
	return trace_open(globals->trace ? globals->trace : secure_getenv("ACRUN_TRACE"), err);
}

static int setup_root(struct globals *globals, struct error *err)
{
	int ret;

	globals->root_is_default = !globals->root;
	ret = fs_abspath(globals->root ? globals->root : STORE_DEFAULT_ROOT, &globals->root_abs);
	if (ret < 0)
		return err_set(err, ret, "find the directory of --root '%s'",
			       globals->root ? globals->root : STORE_DEFAULT_ROOT);
	if (!strcmp(globals->root_abs, "/"))
		return err_msg(err, -EINVAL, "Option --root argument should not be set to /");
	return 0;
}

static int check_arg_count(const struct command *command, int n, struct error *err)
{
	const char *what = NULL;
	int bound = command->min_args;

	if (command->min_args == command->max_args && n != command->min_args)
		what = "exactly";
	else if (n < command->min_args)
		what = "a minimum of";
	else if (command->max_args != ARGS_ANY && n > command->max_args)
		what = "a maximum of", bound = command->max_args;
	if (!what)
		return 0;
	printf("Incorrect Usage.\n\n");
	print_command_help(command);
	return err_msg(err, -EINVAL, "\"%s\" requires %s %d argument(s)", command->name, what,
		       bound);
}

static int run_parsed(const struct command *command, const struct globals *globals,
		      const void *options, int argc, char **argv, struct error *err)
{
	int ret = check_arg_count(command, argc, err);

	if (ret < 0)
		return ret;
	ret = command->run(globals, options, argc, argv, err);
	if (ret < 0 && command->prefix) {
		struct error bare = *err;

		return err_msg(err, ret, "acrun %s failed: %s", command->name, bare.text);
	}
	return ret;
}

/* Parses the command's own options and runs it; argv[0] is its name. */
static int run_command(const struct command *command, const struct globals *globals, int argc,
		       char **argv, struct error *err)
{
	auto_free void *options = calloc(1, command->options_size);
	int first, ret;

	if (!options)
		return err_set(err, -ENOMEM, "options");
	ret = first = options_parse(&command->options, argc, argv, options, err);
	if (ret >= 0 && *(const bool *)options)
		ret = (print_command_help(command), 0);
	else if (ret >= 0)
		ret = run_parsed(command, globals, options, argc - first, argv + first, err);
	options_done(&command->options, options);
	return ret;
}

static int dispatch(struct globals *globals, int argc, char **argv, const struct command **command,
		    struct error *err)
{
	const char *name = argc > 0 ? argv[0] : "help";

	if (globals->version || !strcmp(name, "version"))
		return print_version();
	if (globals->show_config_paths)
		return print_config_paths(err);
	if (!strcmp(name, "help") && argc > 1) {
		*command = command_find(argv[1]);
		if (*command)
			return print_command_help(*command), 0;
	}
	if (globals->help || !strcmp(name, "help"))
		return print_help(), 0;
	*command = command_find(name);
	if (!*command)
		return err_msg(err, -EINVAL, "Invalid command \"%s\" (acrun help lists them)",
			       name);
	return run_command(*command, globals, argc, argv, err);
}

/*
 * Undoes what a careless caller passes on. With a closed stdin, stdout or stderr the next file
 * opened would get its number, and go on to the container as such; with SIGCHLD ignored no exit
 * code of a child would reach us.
 */
static int setup_process(struct error *err)
{
	int fd;

	(void)signal(SIGCHLD, SIG_DFL);
	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd < 0)
		return err_set(err, -errno, "open '/dev/null'");
	close(fd);
	return 0;
}

int main(int argc, char **argv)
{
	struct globals globals = { 0 };
	const struct command *command = NULL;
	struct error err = { 0 };
	int ret = setup_process(&err);
	int first = 0;

	if (ret >= 0)
		ret = first = options_parse(&global_table, argc, argv, &globals, &err);
	if (ret >= 0)
		ret = setup_log(&globals, &err);
	if (ret >= 0)
		ret = setup_trace(&globals, &err);
	if (ret >= 0)
		ret = setup_root(&globals, &err);
	if (ret >= 0)
		ret = dispatch(&globals, argc - first, argv + first, &command, &err);
	if (ret >= 0 && fflush(stdout) != 0)
		ret = err_set(&err, -errno, "write to stdout");
	if (ret < 0) {
		report(err.text);
		ret = command && command->failure_code ? command->failure_code : EXIT_FAILURE;
	}
	free(globals.root_abs);
	return ret;
}
