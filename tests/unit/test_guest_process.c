/* Small decisions about a container's process: capabilities, namespaces, signals, the program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <cmocka.h>

#include "agent/guest/caps.h"
#include "agent/guest/fail.h"
#include "agent/guest/ns.h"
#include "agent/guest/program.h"
#include "agent/guest/signals.h"

static void test_caps(void **state)
{
	const char *names[] = { "CAP_CHOWN", "CAP_NO_SUCH_THING", "CAP_SYS_ADMIN",
				"CAP_CHECKPOINT_RESTORE" };
	struct oci_capabilities sets = { .bounding = { .items = names, .len = 4 },
					 .ambient = { .items = names, .len = 1 } };
	struct caps caps;

	(void)state;
	caps_parse(&sets, &caps);
	assert_true(caps.bounding ==
		    (1ULL << CAP_CHOWN | 1ULL << CAP_SYS_ADMIN | 1ULL << CAP_CHECKPOINT_RESTORE));
	assert_true(caps.ambient == 1ULL << CAP_CHOWN);
	assert_true(caps.effective == 0);
	caps_parse(NULL, &caps);
	assert_true(caps.bounding == 0);
}

static void test_namespaces(void **state)
{
	struct oci_namespace rows[] = { { .type = "pid" },
					{ .type = "network" },
					{ .type = "mount" },
					{ .type = "ipc", .path = "/proc/7/ns/ipc" },
					{ .type = "uts", .path = "" } };
	struct oci_linux linux_ = { .namespaces = { .items = rows, .len = 5 } };
	struct oci_spec spec = { .linux_ = &linux_ };
	struct ns_plan plan;
	struct error err;

	(void)state;
	assert_int_equal(ns_make_plan(&spec, true, &plan, &err), 0);
	assert_int_equal(plan.new_flags, CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS);
	assert_int_equal(plan.join_flags, CLONE_NEWIPC);
	assert_int_equal(ns_make_plan(&spec, false, &plan, &err), 0);
	assert_int_equal(plan.new_flags, CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC);
	assert_int_equal(plan.join_flags, 0);
	rows[0].type = "nonsense";
	assert_true(ns_make_plan(&spec, true, &plan, &err) < 0);
	assert_string_equal(err.text, "namespace type \"nonsense\" does not exist");
	rows[0] = (struct oci_namespace){ .type = "user", .path = "/proc/7/ns/user" };
	assert_int_equal(ns_make_plan(&spec, true, &plan, &err), 0);
	assert_int_equal(plan.join_flags, CLONE_NEWUSER | CLONE_NEWIPC);
	/* to be made after all, by no mappings */
	assert_true(ns_make_plan(&spec, false, &plan, &err) < 0);
	assert_string_equal(err.text, "user namespaces enabled, but no uid and gid mappings found");
	spec.linux_ = NULL;
	assert_int_equal(ns_make_plan(&spec, true, &plan, &err), 0);
	assert_int_equal(plan.new_flags, CLONE_NEWNS);
}

/* The path of a namespace of another container is that container's id. */
static void test_namespaces_of_others(void **state)
{
	struct oci_namespace rows[] = { { .type = "pid", .path = "debugged" },
					{ .type = "ipc", .path = "first" },
					{ .type = "uts", .path = "/proc/7/ns/uts" } };
	struct oci_linux linux_ = { .namespaces = { .items = rows, .len = 3 } };
	const struct oci_spec spec = { .linux_ = &linux_ };
	struct ns_plan plan;
	struct error err;

	(void)state;
	assert_int_equal(ns_make_plan(&spec, true, &plan, &err), 0);
	assert_int_equal(plan.join_flags, CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS);
	assert_string_equal(plan.pid_id, "debugged");
	assert_string_equal(plan.join_id, "first");
	rows[2].path = "second";
	assert_int_equal(ns_make_plan(&spec, true, &plan, &err), -ENOTSUP);
	assert_string_equal(err.text, "namespaces of both container 'first' and container 'second' "
				      "can't be joined");
}

static void test_signals(void **state)
{
	static const char text[] =
		"Name:\tx\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000001000\nSigCgt:\t8000000000004002\n";

	(void)state;
	assert_true(signals_in_set(text, "SigCgt:", SIGINT));
	assert_true(signals_in_set(text, "SigCgt:", SIGTERM));
	assert_true(signals_in_set(text, "SigCgt:", 64));
	assert_false(signals_in_set(text, "SigCgt:", SIGHUP));
	assert_true(signals_in_set(text, "SigIgn:", SIGPIPE));
	assert_false(signals_in_set(text, "SigBlk:", SIGTERM));
	assert_false(signals_in_set(text, "SigCgt:", 65));
	assert_false(signals_in_set(text, "SigCgt:", 0));
	assert_false(signals_in_set("", "SigCgt:", SIGINT));
	assert_true(signals_default_kills(SIGTERM));
	assert_true(signals_default_kills(64));
	assert_false(signals_default_kills(SIGCHLD));
	assert_false(signals_default_kills(SIGWINCH));
	assert_false(signals_default_kills(0));
	assert_false(signals_default_kills(65));
}

static void test_environment(void **state)
{
	const char *items[] = { "A=1", "AB=2", "A=3", "EMPTY=" };
	struct json_strs env = { .items = items, .len = 4 };

	(void)state;
	assert_string_equal(program_getenv(&env, "A"), "3");
	assert_string_equal(program_getenv(&env, "EMPTY"), "");
	assert_null(program_getenv(&env, "B"));
}

static void test_program(void **state)
{
	const char *items[] = { "PATH=/no/such/dir::/bin" };
	struct json_strs env = { .items = items, .len = 1 };
	struct error err = { 0 };
	char *path;

	(void)state;
	assert_int_equal(program_find("sh", &env, &path, &err), 0);
	assert_string_equal(path, "/bin/sh");
	free(path);
	assert_int_equal(program_find("no-such-program", &env, &path, &err), -ENOENT);
	assert_string_equal(err.text,
			    "exec: \"no-such-program\": executable file not found in $PATH");
	assert_null(path);
	assert_int_equal(program_find("/no/such", &env, &path, &err), -ENOENT);
	assert_string_equal(err.text,
			    "exec: \"/no/such\": stat /no/such: no such file or directory");
	assert_int_equal(program_find("/etc/passwd", &env, &path, &err), -EACCES);
	assert_string_equal(err.text, "exec: \"/etc/passwd\": permission denied");
	assert_int_equal(program_find("", &env, &path, &err), -ENOENT);
}

static void test_error_text(void **state)
{
	struct error err;

	(void)state;
	assert_int_equal(fail_set(&err, -EPERM, "do %d", 7), -EPERM);
	assert_string_equal(err.text, "do 7: operation not permitted");
	assert_int_equal(fail_set(&err, -EXDEV, "x"), -EXDEV);
	assert_string_equal(err.text, "x: invalid cross-device link");
	assert_int_equal(fail_set(&err, 0, "x"), -EINVAL);
	assert_int_equal(fail_set(NULL, -EIO, "x"), -EIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_caps),
		cmocka_unit_test(test_namespaces),
		cmocka_unit_test(test_namespaces_of_others),
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_program),
		cmocka_unit_test(test_error_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
