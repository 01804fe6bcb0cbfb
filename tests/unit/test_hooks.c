#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/cleanup.h"
#include "runtime/sandbox/hooks.h"

/* A directory that serves as the bundle: hooks run in it and leave their files there. */
struct place {
	char path[64];
	int dir;
	struct oci_state state;
};

static int setup(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	assert_non_null(place);
	(void)snprintf(place->path, sizeof(place->path), "/tmp/test-hooks-XXXXXX");
	assert_non_null(mkdtemp(place->path));
	place->dir = open(place->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(place->dir >= 0);
	place->state = (struct oci_state){ .oci_version = "1.2.0",
					   .id = "box",
					   .pid = 42,
					   .status = OCI_STATUS_CREATED,
					   .bundle = place->path };
	*state = place;
	return 0;
}

static int teardown(void **state)
{
	struct place *place = *state;

	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	assert_int_equal(fs_remove_tree_at(AT_FDCWD, place->path), 0);
	(void)close(place->dir);
	free(place);
	return 0;
}

static void assert_text(const struct place *place, const char *name, const char *expected)
{
	auto_strbuf struct strbuf text = { 0 };

	assert_int_equal(fs_read_file_at(place->dir, name, &text, 1 << 20), 0);
	assert_string_equal(strbuf_str(&text), expected);
}

/* A hook that runs a shell script. items has room for four. */
static struct oci_hook script(const char *items[4], const char *text)
{
	items[0] = "sh";
	items[1] = "-c";
	items[2] = text;
	items[3] = "zero";
	return (struct oci_hook){ .path = "/bin/sh", .args = { items, 4 } };
}

static int run_script(const struct place *place, const char *text, int timeout_s, struct error *err)
{
	const char *items[4];
	struct oci_hook hook = script(items, text);
	const struct json_objs hooks = { &hook, 1 };

	hook.timeout_s = (struct opt_i32){ .set = timeout_s > 0, .value = timeout_s };
	return hooks_run("prestart", &hooks, &place->state, err);
}

static void the_state_is_on_stdin(void **state)
{
	struct place *place = *state;
	auto_strbuf struct strbuf expected = { 0 };
	struct error err = { 0 };

	assert_int_equal(oci_state_format_hook(&place->state, &expected), 0);
	assert_non_null(strstr(strbuf_str(&expected), "\"pid\":42"));
	assert_int_equal(run_script(place, "cat >seen", 0, &err), 0);
	assert_text(place, "seen", strbuf_str(&expected));
}

static void args_env_and_directory(void **state)
{
	struct place *place = *state;
	const char *env[] = { "A=b c", "ONLY=this" };
	const char *items[4];
	struct oci_hook hook = script(items, "echo \"$0\" >args; /usr/bin/env | grep -v ^_ | grep "
					     "-v ^PWD | grep -v ^SHLVL | sort >env; pwd >dir");
	const struct json_objs hooks = { &hook, 1 };
	auto_strbuf struct strbuf dir = { 0 };
	struct error err = { 0 };

	hook.env = (struct json_strs){ env, 2 };
	if (hooks_run("prestart", &hooks, &place->state, &err) < 0)
		fail_msg("%s", err.text);
	assert_text(place, "args", "zero\n");
	assert_text(place, "env", "A=b c\nONLY=this\n");
	(void)strbuf_addf(&dir, "%s\n", place->path);
	assert_text(place, "dir", strbuf_str(&dir));
}

static void without_args_the_path_is_the_name(void **state)
{
	struct place *place = *state;
	auto_strbuf struct strbuf path = { 0 };
	auto_strbuf struct strbuf expected = { 0 };
	static const char text[] = "#!/bin/sh\necho \"$0:$#\" >name\n";
	struct oci_hook hook = { 0 };
	const struct json_objs hooks = { &hook, 1 };
	struct error err = { 0 };

	(void)strbuf_addf(&path, "%s/hook", place->path);
	(void)strbuf_addf(&expected, "%s/hook:0\n", place->path);
	assert_int_equal(fs_replace_at(place->dir, "hook", text, strlen(text), 0755, false), 0);
	hook.path = strbuf_str(&path);
	if (hooks_run("prestart", &hooks, &place->state, &err) < 0)
		fail_msg("%s", err.text);
	assert_text(place, "name", strbuf_str(&expected));
}

static void a_failure_tells_what_the_hook_said(void **state)
{
	struct place *place = *state;
	struct error err = { 0 };

	assert_int_equal(run_script(place, "echo out; echo err >&2; exit 7", 0, &err), -ECANCELED);
	assert_string_equal(err.text, "error running prestart hook #0: '/bin/sh' failed: exit "
				      "status 7, output: out err");
	assert_int_equal(run_script(place, "kill -KILL $$", 0, &err), -ECANCELED);
	assert_non_null(strstr(err.text, "exit status 137 (signal: killed)"));
}

static void endless_output_is_cut(void **state)
{
	struct place *place = *state;
	struct error err = { 0 };

	assert_int_equal(run_script(place, "head -c 1000000 /dev/zero | tr '\\0' x; exit 1", 0,
				    &err),
			 -ECANCELED);
	assert_true(strlen(err.text) > 1000);
	assert_true(strlen(err.text) < ERROR_TEXT_MAX);
}

static void a_missing_hook_is_named(void **state)
{
	struct place *place = *state;
	struct oci_hook hook = { .path = "/no/such/hook" };
	const struct json_objs hooks = { &hook, 1 };
	struct error err = { 0 };

	assert_int_equal(hooks_run("createRuntime", &hooks, &place->state, &err), -ENOENT);
	assert_non_null(strstr(err.text, "error running createRuntime hook #0: "));
	assert_non_null(strstr(err.text, "/no/such/hook"));
}

static void a_slow_hook_is_ended(void **state)
{
	struct place *place = *state;
	int64_t begun = clock_now_ms();
	struct error err = { 0 };

	assert_int_equal(run_script(place, "exec sleep 100", 1, &err), -ETIMEDOUT);
	assert_string_equal(err.text, "error running prestart hook #0: '/bin/sh' ran past its "
				      "timeout of 1 s");
	assert_true(clock_now_ms() - begun >= 1000);
	assert_true(clock_now_ms() - begun < 50000);
}

static void the_longest_timeout_is_none(void **state)
{
	struct place *place = *state;
	struct error err = { 0 };

	if (run_script(place, "sleep 0.1; echo x >done", INT32_MAX, &err) < 0)
		fail_msg("%s", err.text);
	assert_text(place, "done", "x\n");
}

/* Three hooks, each adding a letter to a file; the second fails. */
static struct json_objs three(struct oci_hook hooks[3], const char *items[3][4])
{
	static const char *const texts[] = { "printf a >>trace", "printf b >>trace; exit 3",
					     "printf c >>trace" };

	for (size_t i = 0; i < 3; i++)
		hooks[i] = script(items[i], texts[i]);
	return (struct json_objs){ hooks, 3 };
}

static void the_first_failure_stops(void **state)
{
	struct place *place = *state;
	const char *items[3][4];
	struct oci_hook list[3];
	const struct json_objs hooks = three(list, items);
	struct error err = { 0 };

	assert_int_equal(hooks_run("poststart", &hooks, &place->state, &err), -ECANCELED);
	assert_non_null(strstr(err.text, "error running poststart hook #1: "));
	assert_text(place, "trace", "ab");
}

static void poststop_runs_all_and_warns(void **state)
{
	struct place *place = *state;
	const char *items[3][4];
	struct oci_hook list[3];
	const struct json_objs hooks = three(list, items);
	auto_strbuf struct strbuf log = { 0 };
	auto_close int fd =
		openat(place->dir, "log", O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	log_use_fd(fd, LOG_TEXT, LOG_INFO);
	hooks_run_all("poststop", &hooks, &place->state);
	log_use_fd(STDERR_FILENO, LOG_TEXT, LOG_INFO);
	assert_text(place, "trace", "abc");
	assert_int_equal(fs_read_file_at(place->dir, "log", &log, 1 << 16), 0);
	assert_non_null(strstr(strbuf_str(&log), "level=warning"));
	assert_non_null(strstr(strbuf_str(&log), "error running poststop hook #1: "));
	assert_null(strstr(strbuf_str(&log), "hook #0"));
	assert_null(strstr(strbuf_str(&log), "hook #2"));
}

static void no_hooks_are_fine(void **state)
{
	struct place *place = *state;
	const struct json_objs hooks = { 0 };
	struct error err = { 0 };

	assert_int_equal(hooks_run("prestart", &hooks, &place->state, &err), 0);
	assert_int_equal(err.code, 0);
}

#define IN_PLACE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PLACE(the_state_is_on_stdin),
		IN_PLACE(args_env_and_directory),
		IN_PLACE(without_args_the_path_is_the_name),
		IN_PLACE(a_failure_tells_what_the_hook_said),
		IN_PLACE(endless_output_is_cut),
		IN_PLACE(a_missing_hook_is_named),
		IN_PLACE(a_slow_hook_is_ended),
		IN_PLACE(the_longest_timeout_is_none),
		IN_PLACE(the_first_failure_stops),
		IN_PLACE(poststop_runs_all_and_warns),
		IN_PLACE(no_hooks_are_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
