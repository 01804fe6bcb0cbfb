/* Filters are built and refused here; what they do is seen in the machine. */
#include "agent/guest/seccomp.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
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

/* What the kernel would make of it. */
static void step(const struct sock_filter *code, uint32_t *acc, const struct seccomp_data *data,
		 size_t *at)
{
	uint32_t k = code->k, jump = 0;

	switch (code->code) {
	case BPF_LD | BPF_W | BPF_ABS:
		memcpy(acc, (const char *)data + k, sizeof(*acc));
		return;
	case BPF_ALU | BPF_AND | BPF_K:
		*acc &= k;
		return;
	case BPF_JMP | BPF_JA:
		*at += k;
		return;
	case BPF_JMP | BPF_JEQ | BPF_K:
		jump = *acc == k;
		break;
	case BPF_JMP | BPF_JGT | BPF_K:
		jump = *acc > k;
		break;
	case BPF_JMP | BPF_JGE | BPF_K:
		jump = *acc >= k;
		break;
	default:
		fail_msg("instruction %#x", code->code);
	}
	*at += jump ? code->jt : code->jf;
}

static uint32_t verdict(const char *json, uint32_t arch, uint32_t nr)
{
	auto_arena struct arena arena = { 0 };
	const struct seccomp_data data = { .nr = (int)nr, .arch = arch };
	struct oci_seccomp wanted;
	struct seccomp_filter *filter = NULL;
	const struct sock_fprog *program;
	uint32_t acc = 0, result = 0;

	assert_int_equal(
		json_decode(&oci_seccomp_type, json, strlen(json), NULL, &arena, &wanted, NULL), 0);
	assert_int_equal(seccomp_make_filter(&wanted, &filter, NULL), 0);
	program = seccomp_program(filter);
	for (size_t at = 0; at < program->len; at++) {
		if (program->filter[at].code == (BPF_RET | BPF_K)) {
			result = program->filter[at].k;
			break;
		}
		step(&program->filter[at], &acc, &data, &at);
		assert_true(at + 1 < program->len);
	}
	seccomp_drop_filter(filter);
	return result;
}

static void test_calls_newer_than_the_profile(void **state)
{
	static const char denies[] =
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\","
		"\"architectures\":[\"SCMP_ARCH_X86_64\",\"SCMP_ARCH_X86\",\"SCMP_ARCH_X32\"],"
		"\"syscalls\":[{\"names\":[\"read\",\"openat2\"],\"action\":\"SCMP_ACT_ALLOW\"},"
		"{\"names\":[\"clone3\"],\"action\":\"SCMP_ACT_KILL\"}]}";
	static const char shares[] =
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"architectures\":[\"SCMP_ARCH_X32\"],"
		"\"syscalls\":[{\"names\":[\"openat2\"],\"action\":\"SCMP_ACT_ALLOW\"}]}";
	static const char kills[] = "{\"defaultAction\":\"SCMP_ACT_KILL_PROCESS\",\"syscalls\":["
				    "{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ALLOW\"}]}";
	static const char allows[] = "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":["
				     "{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ERRNO\"}]}";
	static const char enosys[] =
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":38,"
		"\"syscalls\":[{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ALLOW\"}]}";
	const uint32_t absent = SECCOMP_RET_ERRNO | ENOSYS, denied = SECCOMP_RET_ERRNO | EPERM;
	const uint32_t x32 = 0x40000000;

	(void)state;
	/* 437 is openat2 on all of them, read 0 or 3, 2 open or fork */
	assert_int_equal(verdict(denies, AUDIT_ARCH_X86_64, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(verdict(denies, AUDIT_ARCH_X86_64, 2), denied);
	assert_int_equal(verdict(denies, AUDIT_ARCH_X86_64, 435), SECCOMP_RET_KILL_THREAD);
	assert_int_equal(verdict(denies, AUDIT_ARCH_X86_64, 437), SECCOMP_RET_ALLOW);
	assert_int_equal(verdict(denies, AUDIT_ARCH_X86_64, 438), absent);
	assert_int_equal(verdict(denies, AUDIT_ARCH_X86_64, 1000), absent);
	assert_int_equal(verdict(denies, AUDIT_ARCH_I386, 3), SECCOMP_RET_ALLOW);
	assert_int_equal(verdict(denies, AUDIT_ARCH_I386, 2), denied);
	assert_int_equal(verdict(denies, AUDIT_ARCH_I386, 438), absent);
	assert_int_equal(verdict(shares, AUDIT_ARCH_X86_64, x32 | 437), SECCOMP_RET_ALLOW);
	assert_int_equal(verdict(shares, AUDIT_ARCH_X86_64, x32 | 2), denied);
	assert_int_equal(verdict(shares, AUDIT_ARCH_X86_64, x32 | 1000), absent);
	/* an architecture that is not in the profile is none of ours */
	assert_int_equal(verdict(kills, AUDIT_ARCH_I386, 1000), SECCOMP_RET_KILL_THREAD);
	assert_int_equal(verdict(kills, AUDIT_ARCH_X86_64, 1), absent);
	assert_int_equal(verdict(allows, AUDIT_ARCH_X86_64, 1000), SECCOMP_RET_ALLOW);
	assert_int_equal(verdict(allows, AUDIT_ARCH_X86_64, 0), denied);
	assert_int_equal(verdict(enosys, AUDIT_ARCH_X86_64, 1), absent);
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
		cmocka_unit_test(test_calls_newer_than_the_profile),
		cmocka_unit_test(test_refused_filters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
