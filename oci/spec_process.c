#include "oci/spec_internal.h"

static const struct json_row console_size_rows[] = {
	ALWAYS("height", oci_console_size, height),
	ALWAYS("width", oci_console_size, width),
};

static const struct json_type console_size_type = JSON_TYPE(oci_console_size, console_size_rows);

static const struct json_row user_rows[] = {
	ALWAYS("uid", oci_user, uid),	       ALWAYS("gid", oci_user, gid),
	FIELD("umask", oci_user, umask),       FIELD("additionalGids", oci_user, additional_gids),
	FIELD("username", oci_user, username),
};

const struct json_type oci_user_type = JSON_TYPE(oci_user, user_rows);

static const struct json_row capabilities_rows[] = {
	FIELD("bounding", oci_capabilities, bounding),
	FIELD("effective", oci_capabilities, effective),
	FIELD("inheritable", oci_capabilities, inheritable),
	FIELD("permitted", oci_capabilities, permitted),
	FIELD("ambient", oci_capabilities, ambient),
};

const struct json_type oci_capabilities_type = JSON_TYPE(oci_capabilities, capabilities_rows);

static const struct json_row rlimit_rows[] = {
	ALWAYS("type", oci_rlimit, type),
	ALWAYS("hard", oci_rlimit, hard),
	ALWAYS("soft", oci_rlimit, soft),
};

static const struct json_type rlimit_type = JSON_TYPE(oci_rlimit, rlimit_rows);

static const struct json_row scheduler_rows[] = {
	ALWAYS("policy", oci_scheduler, policy),     FIELD("nice", oci_scheduler, nice),
	FIELD("priority", oci_scheduler, priority),  FIELD("flags", oci_scheduler, flags),
	FIELD("runtime", oci_scheduler, runtime_ns), FIELD("deadline", oci_scheduler, deadline_ns),
	FIELD("period", oci_scheduler, period_ns),
};

static const struct json_type scheduler_type = JSON_TYPE(oci_scheduler, scheduler_rows);

static const struct json_row io_priority_rows[] = {
	ALWAYS("class", oci_io_priority, io_class),
	ALWAYS("priority", oci_io_priority, priority),
};

static const struct json_type io_priority_type = JSON_TYPE(oci_io_priority, io_priority_rows);

static const struct json_row cpu_affinity_rows[] = {
	FIELD("initial", oci_cpu_affinity, initial),
	FIELD("final", oci_cpu_affinity, final),
};

static const struct json_type cpu_affinity_type = JSON_TYPE(oci_cpu_affinity, cpu_affinity_rows);

static const struct json_row process_rows[] = {
	FIELD("terminal", oci_process, terminal),
	OBJECT("consoleSize", oci_process, console_size, console_size_type),
	{ .name = "user",
	  .kind = JSON_OBJ,
	  .offset = offsetof(struct oci_process, user),
	  .type = &oci_user_type },
	FIELD("args", oci_process, args),
	FIELD("commandLine", oci_process, command_line),
	FIELD("env", oci_process, env),
	ALWAYS("cwd", oci_process, cwd),
	OBJECT("capabilities", oci_process, capabilities, oci_capabilities_type),
	OBJECT("rlimits", oci_process, rlimits, rlimit_type),
	FIELD("noNewPrivileges", oci_process, no_new_privileges),
	FIELD("apparmorProfile", oci_process, apparmor_profile),
	FIELD("oomScoreAdj", oci_process, oom_score_adj),
	OBJECT("scheduler", oci_process, scheduler, scheduler_type),
	FIELD("selinuxLabel", oci_process, selinux_label),
	OBJECT("ioPriority", oci_process, io_priority, io_priority_type),
	OBJECT("execCPUAffinity", oci_process, exec_cpu_affinity, cpu_affinity_type),
};

const struct json_type oci_process_type = JSON_TYPE(oci_process, process_rows);
