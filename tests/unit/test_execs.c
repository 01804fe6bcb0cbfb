/* The list of exec's processes, and what an exec is to run. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/proc.h"
#include "base/spawn.h"
#include "runtime/sandbox/exec.h"
#include "runtime/sandbox/execs.h"

struct place {
	char path[64];
	int fd;
};

static int setup(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	assert_non_null(place);
	(void)snprintf(place->path, sizeof(place->path), "/tmp/test-execs-XXXXXX");
	assert_non_null(mkdtemp(place->path));
	place->fd = fs_open_dir_at(AT_FDCWD, place->path);
	assert_true(place->fd >= 0);
	*state = place;
	return 0;
}

static int teardown(void **state)
{
	struct place *place = *state;

	close(place->fd);
	assert_int_equal(fs_remove_tree_at(AT_FDCWD, place->path), 0);
	free(place);
	return 0;
}

static int record_child(void *arg, struct error *err)
{
	const struct place *place = arg;

	return execs_add_self(place->fd, err);
}

static pid_t recorded_sleeper(struct place *place, const char *seconds, struct proc_id *id)
{
	const char *const argv[] = { "sleep", seconds, NULL };
	const struct spawn sp = {
		.path = "/bin/sleep", .argv = argv, .prepare = record_child, .prepare_arg = place
	};
	struct error err = { 0 };
	pid_t pid;

	if (spawn_start(&sp, &pid, &err) < 0)
		fail_msg("%s", err.text);
	if (id)
		assert_int_equal(proc_identify(pid, id), 0);
	return pid;
}

static bool is_recorded(const struct place *place, const struct proc_id *id)
{
	char name[64];

	(void)snprintf(name, sizeof(name), "execs/%lld-%llu", (long long)id->pid,
		       (unsigned long long)id->start_time);
	return fs_exists_at(place->fd, name) == 1;
}

static void assert_killed(pid_t pid)
{
	int status = 0;

	assert_int_equal(waitpid(pid, &status, WNOHANG), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
}

static void all_that_live_are_ended(void **state)
{
	struct place *place = *state;
	struct proc_id a, b;
	pid_t pid_a = recorded_sleeper(place, "1000", &a);
	pid_t pid_b = recorded_sleeper(place, "1000", &b);

	assert_true(is_recorded(place, &a));
	assert_true(is_recorded(place, &b));
	execs_end(place->fd, 20);
	assert_killed(pid_a);
	assert_killed(pid_b);
	execs_end(place->fd, 20);
}

static void one_that_ends_by_itself_is_waited_for(void **state)
{
	struct place *place = *state;
	pid_t pid = recorded_sleeper(place, "0.1", NULL);
	int status = -1;

	execs_end(place->fd, 10000);
	assert_int_equal(waitpid(pid, &status, WNOHANG), pid);
	assert_int_equal(status, 0);
}

static void an_ended_one_is_forgotten_by_the_next(void **state)
{
	struct place *place = *state;
	struct proc_id a, b;
	pid_t pid_a = recorded_sleeper(place, "1000", &a);
	pid_t pid_b;

	assert_int_equal(kill(pid_a, SIGKILL), 0);
	assert_int_equal(waitpid(pid_a, NULL, 0), pid_a);
	assert_true(is_recorded(place, &a));
	pid_b = recorded_sleeper(place, "1000", &b);
	assert_false(is_recorded(place, &a));
	assert_true(is_recorded(place, &b));
	execs_end(place->fd, 0);
	assert_killed(pid_b);
}

/* A pid that somebody else has by now, and names that are none of ours. */
static void others_are_left_alone(void **state)
{
	struct place *place = *state;
	const char *const argv[] = { "sleep", "1000", NULL };
	const struct spawn sp = { .path = "/bin/sleep", .argv = argv };
	const struct {
		const char *before, *after;
	} forms[] = { { "", "-1" }, { "", "" }, { "", "-" }, { "-", "-1" }, { "", "x-1" } };
	struct error err = { 0 };
	pid_t pid;

	assert_int_equal(spawn_start(&sp, &pid, &err), 0);
	assert_int_equal(mkdirat(place->fd, "execs", 0700), 0);
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		char name[64];

		(void)snprintf(name, sizeof(name), "execs/%s%d%s", forms[i].before, (int)pid,
			       forms[i].after);
		assert_int_equal(fs_replace_at(place->fd, name, "", 0, 0600, false), 0);
	}
	execs_end(place->fd, 0);
	assert_int_equal(kill(pid, 0), 0);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* --- what is to run --- */

