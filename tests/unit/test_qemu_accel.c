/* The kept verdicts about this host's accelerator, and the decisions that need no trial. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>

#include "hypervisor/qemu/accel.h"

#define BOOT "727beb9f-aac6-44f9-b6db-d58abe2589b9"

static const struct accel_verdict broken = {
	.key = "kvm=10:232 a", .accelerator = "tcg", .reason = "no \"kernel\"", .took_ms = 3001
};

static void test_round_trip(void **state)
{
	auto_strbuf struct strbuf text = { 0 };
	auto_arena struct arena arena = { 0 };
	const struct accel_verdict *got;

	(void)state;
	assert_int_equal(accel_verdict_add("", 0, BOOT, &broken, &text), 0);
	got = accel_verdict_find(text.data, text.len, BOOT, broken.key, &arena);
	assert_non_null(got);
	assert_string_equal(got->accelerator, "tcg");
	assert_string_equal(got->reason, "no \"kernel\"");
	assert_int_equal(got->took_ms, 3001);
	assert_null(accel_verdict_find(text.data, text.len, BOOT, "kvm=10:232 b", &arena));
	assert_null(accel_verdict_find(text.data, text.len, "another boot", broken.key, &arena));
}

static void test_replaced_and_bounded(void **state)
{
	auto_arena struct arena arena = { 0 };
	auto_strbuf struct strbuf text = { 0 };
	struct accel_verdict verdict = broken;
	char key[16];

	(void)state;
	for (int i = 0; i < 3 * ACCEL_VERDICTS_MAX; i++) {
		auto_strbuf struct strbuf next = { 0 };

		(void)snprintf(key, sizeof(key), "key %d", i);
		verdict.key = key;
		assert_int_equal(
			accel_verdict_add(strbuf_str(&text), text.len, BOOT, &verdict, &next), 0);
		strbuf_done(&text);
		assert_int_equal(strbuf_add(&text, next.data, next.len), 0);
	}
	assert_non_null(accel_verdict_find(text.data, text.len, BOOT, "key 23", &arena));
	assert_non_null(accel_verdict_find(text.data, text.len, BOOT, "key 16", &arena));
	assert_null(accel_verdict_find(text.data, text.len, BOOT, "key 15", &arena));

	/* The same key again: the new one counts, nothing else is lost. */
	auto_strbuf struct strbuf last = { 0 };
	verdict.key = "key 20";
	verdict.accelerator = "kvm";
	assert_int_equal(accel_verdict_add(text.data, text.len, BOOT, &verdict, &last), 0);
	assert_string_equal(
		accel_verdict_find(last.data, last.len, BOOT, "key 20", &arena)->accelerator,
		"kvm");
	assert_non_null(accel_verdict_find(last.data, last.len, BOOT, "key 16", &arena));
}

static void test_damaged(void **state)
{
	static const char *const texts[] = {
		"",
		"{",
		"null",
		"[]",
		"{\"bootId\": 5, \"verdicts\": []}",
		"{\"bootId\": \"" BOOT "\"}",
		"{\"bootId\": \"" BOOT "\", \"verdicts\": [{\"key\": \"k\"}]}",
		"{\"bootId\": \"" BOOT
		"\", \"verdicts\": [{\"key\": \"k\", \"accelerator\": \"hvf\"}]}",
		"{\"bootId\": \"" BOOT "\", \"verdicts\": [null]}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		auto_arena struct arena arena = { 0 };
		auto_strbuf struct strbuf out = { 0 };
		size_t len = strlen(texts[i]);

		assert_null(accel_verdict_find(texts[i], len, BOOT, "k", &arena));
		assert_int_equal(accel_verdict_add(texts[i], len, BOOT, &broken, &out), 0);
		assert_non_null(accel_verdict_find(out.data, out.len, BOOT, broken.key, &arena));
	}
}

static void test_decided_by_configuration(void **state)
{
	struct hypervisor_config cfg = { .accelerator = "tcg" };
	const char *accelerator = NULL;
	struct error err;

	(void)state;
	assert_int_equal(accel_decide(&cfg, &accelerator, &err), 0);
	assert_string_equal(accelerator, "tcg");
	cfg.accelerator = "xen";
	assert_int_equal(accel_decide(&cfg, &accelerator, &err), -EINVAL);
	assert_string_equal(err.text, "unknown accelerator 'xen' in [hypervisor.qemu] "
				      "(known: auto, kvm, tcg)");
}

static void test_probe_of_no_kvm(void **state)
{
	struct error err;

	(void)state;
	assert_int_equal(kvm_probe(-1, &err), -EBADF);
	assert_string_equal(err.text, "KVM makes no VM: Bad file descriptor");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_replaced_and_bounded),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_decided_by_configuration),
		cmocka_unit_test(test_probe_of_no_kvm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
