#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "runtime/factory/cache_messages.h"

static void config_there_and_back(void **state)
{
	const struct cache_vm_config in = { .data = { "a\0b", 3 } };
	auto_arena struct arena arena = { 0 };
	auto_strbuf struct strbuf buf = { 0 };
	struct cache_vm_config out;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(cache_vm_config_encode(&in, &buf), 0);
	assert_int_equal(buf.len, 5);
	assert_memory_equal(buf.data,
			    "\x0a\x03"
			    "a\0b",
			    5);
	assert_int_equal(cache_vm_config_decode(buf.data, buf.len, &arena, &out, &err), 0);
	assert_int_equal(out.data.len, 3);
	assert_memory_equal(out.data.data, "a\0b", 3);
	assert_int_equal(out.agent_config.len, 0);
	assert_string_equal(out.agent_config.data, "");
}

static void vm_there_and_back(void **state)
{
	const struct cache_vm in = {
		.id = "i",
		.hypervisor = { "{}", 2 },
		.proxy_pid = -5,
		.proxy_url = "u",
		.cpu = UINT32_MAX,
		.memory_mib = 1,
		.cpu_delta = 300,
	};
	auto_arena struct arena arena = { 0 };
	auto_strbuf struct strbuf buf = { 0 };
	struct cache_vm out;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(cache_vm_encode(&in, &buf), 0);
	assert_int_equal(cache_vm_decode(buf.data, buf.len, &arena, &out, &err), 0);
	assert_string_equal(out.id, "i");
	assert_int_equal(out.hypervisor.len, 2);
	assert_int_equal(out.proxy_pid, -5);
	assert_string_equal(out.proxy_url, "u");
	assert_true(out.cpu == UINT32_MAX);
	assert_int_equal(out.memory_mib, 1);
	assert_int_equal(out.cpu_delta, 300);
}

static void status_there_and_back(void **state)
{
	struct cache_vm_status vms[] = { { 1, 2, 3 }, { 4, 5, 6 } };
	const struct cache_status in = { .pid = 9, .vms = vms, .n_vms = 2 };
	auto_arena struct arena arena = { 0 };
	auto_strbuf struct strbuf buf = { 0 };
	struct cache_status out;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(cache_status_encode(&in, &buf), 0);
	assert_int_equal(cache_status_decode(buf.data, buf.len, &arena, &out, &err), 0);
	assert_int_equal(out.pid, 9);
	assert_int_equal(out.n_vms, 2);
	assert_memory_equal(out.vms, vms, sizeof(vms));
}

static void nothing_is_a_message_of_zeros(void **state)
{
	auto_arena struct arena arena = { 0 };
	struct cache_vm vm = { .cpu = 7 };
	struct cache_status status = { .n_vms = 7 };
	struct error err = { 0 };

	(void)state;
	assert_int_equal(cache_vm_decode("", 0, &arena, &vm, &err), 0);
	assert_string_equal(vm.id, "");
	assert_string_equal(vm.proxy_url, "");
	assert_int_equal(vm.cpu, 0);
	assert_int_equal(cache_status_decode("", 0, &arena, &status, &err), 0);
	assert_int_equal(status.n_vms, 0);
}

static void unknown_fields_are_skipped(void **state)
{
	/* 100: varint, 101: bytes, 102: 4 bytes, 103: 8 bytes; then cpu = 3 */
	static const char bytes[] = "\xa0\x06\x05"
				    "\xaa\x06\x02hi"
				    "\xb5\x06wxyz"
				    "\xb9\x06zyxwvuts"
				    "\x28\x03";
	auto_arena struct arena arena = { 0 };
	struct cache_vm vm;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(cache_vm_decode(bytes, sizeof(bytes) - 1, &arena, &vm, &err), 0);
	assert_int_equal(vm.cpu, 3);
}

static void refused(const char *bytes, size_t len, size_t max_bytes)
{
	auto_arena struct arena arena = { .max_bytes = max_bytes };
	struct cache_status status;
	struct error err = { 0 };

	assert_int_equal(cache_status_decode(bytes, len, &arena, &status, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "cache.GrpcStatus"));
}

static void malformed_messages(void **state)
{
	(void)state;
	refused("\x08", 1, 0);			   /* no value */
	refused("\x12\x05\x08\x01", 4, 0);	   /* shorter than it says */
	refused("\x12\x02\x08\xff", 4, 0);	   /* a number without end, inside */
	refused("\x12\xff\xff\xff\xff\x0f", 6, 0); /* 4 GiB */
}

static void a_costly_message_meets_the_limit(void **state)
{
	char bytes[20000];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i += 2)
		memcpy(bytes + i, "\x12", 2);
	refused(bytes, sizeof(bytes), 100000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(config_there_and_back),
		cmocka_unit_test(vm_there_and_back),
		cmocka_unit_test(status_there_and_back),
		cmocka_unit_test(nothing_is_a_message_of_zeros),
		cmocka_unit_test(unknown_fields_are_skipped),
		cmocka_unit_test(malformed_messages),
		cmocka_unit_test(a_costly_message_meets_the_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