static const char config[] =
	"{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"rootfs\"},\"process\":{\"terminal\":true,\"cwd\":\"/\","
	"\"args\":[\"sh\"],\"env\":[\"A=1\"],\"user\":{\"uid\":1,\"gid\":2,\"additionalGids\":[3]}}}";

static void options_change_the_process_of_the_bundle(void **state)
{
	const struct place *place = *state;
	const char *args[] = { "ls", "-l" }, *env[] = { "B=2" }, *gids[] = { "4" },
		   *caps[] = { "CAP_KILL" };
	const struct exec_request request = {
		.args = { args, 2 },
		.env = { env, 1 },
		.gids = { gids, 1 },
		.caps = { caps, 1 },
		.cwd = "/tmp",
		.user = "10:20",
	};
	auto_arena struct arena arena = { 0 };
	struct oci_process process;
	struct error err = { 0 };

	assert_int_equal(fs_replace_at(place->fd, "config.json", config, sizeof(config) - 1, 0600,
				       false),
			 0);
	if (exec_read_process(&request, place->path, &arena, &process, &err) < 0)
		fail_msg("%s", err.text);
	assert_false(process.terminal);
	assert_int_equal(process.args.len, 2);
	assert_string_equal(process.args.items[1], "-l");
	assert_int_equal(process.env.len, 2);
	assert_string_equal(process.env.items[0], "A=1");
	assert_string_equal(process.env.items[1], "B=2");
	assert_string_equal(process.cwd, "/tmp");
	assert_int_equal(process.user.uid, 10);
	assert_int_equal(process.user.gid, 20);
	assert_int_equal(process.user.additional_gids.len, 2);
	assert_int_equal(process.user.additional_gids.items[1], 4);
	assert_int_equal(process.capabilities->permitted.len, 1);
	assert_int_equal(process.capabilities->inheritable.len, 0);
}

static void a_file_is_taken_as_it_is(void **state)
{
	static const char text[] = "{\"cwd\":\"/home\",\"args\":[\"id\"],\"terminal\":true}";
	const struct place *place = *state;
	char path[96];
	const struct exec_request request = { .process_file = path, .cwd = "/unused" };
	auto_arena struct arena arena = { 0 };
	struct oci_process process;
	struct error err = { 0 };

	(void)snprintf(path, sizeof(path), "%s/process.json", place->path);
	assert_int_equal(exec_read_process(&request, place->path, &arena, &process, &err), -ENOENT);
	assert_non_null(strstr(err.text, path));
	assert_int_equal(fs_replace_at(AT_FDCWD, path, text, sizeof(text) - 1, 0600, false), 0);
	if (exec_read_process(&request, place->path, &arena, &process, &err) < 0)
		fail_msg("%s", err.text);
	assert_true(process.terminal);
	assert_string_equal(process.cwd, "/home");
}

static void mistakes_are_named(void **state)
{
	static const struct {
		const char *user, *gid, *text;
	} cases[] = {
		{ "root", NULL, "parsing root as int for uid failed" },
		{ "1:", NULL, "parsing  as int for gid failed" },
		{ "1:-2", NULL, "parsing -2 as int for gid failed" },
		{ "4294967296", NULL, "parsing 4294967296 as int for uid failed" },
		{ NULL, "-1", "additional-gids must be a positive number: -1" },
	};
	const struct place *place = *state;
	const char *args[] = { "ls" };
	auto_arena struct arena arena = { 0 };
	struct oci_process process;
	struct error err = { 0 };
	struct exec_request none = { 0 };

	assert_int_equal(fs_replace_at(place->fd, "config.json", config, sizeof(config) - 1, 0600,
				       false),
			 0);
	assert_int_equal(exec_read_process(&none, place->path, &arena, &process, &err), -EINVAL);
	assert_string_equal(err.text, "process args cannot be empty");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *gids[] = { cases[i].gid };
		const struct exec_request request = { .args = { args, 1 },
						      .user = cases[i].user,
						      .gids = { gids, cases[i].gid != NULL } };

		assert_true(exec_read_process(&request, place->path, &arena, &process, &err) < 0);
		assert_string_equal(err.text, cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(all_that_live_are_ended, setup, teardown),
		cmocka_unit_test_setup_teardown(one_that_ends_by_itself_is_waited_for, setup,
						teardown),
		cmocka_unit_test_setup_teardown(an_ended_one_is_forgotten_by_the_next, setup,
						teardown),
		cmocka_unit_test_setup_teardown(others_are_left_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(options_change_the_process_of_the_bundle, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_file_is_taken_as_it_is, setup, teardown),
		cmocka_unit_test_setup_teardown(mistakes_are_named, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
