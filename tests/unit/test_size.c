/* The size of a machine from the limits of what runs in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>
#include <cmocka.h>

#include "runtime/sandbox/size.h"

enum { MIB = 1 << 20, OVERHEAD_MIB = 96 };

static struct size_limits limits_of(int64_t memory, int64_t quota_us, uint64_t period_us)
{
	struct oci_memory mem = { .limit = { true, memory } };
	struct oci_cpu cpu = { .quota_us = { true, quota_us }, .period_us = { true, period_us } };
	const struct oci_linux_resources resources = { .memory = &mem, .cpu = &cpu };
	struct size_limits limits = { 0 };

	size_read(&resources, &limits);
	return limits;
}

static void limits_are_read(void **state)
{
	struct size_limits limits = limits_of(100LL * MIB, 50000, 100000);

	(void)state;
	assert_int_equal(limits.memory_mib, 100);
	assert_int_equal(limits.cpu_millis, 500);
	/* a third of a CPU is not less than that */
	assert_int_equal(limits_of(-1, 1000, 3000).cpu_millis, 334);
	assert_int_equal(limits_of(INT64_MAX, -1, 100000).memory_mib, 0);
	assert_int_equal(limits_of(-1, -1, 100000).cpu_millis, 0);
	assert_int_equal(limits_of(-1, INT64_MAX, 1).cpu_millis,
			 1000 * sysconf(_SC_NPROCESSORS_ONLN));
}

static void what_is_not_set_stays(void **state)
{
	struct oci_memory mem = { .limit = { true, 0 } };
	const struct oci_linux_resources zeros = { .memory = &mem };
	struct size_limits limits = { 1500, 64 };

	(void)state;
	size_read(&zeros, &limits);
	size_read(NULL, &limits);
	assert_int_equal(limits.memory_mib, 64);
	assert_int_equal(limits.cpu_millis, 1500);
}

static void quota_and_period_are_a_pair(void **state)
{
	struct oci_cpu none = { 0 };
	struct oci_cpu period = { .period_us = { true, 200000 } };
	struct oci_cpu quota = { .quota_us = { true, -1 } };
	uint64_t period_us = 100000;
	int64_t quota_us = 0;

	(void)state;
	size_complete_quota(NULL, &quota_us, &period_us);
	size_complete_quota(&none, &quota_us, &period_us);
	assert_false(none.quota_us.set || none.period_us.set);
	size_complete_quota(&period, &quota_us, &period_us);
	assert_false(period.quota_us.set);
	assert_int_equal(period_us, 200000);
	size_complete_quota(&quota, &quota_us, &period_us);
	assert_int_equal(quota.period_us.value, 200000);
	assert_int_equal(quota_us, -1);
	period.period_us.value = 50000;
	size_complete_quota(&period, &quota_us, &period_us);
	assert_true(period.quota_us.set);
	assert_int_equal(period.quota_us.value, -1);
	assert_int_equal(period_us, 50000);
}

static void a_machine_has_room_for_all(void **state)
{
	struct size_limits sum = { 300, 200 };
	const struct size_limits more = { 500, 400 };
	const struct size_limits huge = { UINT32_MAX, UINT32_MAX };

	(void)state;
	assert_int_equal(size_memory_mib(&sum, 512), 512);
	size_add(&sum, &more);
	assert_int_equal(size_memory_mib(&sum, 512), 600 + OVERHEAD_MIB);
	assert_int_equal(size_vcpus(&sum, 1), 1);
	assert_int_equal(size_vcpus(&sum, 4), 4);
	size_add(&sum, &huge);
	assert_int_equal(sum.cpu_millis, UINT32_MAX);
	assert_int_equal(size_vcpus(&sum, 1), sysconf(_SC_NPROCESSORS_ONLN));
	assert_true(size_memory_mib(&sum, 512) > 600 + OVERHEAD_MIB);
	/* no limit asks for nothing */
	assert_int_equal(size_memory_mib(&(struct size_limits){ 0 }, 512), 512);
}

static void test_hints_of_a_pod(void **state)
{
	struct json_pair pairs[] = {
		{ "io.kubernetes.cri.sandbox-memory", "134217728" },
		{ "io.kubernetes.cri.sandbox-cpu-quota", "50000" },
		{ "io.kubernetes.cri.sandbox-cpu-period", "100000" },
		{ "io.kubernetes.cri.sandbox-id", "9" },
	};
	struct json_map map = { pairs, sizeof(pairs) / sizeof(pairs[0]) };
	struct size_limits limits = { .cpu_millis = 700 };

	(void)state;
	size_read_hints(&map, &limits);
	assert_int_equal(limits.memory_mib, 128);
	assert_int_equal(limits.cpu_millis, 700);
	limits = (struct size_limits){ .memory_mib = 200 };
	size_read_hints(&map, &limits);
	assert_int_equal(limits.memory_mib, 200);
	assert_int_equal(limits.cpu_millis, 500);
	/* what makes no sense says nothing */
	pairs[0].value = "much";
	pairs[1].value = "0";
	pairs[2].value = "-1";
	limits = (struct size_limits){ 0 };
	size_read_hints(&map, &limits);
	assert_int_equal(limits.memory_mib, 0);
	assert_int_equal(limits.cpu_millis, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits_are_read),
		cmocka_unit_test(what_is_not_set_stays),
		cmocka_unit_test(quota_and_period_are_a_pair),
		cmocka_unit_test(a_machine_has_room_for_all),
		cmocka_unit_test(test_hints_of_a_pod),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
