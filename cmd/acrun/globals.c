#include "cmd/acrun/command.h"

#include "runtime/sandbox/store.h"

#define FIELD(member) offsetof(struct globals, member)

static const struct option_row rows[] = {
	{ "debug", 0, OPTION_FLAG, FIELD(debug), NULL, "log everything" },
	{ "log", 0, OPTION_STRING, FIELD(log), "FILE", "append the log to FILE (default: stderr)" },
	{ "log-format", 0, OPTION_STRING, FIELD(log_format), "text|json",
	  "format of the log (default: text)" },
	{ "log-level", 0, OPTION_STRING, FIELD(log_level), "debug|info|warning|error",
	  "what is logged (default: info)" },
	{ "root", 0, OPTION_STRING, FIELD(root), "DIR",
	  "directory of the state (default: " STORE_DEFAULT_ROOT ")" },
	{ "config", 0, OPTION_STRING, FIELD(config), "FILE", "configuration file" },
	{ "kata-config", 0, OPTION_STRING, FIELD(config), "FILE",
	  "the same, under its name elsewhere" },
	{ "show-default-config-paths", 0, OPTION_FLAG, FIELD(show_config_paths), NULL,
	  "print where it is looked for" },
	{ "kata-show-default-config-paths", 0, OPTION_FLAG, FIELD(show_config_paths), NULL,
	  "the same" },
	{ "trace", 0, OPTION_STRING, FIELD(trace), "FILE",
	  "append what takes how long to FILE, for trace viewers (also: ACRUN_TRACE)" },
	{ "systemd-cgroup", 0, OPTION_FLAG, FIELD(systemd_cgroup), NULL,
	  "linux.cgroupsPath is SLICE:PREFIX:NAME" },
	{ "cgroup-manager", 0, OPTION_STRING, FIELD(cgroup_manager), "cgroupfs|systemd|disabled",
	  "how linux.cgroupsPath is meant (default: cgroupfs)" },
	{ "rootless", 0, OPTION_IGNORED, 0, "true|false|auto", "accepted for compatibility" },
	{ "criu", 0, OPTION_IGNORED, 0, "PATH", "accepted for compatibility" },
	{ "help", 'h', OPTION_FLAG, FIELD(help), NULL, "show help" },
	{ "version", 'v', OPTION_FLAG, FIELD(version), NULL, "print the version" },
};

const struct option_table globals_options = { rows, sizeof(rows) / sizeof(rows[0]), true };

int globals_cgroup_manager(const struct globals *globals, enum cgroup_manager *manager,
			   struct error *err)
{
	*manager = globals->systemd_cgroup ? CGROUP_SYSTEMD : CGROUP_FS;
	return globals->cgroup_manager ? cgroup_parse_manager(globals->cgroup_manager, manager, err)
				       : 0;
}
