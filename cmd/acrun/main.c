/* acrun: reads the global options, finds the command, reports its failure once. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/log.h"
#include "cmd/acrun/colour.h"
#include "cmd/acrun/command.h"
#include "cmd/acrun/help.h"
#include "runtime/config/config.h"
#include "runtime/factory/progress.h"
#include "runtime/sandbox/store.h"
#include "runtime/sandbox/trace.h"

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
		fprintf(stderr, "%s%s%s%s\n", colour_of(STDERR_FILENO, COLOUR_RED),
			is_named ? "" : "acrun: ", text, colour_of(STDERR_FILENO, COLOUR_NONE));
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
	if (colour_is_terminal(STDERR_FILENO) && level != LOG_DEBUG)
		progress_enable();
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
	help_print_command(command);
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
		ret = (help_print_command(command), 0);
	else if (ret >= 0)
		ret = run_parsed(command, globals, options, argc - first, argv + first, err);
	options_done(&command->options, options);
	return ret;
}

static int dispatch(struct globals *globals, int argc, char **argv, const struct command **command,
		    struct error *err)
{
	static char help_name[] = "help", version_name[] = "version";
	char *only[] = { globals->version ? version_name : help_name, NULL };

	if (!globals->version && globals->show_config_paths)
		return print_config_paths(err);
	if (globals->version || globals->help || argc == 0) {
		argc = 1;
		argv = only;
	}
	*command = command_find(argv[0]);
	if (*command)
		return run_command(*command, globals, argc, argv, err);
	*command = &command_help;
	return help_unknown(argv[0], err);
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
		ret = first = options_parse(&globals_options, argc, argv, &globals, &err);
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
