/* What a command of acrun is: a row with its options, and a function. */
#ifndef CMD_ACRUN_COMMAND_H
#define CMD_ACRUN_COMMAND_H

#include "base/error.h"
#include "cmd/acrun/options.h"
#include "runtime/cgroup/cgroup.h"

/* Options in front of the command. */
struct globals {
	bool debug;
	bool help;
	bool version;
	bool show_config_paths;
	const char *log;
	const char *log_format;
	const char *log_level;
	const char *root;
	const char *config;
	const char *trace;
	bool systemd_cgroup;
	const char *cgroup_manager;
	bool root_is_default;
	char *root_abs; /* absolute form of root; owned by main */
};

/* What --systemd-cgroup and --cgroup-manager ask for. */
int globals_cgroup_manager(const struct globals *globals, enum cgroup_manager *manager,
			   struct error *err) must_check;

/* The options that fill them. */
extern const struct option_table globals_options;

enum { ARGS_ANY = -1 };

/* A line to type, and what it is good for. */
struct command_example {
	const char *line;
	const char *what;
};

struct command {
	const char *name;
	/* For --help, and for completion: "<container-id>" is completed with ids, "a|b" with these
	 * words. */
	const char *operands;
	const char *summary;
	const struct command_example *examples; /* ended by one without a line; NULL: none */
	struct option_table options;
	size_t options_size;	/* of the struct that the options fill; starts with `bool help` */
	int min_args, max_args; /* max ARGS_ANY: no limit */
	int failure_code;	/* exit code on failure; 0: 1 */
	/*
	 * Runs the command. Returns the program's exit code (>= 0), or a negative errno with err
	 * set, which main reports as
	 * "<name> failed: <text>" when `prefix` is set and as the bare text otherwise.
	 */
	int (*run)(const struct globals *globals, const void *options, int argc, char **argv,
		   struct error *err);
	bool prefix;
};

/* NULL when unknown. */
const struct command *command_find(const char *name);
/* The i-th command, NULL past the end. */
const struct command *command_at(size_t i);

/* The commands; each lives in its cmd_<name>.c. */
extern const struct command command_check;
extern const struct command command_checkpoint;
extern const struct command command_completion;
extern const struct command command_config;
extern const struct command command_create;
extern const struct command command_delete;
extern const struct command command_env;
extern const struct command command_events;
extern const struct command command_exec;
extern const struct command command_factory;
extern const struct command command_features;
extern const struct command command_gc;
extern const struct command command_help;
extern const struct command command_kill;
extern const struct command command_list;
extern const struct command command_logs;
extern const struct command command_pause;
extern const struct command command_ps;
extern const struct command command_restore;
extern const struct command command_resume;
extern const struct command command_run;
extern const struct command command_spec;
extern const struct command command_start;
extern const struct command command_state;
extern const struct command command_update;
extern const struct command command_version;

#endif
