#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include "runtime/sandbox/stats_json.h"

static void assert_line(const struct call_stats *stats, const char *expected)
{
	auto_strbuf struct strbuf out = { 0 };

	assert_int_equal(stats_json_format("c1", stats, &out), 0);
	assert_string_equal(strbuf_str(&out), expected);
}

#define CPUSET_REST                                                                             \
	"\"mem_hardwall\":0,\"mem_exclusive\":0,\"memory_migrate\":0,\"memory_spread_page\":0," \
	"\"memory_spread_slab\":0,\"memory_pressure\":0,\"sched_load_balance\":0,"              \
	"\"sched_relax_domain_level\":0}"
#define KERNEL_MEMORY \
	"\"kernel\":{\"limit\":0,\"failcnt\":0},\"kernelTCP\":{\"limit\":0,\"failcnt\":0}"

static void test_nothing_known(void **state)
{
	const struct call_stats stats = { 0 };

	(void)state;
	assert_line(
		&stats,
		"{\"type\":\"stats\",\"id\":\"c1\",\"data\":{\"cpu\":{\"usage\":{\"kernel\":0,\"user\":0},"
		"\"throttling\":{}},\"cpuset\":{\"cpu_exclusive\":0," CPUSET_REST
		",\"memory\":{\"usage\":{\"limit\":18446744073709551615,\"failcnt\":0},"
		"\"swap\":{\"limit\":18446744073709551615,\"failcnt\":0}," KERNEL_MEMORY
		"},\"pids\":{},\"blkio\":{},\"hugetlb\":{},\"intel_rdt\":{},\"network_interfaces\":[]}}");
}

static void test_all_known(void **state)
{
	struct call_stats_value raw[] = { { "anon", 5 }, { "file", 6 } };
	struct call_stats_io io[] = { { .major = 8, .minor = 1, .read_bytes = 10, .writes = 3 } };
	struct call_stats_hugetlb huge[] = { { .size = "2MB", .usage = 4, .max_hits = 2 } };
	struct call_stats_interface eth[] = { { .name = "eth0", .rx_bytes = 1, .tx_dropped = 8 } };
	struct call_psi psi = { .some = { 1.5, 0.25, 0, 9 } };
	const struct call_stats stats = {
		.cpu = { .usage_us = 3,
			 .system_us = 1,
			 .user_us = 2,
			 .periods = 4,
			 .throttled_periods = 5,
			 .throttled_us = 6,
			 .psi = &psi },
		.memory = { .usage = 100,
			    .limit = 200,
			    .peak = 150,
			    .max_hits = 7,
			    .swap_usage = 10,
			    .swap_limit = 50,
			    .raw = { raw, 2 } },
		.pids = 2,
		.pids_limit = 20,
		.cpuset_cpus = "0-1,3",
		.cpuset_mems = "0",
		.io = { io, 1 },
		.hugetlb = { huge, 1 },
		.interfaces = { eth, 1 },
	};

	(void)state;
	assert_line(
		&stats,
		"{\"type\":\"stats\",\"id\":\"c1\",\"data\":{\"cpu\":{\"usage\":{\"total\":3000,\"kernel\":1000,\"user\":2000},"
		"\"throttling\":{\"periods\":4,\"throttledPeriods\":5,\"throttledTime\":6000},"
		"\"psi\":{\"some\":{\"avg10\":1.5,\"avg60\":0.25,\"avg300\":0,\"total\":9},"
		"\"full\":{\"avg10\":0,\"avg60\":0,\"avg300\":0,\"total\":0}}},"
		"\"cpuset\":{\"cpus\":[0,1,3],\"cpu_exclusive\":0,\"mems\":[0]," CPUSET_REST
		",\"memory\":{\"cache\":6,\"usage\":{\"limit\":200,\"usage\":100,\"max\":150,\"failcnt\":7},"
		"\"swap\":{\"limit\":250,\"usage\":110,\"failcnt\":0}," KERNEL_MEMORY
		",\"raw\":{\"anon\":5,\"file\":6}},\"pids\":{\"current\":2,\"limit\":20},"
		"\"blkio\":{\"ioServiceBytesRecursive\":[{\"major\":8,\"minor\":1,\"op\":\"Read\",\"value\":10},"
		"{\"major\":8,\"minor\":1,\"op\":\"Write\"},{\"major\":8,\"minor\":1,\"op\":\"Discard\"}],"
		"\"ioServicedRecursive\":[{\"major\":8,\"minor\":1,\"op\":\"Read\"},"
		"{\"major\":8,\"minor\":1,\"op\":\"Write\",\"value\":3},{\"major\":8,\"minor\":1,\"op\":\"Discard\"}]},"
		"\"hugetlb\":{\"2MB\":{\"usage\":4,\"failcnt\":2}},\"intel_rdt\":{},"
		"\"network_interfaces\":[{\"Name\":\"eth0\",\"RxBytes\":1,\"RxPackets\":0,\"RxErrors\":0,\"RxDropped\":0,"
		"\"TxBytes\":0,\"TxPackets\":0,\"TxErrors\":0,\"TxDropped\":8}]}}");
}

static void test_an_event_has_no_data(void **state)
{
	auto_strbuf struct strbuf out = { 0 };

	(void)state;
	assert_int_equal(stats_json_format_event("c\"1", "oom", &out), 0);
	assert_string_equal(strbuf_str(&out), "{\"type\":\"oom\",\"id\":\"c\\\"1\"}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_known),
		cmocka_unit_test(test_all_known),
		cmocka_unit_test(test_an_event_has_no_data),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
