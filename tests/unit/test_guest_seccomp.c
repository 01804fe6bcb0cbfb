/* Filters are built and refused here; what they do is seen in the machine. */
#include "agent/guest/seccomp.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

/* Builds (and drops) the filter of a linux.seccomp object. */
static int build(const char *json, struct error *err)
{
	auto_arena struct arena arena = { 0 };
	struct oci_seccomp wanted;
	struct seccomp_filter *filter = NULL;
	int ret;

	assert_int_equal(
		json_decode(&oci_seccomp_type, json, strlen(json), NULL, &arena, &wanted, NULL), 0);
	ret = seccomp_make_filter(&wanted, &filter, err);
	assert_true((ret == 0) == (filter != NULL));
	seccomp_drop_filter(filter);
	return ret;
}

static void assert_refused(const char *json, const char *text)
{
	struct error err = { 0 };

	assert_true(build(json, &err) < 0);
	assert_string_equal(err.text, text);
}

static void test_no_filter(void **state)
{
	struct seccomp_filter *filter = NULL;

	(void)state;
	assert_int_equal(seccomp_make_filter(NULL, &filter, NULL), 0);
	assert_null(filter);
	assert_int_equal(seccomp_load_filter(NULL, NULL), 0);
}

static void test_good_filters(void **state)
{
	static const char *const rows[] = {
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\"}",
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":38,"
		"\"architectures\":[\"SCMP_ARCH_X86_64\",\"SCMP_ARCH_X86\",\"SCMP_ARCH_AARCH64\"],"
		"\"flags\":[\"SECCOMP_FILTER_FLAG_LOG\"],"
		"\"syscalls\":[{\"names\":[\"read\",\"no_such_call\"],\"action\":\"SCMP_ACT_ALLOW\"},"
		"{\"names\":[\"write\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":38}]}",
		/* twice the same argument: two rules */
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"kill\"],"
		"\"action\":\"SCMP_ACT_TRAP\",\"args\":["
		"{\"index\":1,\"value\":1,\"op\":\"SCMP_CMP_EQ\"},"
		"{\"index\":1,\"value\":2,\"op\":\"SCMP_CMP_GE\"}]}]}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct error err = { 0 };

		assert_int_equal(build(rows[i], &err), 0);
	}
}

static void test_refused_filters(void **state)
{
	(void)state;
	assert_refused("{\"defaultAction\":\"SCMP_ACT_X\"}",
		       "seccomp: action \"SCMP_ACT_X\" does not exist");
	assert_refused("{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":65536}",
		       "seccomp: errno 65536 is out of range");
	assert_refused(
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"SCMP_ARCH_Z80\"]}",
		"seccomp: architecture \"SCMP_ARCH_Z80\" does not exist");
	assert_refused("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[\"FAST\"]}",
		       "seccomp: flag \"FAST\" does not exist");
	assert_refused("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"],"
		       "\"action\":\"SCMP_ACT_NOTIFY\"}]}",
		       "seccomp: action \"SCMP_ACT_NOTIFY\" is not supported: its listener is "
		       "outside the virtual machine");
	assert_refused("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"],"
		       "\"action\":\"SCMP_ACT_LOG\",\"args\":[{\"index\":6,\"value\":0,\"op\":"
		       "\"SCMP_CMP_EQ\"}]}]}",
		       "seccomp: there is no argument 6");
	assert_refused("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"],"
		       "\"action\":\"SCMP_ACT_LOG\",\"args\":[{\"index\":0,\"value\":0,\"op\":"
		       "\"SCMP_CMP\"}]}]}",
		       "seccomp: operator \"SCMP_CMP\" does not exist");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_filter),
		cmocka_unit_test(test_good_filters),
		cmocka_unit_test(test_refused_filters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
