/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include "base/fs.h"
#include "oci/names.h"
#include "oci/state.h"

#define GOLDEN TEST_SOURCE_DIR "/tests/golden/"

static struct json_pair annotations[] = {
	{ "org.example.b", "2 < 3 & \"so\"" },
	{ "org.example.a", "" },
};

static const struct oci_state running = {
	.oci_version = "1.2.1",
	.id = "kiwi",
	.pid = 4711,
	.status = OCI_STATUS_RUNNING,
	.bundle = "/bundles/kiwi",
	.rootfs = "/bundles/kiwi/rootfs",
	.created = "2024-02-29T12:00:00.123456789Z",
	.annotations = { annotations, 2 },
	.owner = "root",
};

static const struct oci_state stopped = {
	.oci_version = "1.2.1",
	.id = "kiwi",
	.status = OCI_STATUS_STOPPED,
	.bundle = "/bundles/kiwi",
	.rootfs = "/bundles/kiwi/rootfs",
	.created = "2024-02-29T12:00:00.123456789Z",
	.owner = "",
};

static void assert_golden(const char *file, const struct strbuf *text)
{
	auto_strbuf struct strbuf golden = { 0 };

	assert_int_equal(fs_read_file_at(AT_FDCWD, file, &golden, 1 << 20), 0);
	assert_string_equal(strbuf_str(text), strbuf_str(&golden));
}

static void test_state_as_runc_prints_it(void **state)
{
	auto_strbuf struct strbuf text = { 0 };

	(void)state;
	assert_int_equal(oci_state_format(&running, &text), 0);
	assert_golden(GOLDEN "state_running.json", &text);
	strbuf_clear(&text);
	assert_int_equal(oci_state_format(&stopped, &text), 0);
	assert_golden(GOLDEN "state_stopped.json", &text);
}

static void test_state_for_hooks(void **state)
{
	auto_strbuf struct strbuf text = { 0 };

	(void)state;
	assert_int_equal(oci_state_format_hook(&running, &text), 0);
	assert_golden(GOLDEN "state_hook.json", &text);
	strbuf_clear(&text);
	assert_int_equal(oci_state_format_hook(&stopped, &text), 0);
	assert_string_equal(strbuf_str(&text),
			    "{\"ociVersion\":\"1.2.1\",\"id\":\"kiwi\","
			    "\"status\":\"stopped\",\"bundle\":\"/bundles/kiwi\"}");
}

static void test_state_is_read_back(void **state)
{
	auto_arena struct arena arena = { 0 };
	auto_strbuf struct strbuf text = { 0 };
	struct oci_state got;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(oci_state_format(&running, &text), 0);
	assert_int_equal(json_decode(&oci_state_type, strbuf_str(&text), text.len, NULL, &arena,
				     &got, &err),
			 0);
	assert_int_equal(got.status, OCI_STATUS_RUNNING);
	assert_true(got.pid == 4711);
	assert_string_equal(got.created, running.created);
	assert_int_equal(got.annotations.len, 2);
	assert_string_equal(got.annotations.items[0].value, "2 < 3 & \"so\"");
}

static void test_status_words(void **state)
{
	(void)state;
	assert_string_equal(oci_status_name(OCI_STATUS_CREATING), "creating");
	assert_string_equal(oci_status_name(OCI_STATUS_PAUSED), "paused");
	assert_string_equal(oci_status_name(-1), "unknown");
	assert_string_equal(oci_status_name(OCI_STATUS_STOPPED + 1), "unknown");
	assert_int_equal(oci_status_parse("created"), OCI_STATUS_CREATED);
	assert_int_equal(oci_status_parse("stopped"), OCI_STATUS_STOPPED);
	assert_int_equal(oci_status_parse("Stopped"), -EINVAL);
}

static void test_kernel_numbers(void **state)
{
	(void)state;
	assert_int_equal(oci_namespace_flag("network"), 0x40000000);
	assert_int_equal(oci_namespace_flag("time"), 0x80);
	assert_int_equal(oci_namespace_flag("net"), -EINVAL);
	assert_int_equal(oci_rlimit_number("RLIMIT_NOFILE"), 7);
	assert_int_equal(oci_rlimit_number("NOFILE"), -EINVAL);
	assert_int_equal(oci_capability_number("CAP_CHOWN"), 0);
	assert_int_equal(oci_capability_number("cap_sys_admin"), 21);
	assert_int_equal(oci_capability_number("CHOWN"), -EINVAL);
	assert_string_equal(oci_capability_name(40), "CAP_CHECKPOINT_RESTORE");
	assert_null(oci_capability_name(41));
	assert_null(oci_capability_name(-1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_state_as_runc_prints_it),
		cmocka_unit_test(test_state_for_hooks),
		cmocka_unit_test(test_state_is_read_back),
		cmocka_unit_test(test_status_words),
		cmocka_unit_test(test_kernel_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
