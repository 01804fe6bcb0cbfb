/* Phases of commands: kept beside the state, appended to the trace. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "runtime/sandbox/timing.h"
#include "runtime/sandbox/trace.h"

struct place {
	char path[64];
	int fd;
};

static int setup(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	assert_non_null(place);
	(void)snprintf(place->path, sizeof(place->path), "/tmp/test-timing-XXXXXX");
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

static void run_command(const struct place *place, const char *command, bool repeated,
			const char *phase, int ret)
{
	int64_t begun = timing_begin(command, "c1");

	timing_keep(place->fd, repeated);
	timing_phase(phase, begun, ret);
	timing_end(ret);
}

static size_t count(const char *text, const char *word)
{
	size_t n = 0;

	while ((text = strstr(text, word))) {
		text += strlen(word);
		n++;
	}
	return n;
}

static void phases_are_kept_and_printed(void **state)
{
	const struct place *place = *state;
	auto_strbuf struct strbuf text = { 0 };
	struct error err = { 0 };

	run_command(place, "exec", true, "shim", -EIO);
	run_command(place, "create", false, "vm", 0);
	if (timing_format(place->fd, "c1", &text, &err) < 0)
		fail_msg("%s", err.text);
	assert_non_null(strstr(text.data, "\"id\": \"c1\""));
	assert_int_equal(count(text.data, "\"total\""), 2);
	assert_int_equal(count(text.data, "\"failed\": true"), 2);
	/* what happens once comes first, whenever it was */
	assert_true(strstr(text.data, "\"vm\"") < strstr(text.data, "\"shim\""));
}

static void nothing_kept_is_an_empty_list(void **state)
{
	const struct place *place = *state;
	auto_strbuf struct strbuf text = { 0 };
	struct error err = { 0 };

	timing_end(0);
	timing_phase("outside", clock_now_us(), 0);
	assert_int_equal(timing_format(place->fd, "c1", &text, &err), 0);
	assert_non_null(strstr(text.data, "\"timing\": []"));
}

static void a_damaged_file_is_an_error(void **state)
{
	const struct place *place = *state;
	auto_strbuf struct strbuf text = { 0 };
	struct error err = { 0 };

	assert_int_equal(fs_replace_at(place->fd, "timing", "{\"name\":\n", 9, 0600, false), 0);
	assert_true(timing_format(place->fd, "c1", &text, &err) < 0);
	assert_non_null(strstr(err.text, "timing of 'c1'"));
}

static void repeated_commands_are_bounded(void **state)
{
	const struct place *place = *state;
	struct stat st;

	for (int i = 0; i < 3000; i++)
		run_command(place, "exec", true, "shim", 0);
	assert_int_equal(fstatat(place->fd, "timing-repeated", &st, 0), 0);
	assert_true(st.st_size <= (64 << 10) + 1024);
	assert_int_equal(fstatat(place->fd, "timing-repeated.old", &st, 0), 0);
	assert_true(st.st_size > 64 << 10);
	assert_true(st.st_size <= (64 << 10) + 1024);
}

static void more_phases_than_fit_keep_the_total(void **state)
{
	const struct place *place = *state;
	auto_strbuf struct strbuf text = { 0 };
	struct error err = { 0 };

	(void)timing_begin("create", "c1");
	timing_keep(place->fd, false);
	for (int i = 0; i < 100; i++)
		timing_phase("one", clock_now_us(), 0);
	timing_end(0);
	assert_int_equal(timing_format(place->fd, "c1", &text, &err), 0);
	assert_int_equal(count(text.data, "\"one\""), 32);
	assert_int_equal(count(text.data, "\"total\""), 1);
}

static void the_trace_is_opened_once_and_quoted(void **state)
{
	const struct place *place = *state;
	const struct trace_event event = {
		.name = "a\"b", .begun_us = 5, .took_us = 7, .failed = true
	};
	auto_strbuf struct strbuf text = { 0 };
	struct error err = { 0 };
	char path[96];

	assert_int_equal(trace_open(NULL, &err), 0);
	trace_write("none", "c1", &event, 1);
	(void)snprintf(path, sizeof(path), "%s/no/trace", place->path);
	assert_int_equal(trace_open(path, &err), -ENOENT);
	assert_non_null(strstr(err.text, path));
	(void)snprintf(path, sizeof(path), "%s/trace", place->path);
	assert_int_equal(trace_open(path, &err), 0);
	trace_write("exec", "c1", &event, 1);
	trace_write("exec", "c1", &event, 1);
	assert_int_equal(fs_read_file_at(place->fd, "trace", &text, 65536), 0);
	assert_memory_equal(text.data, "[\n{", 3);
	assert_int_equal(count(text.data, "["), 1);
	assert_int_equal(count(text.data, "\"name\":\"a\\\"b\",\"ph\":\"X\""), 2);
	assert_int_equal(count(text.data, "\"ts\":5,\"dur\":7,\"cat\":\"exec\""), 2);
	assert_int_equal(count(text.data, "\"args\":{\"id\":\"c1\",\"failed\":true}},\n"), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(phases_are_kept_and_printed, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_kept_is_an_empty_list, setup, teardown),
		cmocka_unit_test_setup_teardown(a_damaged_file_is_an_error, setup, teardown),
		cmocka_unit_test_setup_teardown(repeated_commands_are_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(more_phases_than_fit_keep_the_total, setup,
						teardown),
		cmocka_unit_test_setup_teardown(the_trace_is_opened_once_and_quoted, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
