/* The backend's command lines, as its golden files have them, held against the device model's
 * parser: it must take them, and do nothing wrong in silence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "base/strbuf.h"
#include "base/strvec.h"
#include "tests/standins/acrn/dm_parse.h"

enum { GOLDEN_MAX = 64 << 10 };

#define GOLDEN TEST_SOURCE_DIR "/tests/golden/acrn/"

static void read_argv(const char *name, struct strvec *argv)
{
	auto_strbuf struct strbuf text = { 0 };
	char path[512];

	(void)snprintf(path, sizeof(path), GOLDEN "%s.args", name);
	assert_int_equal(fs_read_file_at(AT_FDCWD, path, &text, GOLDEN_MAX), 0);
	for (char *line = text.data; line && *line;) {
		char *end = strchrnul(line, '\n');
		bool last = !*end;

		*end = '\0';
		assert_int_equal(strvec_add(argv, line), 0);
		line = last ? NULL : end + 1;
	}
}

static void check(const char *profile, const char *name, struct dm_config *cfg)
{
	auto_strvec struct strvec argv = { 0 };
	int ret;

	read_argv(name, &argv);
	*cfg = (struct dm_config){ .profile = dm_profile_find(profile), .no_files = true };
	ret = dm_parse(cfg, (int)argv.len, argv.items);
	if (ret != DM_GO_ON || cfg->faults.len)
		fail_msg("%s on %s: %d, %s", name, profile, ret,
			 cfg->faults.len ? cfg->faults.items[0] : "no fault");
}

static void test_taken_without_a_fault(void **state)
{
	static const char *const rows[][2] = {
		{ "1.2", "1.x" },
		{ "2.0", "2.0" },
		{ "2.0", "2.x" },
		{ "2.6", "2.6" },
		{ "2.7", "2.7" },
		{ "3.0", "3.x" },
		{ "3.4", "3.x" },
		{ "2.7", "bare-macvtap-2.7" },
		{ "3.4", "bare-macvtap" },
		{ "3.4", "debug-initrd-vsock" },
		{ "3.4", "longest-socket" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dm_config cfg;

		check(rows[i][0], rows[i][1], &cfg);
		dm_config_done(&cfg);
	}
}

/* What a usual machine turns out to be. */
static void test_machine(void **state)
{
	struct dm_config cfg;
	unsigned disks = 0;

	(void)state;
	check("3.4", "3.x", &cfg);
	for (unsigned i = 0; i < cfg.n_devices; i++)
		disks += cfg.devices[i].kind == DM_BLK && cfg.devices[i].blk.nodisk;
	assert_int_equal(disks, 8);
	assert_true(dm_find_device(&cfg, 4, 0)->blk.readonly);
	assert_string_equal(dm_find_device(&cfg, 13, 0)->console.ports[0].name,
			    "sh.hyper.channel.0");
	assert_true(dm_find_device(&cfg, 15, 0)->net.open_tap);
	assert_string_equal(dm_find_device(&cfg, 15, 0)->net.tap, "tap0_kata");
	assert_int_equal(dm_vcpus(&cfg), 2);
	assert_non_null(cfg.cmd_monitor);
	dm_config_done(&cfg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_taken_without_a_fault),
		cmocka_unit_test(test_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
