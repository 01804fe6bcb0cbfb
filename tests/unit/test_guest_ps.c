#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include "agent/guest/files.h"
#include "agent/guest/net_link.h"
#include "agent/guest/ps_columns.h"

static const struct ps_machine machine = {
	.now_sec = 1700000000, .uptime_sec = 200000, .ticks = 100, .memory_kib = 1000
};

/* The headings that these words choose, joined; or the error. */
static void assert_chosen(const char *const *words, size_t n, const char *expected)
{
	auto_arena struct arena arena = { 0 };
	auto_strbuf struct strbuf out = { 0 };
	struct json_strs args = { .items = (const char **)words, .len = n };
	const struct ps_column *columns[PS_COLUMNS_MAX];
	const char *headers[PS_COLUMNS_MAX];
	struct error err = { 0 };
	size_t count;

	if (ps_choose(&args, &arena, columns, headers, &count, &err) < 0) {
		assert_string_equal(err.text, expected);
		return;
	}
	for (size_t i = 0; i < count; i++)
		strbuf_addf(&out, "%s%s", i ? " " : "", headers[i]);
	assert_string_equal(strbuf_str(&out), expected);
}

#define CHOSEN(expected, ...)                                                     \
	do {                                                                      \
		const char *const words[] = { __VA_ARGS__ };                      \
		assert_chosen(words, sizeof(words) / sizeof(words[0]), expected); \
	} while (0)

static void test_options_choose_columns(void **state)
{
	(void)state;
	assert_chosen(NULL, 0, "UID PID PPID C STIME TTY TIME CMD");
	CHOSEN("UID PID PPID C STIME TTY TIME CMD", "-ef");
	CHOSEN("PID TTY TIME CMD", "-e");
	CHOSEN("USER PID %CPU %MEM VSZ RSS TTY STAT START TIME COMMAND", "aux");
	CHOSEN("PID TTY STAT TIME COMMAND", "-e", "-x");
	CHOSEN("PID TTY STAT TIME COMMAND", "ax");
	CHOSEN("PID COMMAND", "-o", "pid,comm");
	CHOSEN("PID WHO COMMAND", "-eopid,user=WHO", "-o", "args");
	CHOSEN("PID PPID", "-eo", "pid ppid");
	CHOSEN("ps: unknown user-defined format specifier \"bogus\"", "-o", "pid,bogus");
	CHOSEN("ps: list of columns missing behind -o", "-o");
	CHOSEN("ps: the option \"-Z\" is not known here (-e -f -o LIST aux)", "-Z");
}

static const char *cell(const char *list, const struct ps_process *process, struct arena *arena)
{
	const char *words[] = { "-o", list };
	const struct json_strs args = { .items = words, .len = 2 };
	const struct ps_column *columns[PS_COLUMNS_MAX];
	const char *headers[PS_COLUMNS_MAX];
	size_t n;

	assert_int_equal(ps_choose(&args, arena, columns, headers, &n, NULL), 0);
	assert_int_equal(n, 1);
	return columns[0]->cell(process, &machine, arena);
}

static void test_cells(void **state)
{
	auto_arena struct arena arena = { 0 };
	/* for 100000 s of which it ran 25000 */
	const struct ps_process process = { .pid = 7,
					    .ppid = 1,
					    .uid = 0,
					    .gid = 5,
					    .state = 'S',
					    .tty = 136 << 8 | 3,
					    .rss = 250,
					    .cpu_ticks = 2500000,
					    .comm = "sh",
					    .args = "",
					    .start_ticks = 10000000 };

	(void)state;
	assert_string_equal(cell("pid", &process, &arena), "7");
	assert_string_equal(cell("user", &process, &arena), "root");
	assert_string_equal(cell("group", &process, &arena), "5");
	assert_string_equal(cell("args", &process, &arena), "[sh]");
	assert_string_equal(cell("tty", &process, &arena), "pts/3");
	assert_string_equal(cell("%cpu", &process, &arena), "25.0");
	assert_string_equal(cell("c", &process, &arena), "25");
	assert_string_equal(cell("%mem", &process, &arena), "25.0");
	assert_string_equal(cell("time", &process, &arena), "06:56:40");
	assert_string_equal(cell("bsdtime", &process, &arena), "416:40");
	assert_string_equal(cell("etime", &process, &arena), "1-03:46:40");
	/* 2023-11-13, and now it is the 14th */
	assert_string_equal(cell("stime", &process, &arena), "Nov13");
}

static void test_letters_of_the_state(void **state)
{
	auto_arena struct arena arena = { 0 };
	struct ps_process process = { .pid = 7, .pgid = 6, .sid = 5, .tty_pgid = -1, .state = 'R' };

	(void)state;
	assert_string_equal(cell("stat", &process, &arena), "R");
	assert_string_equal(cell("s", &process, &arena), "R");
	process.nice = 5;
	assert_string_equal(cell("stat", &process, &arena), "RN");
	process.nice = -5;
	process.sid = 7;
	process.threads = 2;
	process.tty_pgid = 6;
	assert_string_equal(cell("stat", &process, &arena), "R<sl+");
	assert_string_equal(cell("s", &process, &arena), "R");
}

static void test_end_of_an_object(void **state)
{
	static const char text[] = "{\"file\":\"a}\\\"}\",\"x\":{}}raw}";

	(void)state;
	assert_int_equal(files_object_len(text, sizeof(text) - 1), sizeof(text) - 1 - 4);
	assert_int_equal(files_object_len("{\"a\":\"", 6), 0);
	assert_int_equal(files_object_len("", 0), 0);
}

static void test_pci_addresses(void **state)
{
	static const char path[] =
		"../../devices/pci0000:00/0000:00:01.2/0000:01:05.0/virtio2/net/eth0";

	(void)state;
	assert_true(net_link_is_at(path, "0000:01:05.0"));
	assert_true(net_link_is_at(path, "01:05.0"));
	assert_false(net_link_is_at(path, "00:01.2"));
	assert_false(net_link_is_at(path, "5.0"));
	assert_false(net_link_is_at("../../devices/virtual/net/lo", "01:05.0"));
	assert_false(net_link_is_at("../../pci0001:00/0001:01:05.0/net/e", "01:05.0"));
	assert_true(net_link_is_at("../../pci0001:00/0001:01:05.0/net/e", "0001:01:05.0"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options_choose_columns),
		cmocka_unit_test(test_cells),
		cmocka_unit_test(test_letters_of_the_state),
		cmocka_unit_test(test_letters_of_the_state),
		cmocka_unit_test(test_end_of_an_object),
		cmocka_unit_test(test_pci_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
