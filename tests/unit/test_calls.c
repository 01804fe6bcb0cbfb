#include "agent/proto/calls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "agent/proto/calls_control.h"
#include "agent/proto/calls_net.h"

static void assert_round_trip(const struct json_type *type, const char *text)
{
	auto_arena struct arena arena = { 0 };
	auto_strbuf struct strbuf out = { 0 };
	struct error err = { 0 };
	void *body = arena_alloc(&arena, type->size);

	assert_int_equal(json_decode(type, text, strlen(text), NULL, &arena, body, &err), 0);
	assert_int_equal(json_encode(type, body, 0, &out), 0);
	assert_string_equal(strbuf_str(&out), text);
}

static void test_codes_and_names(void **state)
{
	(void)state;
	assert_int_equal(calls_find_name("newcontainer")->code, 17);
	assert_int_equal(calls_find_name("pscontainer")->code, 23);
	assert_int_equal(calls_find_name("createcontainer")->code, 65);
	assert_true(calls_find_name("execcmd")->takes_token);
	assert_false(calls_find_name("killcontainer")->takes_token);
	assert_string_equal(calls_find_code(68)->hyper_name, "signalprocess");
	assert_int_equal(calls_find_name("reseed")->code, 70);
	assert_int_equal(calls_find_name("settime")->code, 71);
	assert_int_equal(calls_find_name("waitevents")->code, 76);
	assert_int_equal(calls_find_name("setdns")->code, 82);
	assert_null(calls_find_name("newcontainers"));
	assert_null(calls_find_name(""));
	assert_null(calls_find_name(NULL));
	assert_null(calls_find_code(24));
}

static void test_later_spellings(void **state)
{
	(void)state;
	assert_int_equal(calls_find_name("startsandbox")->code, CALL_STARTPOD);
	assert_int_equal(calls_find_name("destroysandbox")->code, CALL_DESTROYPOD);
}

static void test_startpod_as_virtcontainers_sends_it(void **state)
{
	static const char text[] =
		"{\"hostname\":\"h\",\"interfaces\":[{\"newDeviceName\":\"eth0\",\"ipAddresses\":null,"
		"\"mtu\":1500,\"macAddr\":\"02:42:ac:11:00:02\"}],\"routes\":[{\"dest\":\"default\","
		"\"gateway\":\"172.17.0.1\",\"device\":\"eth0\"}],\"shareDir\":\"hyperShared\"}";
	auto_arena struct arena arena = { 0 };
	struct call_startpod pod;
	const struct call_interface *interface;
	const struct call_route *route;

	(void)state;
	assert_int_equal(
		json_decode(&call_startpod_type, text, strlen(text), NULL, &arena, &pod, NULL), 0);
	assert_string_equal(pod.hostname, "h");
	assert_string_equal(pod.share_dir, "hyperShared");
	assert_int_equal(pod.msize, 0);
	assert_int_equal(pod.interfaces.len, 1);
	interface = pod.interfaces.items;
	assert_string_equal(interface->new_device_name, "eth0");
	assert_int_equal(interface->ip_addresses.len, 0);
	assert_int_equal(interface->mtu, 1500);
	route = pod.routes.items;
	assert_string_equal(route->dest, "default");
	assert_string_equal(route->gateway, "172.17.0.1");
}

static void test_newcontainer_as_virtcontainers_sends_it(void **state)
{
	static const char text[] =
		"{\"id\":\"c1\",\"rootfs\":\"rootfs\",\"image\":\"c1\",\"process\":{\"terminal\":false,\"stdio\":3,\"stderr\":4,"
		"\"args\":[\"/bin/sh\"],\"workdir\":\"/\",\"noNewPrivileges\":false,\"capabilities\":{\"bounding\":null,"
		"\"effective\":null,\"inheritable\":null,\"permitted\":null,\"ambient\":null}},\"restartPolicy\":\"\","
		"\"initialize\":false,\"systemMountsInfo\":{\"bindMountDev\":false,\"devShmSize\":0},"
		"\"constraints\":{\"CPUQuota\":-1,\"CPUPeriod\":100000}}";
	auto_arena struct arena arena = { 0 };
	struct call_newcontainer body;

	(void)state;
	assert_int_equal(json_decode(&call_newcontainer_type, text, strlen(text), NULL, &arena,
				     &body, NULL),
			 0);
	assert_string_equal(body.id, "c1");
	assert_int_equal(body.process.stdio, 3);
	assert_int_equal(body.process.stderr_stream, 4);
	assert_int_equal(body.process.args.len, 1);
	assert_int_equal(body.constraints.cpu_quota, -1);
	assert_int_equal(body.constraints.cpu_period, 100000);
}

static void test_bodies_keep_their_form(void **state)
{
	(void)state;
	assert_round_trip(&call_hello_type, "{\"version\":1}");
	assert_round_trip(&call_hello_type, "{\"version\":1,\"window\":1048576}");
	assert_round_trip(&call_hello_reply_type, "{\"version\":1,\"window\":262144}");
	assert_round_trip(&call_container_type, "{\"container\":\"c1\"}");
	assert_round_trip(&call_killcontainer_type,
			  "{\"container\":\"c1\",\"signal\":15,\"allProcesses\":false}");
	assert_round_trip(&call_signalprocess_type,
			  "{\"container\":\"c1\",\"process\":\"p\",\"signal\":34,\"all\":true}");
	assert_round_trip(&call_winsize_type, "{\"seq\":3,\"row\":24,\"column\":80}");
	assert_round_trip(
		&call_hello_reply_type,
		"{\"version\":1,\"agent\":\"a 1\",\"kernel\":\"6.1\",\"features\":[\"flow\"]}");
	assert_round_trip(&call_pscontainer_type,
			  "{\"container\":\"c1\",\"format\":\"json\",\"psargs\":[\"-ef\"]}");
}

static void test_what_is_ours_is_left_out_when_unset(void **state)
{
	auto_strbuf struct strbuf out = { 0 };
	struct call_startpod pod = { .hostname = "h", .share_dir = "s" };

	(void)state;
	assert_int_equal(json_encode(&call_startpod_type, &pod, 0, &out), 0);
	assert_string_equal(strbuf_str(&out), "{\"hostname\":\"h\",\"shareDir\":\"s\"}");
	assert_round_trip(&call_startpod_type, "{\"shareDir\":\"s\",\"msize\":262144}");
	assert_round_trip(&call_onlinecpumem_type, "{}");
	assert_round_trip(&call_onlinecpumem_type, "{\"cpus\":2,\"memoryMib\":512}");
	assert_round_trip(&call_reseed_type, "{\"seed\":\"AAAA\"}");
	assert_round_trip(&call_settime_type, "{\"sec\":5,\"nsec\":7}");
	assert_round_trip(&call_createcontainer_reply_type, "{\"warnings\":[\"a\",\"b\"]}");
	assert_round_trip(&call_setuproute_type,
			  "{\"routes\":[{\"dest\":\"default\",\"gateway\":\"10.0.0.1\"}]}");
}

static void test_extension_bodies(void **state)
{
	static const char create[] =
		"{\"id\":\"c1\",\"rootfs\":\"c1/rootfs\",\"process\":{\"id\":\"init\",\"terminal\":true,\"stdio\":3},"
		"\"spec\":{\"ociVersion\":\"1.0.2\",\"process\":{\"cwd\":\"/\",\"args\":[\"sh\"]}}}";
	static const char exec[] =
		"{\"container\":\"c1\",\"process\":{\"id\":\"e1\",\"stdio\":5,\"stderr\":6},"
		"\"spec\":{\"cwd\":\"/\",\"args\":[\"ls\",\"-l\"]}}";
	auto_arena struct arena arena = { 0 };
	struct call_createcontainer c;
	struct call_execprocess e;

	(void)state;
	assert_int_equal(json_decode(&call_createcontainer_type, create, strlen(create), NULL,
				     &arena, &c, NULL),
			 0);
	assert_string_equal(c.rootfs, "c1/rootfs");
	assert_string_equal(c.process.id, "init");
	assert_true(c.process.terminal);
	assert_int_equal(c.process.stdio, 3);
	assert_string_equal(c.spec.process->args.items[0], "sh");
	assert_int_equal(
		json_decode(&call_execprocess_type, exec, strlen(exec), NULL, &arena, &e, NULL), 0);
	assert_string_equal(e.container, "c1");
	assert_int_equal(e.process.stderr_stream, 6);
	assert_int_equal(e.spec.args.len, 2);
}

static void test_control_bodies(void **state)
{
	(void)state;
	assert_round_trip(
		&call_updatecontainer_type,
		"{\"container\":\"c1\",\"resources\":{\"pids\":{\"limit\":20},\"cpu\":{\"quota\":50000},"
		"\"memory\":{\"limit\":67108864}}}");
	assert_round_trip(&call_waitevents_type,
			  "{\"container\":\"c1\",\"after\":3,\"timeoutMs\":5000}");
	assert_round_trip(
		&call_waitevents_reply_type,
		"{\"last\":18446744073709551615,\"events\":[{\"number\":7,\"type\":\"exit\",\"container\":\"c1\","
		"\"process\":\"init\",\"status\":137,\"sec\":1,\"nsec\":2}]}");
	assert_round_trip(&call_waitprocess_type,
			  "{\"container\":\"c1\",\"process\":\"p\",\"timeoutMs\":9}");
	assert_round_trip(&call_waitprocess_reply_type, "{\"exited\":true,\"status\":3}");
	assert_round_trip(
		&call_copyfile_type,
		"{\"container\":\"c1\",\"path\":\"/a\",\"data\":\"AA==\",\"offset\":4294967296,"
		"\"size\":4294967297,\"mode\":384,\"uid\":1,\"gid\":2}");
	assert_round_trip(&call_file_type,
			  "{\"container\":\"c1\",\"file\":\"/a\",\"offset\":5,\"length\":6}");
}

static void test_stats_keep_their_form(void **state)
{
	(void)state;
	assert_round_trip(&call_stats_type, "{\"cpu\":{},\"memory\":{}}");
	assert_round_trip(
		&call_stats_type,
		"{\"cpu\":{\"usageUs\":3,\"userUs\":2,\"systemUs\":1,\"periods\":4,\"throttledPeriods\":5,"
		"\"throttledUs\":6,\"psi\":{\"some\":{\"avg10\":1.5,\"avg60\":0.25,\"avg300\":0.5,\"totalUs\":9},"
		"\"full\":{\"avg10\":1.5,\"avg60\":0.25,\"avg300\":0.5,\"totalUs\":9}}},"
		"\"memory\":{\"usage\":1,\"limit\":2,\"peak\":3,\"swapUsage\":4,\"swapLimit\":5,\"maxHits\":6,"
		"\"oom\":7,\"oomKill\":8,\"raw\":[{\"name\":\"anon\",\"value\":9}]},\"pids\":1,\"pidsLimit\":2,"
		"\"cpusetCpus\":\"0-1\",\"cpusetMems\":\"0\",\"io\":[{\"major\":8,\"minor\":0,\"readBytes\":1,"
		"\"writeBytes\":2,\"discardBytes\":3,\"reads\":4,\"writes\":5,\"discards\":6}],"
		"\"hugetlb\":[{\"size\":\"2MB\",\"usage\":1,\"peak\":2,\"maxHits\":3}],"
		"\"interfaces\":[{\"name\":\"eth0\",\"rxBytes\":1,\"rxPackets\":2,\"rxErrors\":3,\"rxDropped\":4,"
		"\"txBytes\":5,\"txPackets\":6,\"txErrors\":7,\"txDropped\":8}]}");
}

static void test_network_bodies(void **state)
{
	(void)state;
	assert_round_trip(
		&call_update_interface_type,
		"{\"mac\":\"02:00:00:00:00:01\",\"pciPath\":\"00:05.0\",\"device\":\"eth1\",\"name\":\"eth0\","
		"\"newMac\":\"02:00:00:00:00:02\",\"mtu\":1400,\"addresses\":[{\"address\":\"fd00::2/64\","
		"\"peer\":\"fd00::3\",\"scope\":253}],\"exact\":true,\"up\":false,\"timeoutMs\":100}");
	assert_round_trip(
		&call_update_routes_type,
		"{\"routes\":[{\"dest\":\"default\",\"gateway\":\"10.0.0.1\",\"device\":\"eth0\",\"src\":\"10.0.0.2\","
		"\"scope\":0,\"type\":1,\"protocol\":3,\"metric\":100,\"mtu\":1300,\"onlink\":true}],\"exact\":true}");
	assert_round_trip(
		&call_update_neighbours_type,
		"{\"neighbours\":[{\"address\":\"10.0.0.1\",\"device\":\"eth0\",\"lladdr\":\"02:00:00:00:00:03\","
		"\"state\":128,\"flags\":1}]}");
	assert_round_trip(&call_set_dns_type,
			  "{\"container\":\"c1\",\"content\":\"nameserver 10.0.0.1\\n\"}");
	assert_round_trip(&call_set_dns_reply_type, "{\"applied\":false}");
}

static void test_missing_names_are_refused(void **state)
{
	auto_arena struct arena arena = { 0 };
	struct call_newcontainer body;
	struct call_killcontainer kill;

	(void)state;
	assert_true(json_decode(&call_newcontainer_type, "{\"id\":\"c1\"}", 11, NULL, &arena, &body,
				NULL) < 0);
	assert_true(json_decode(&call_killcontainer_type, "{\"signal\":9}", 12, NULL, &arena, &kill,
				NULL) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_codes_and_names),
		cmocka_unit_test(test_later_spellings),
		cmocka_unit_test(test_startpod_as_virtcontainers_sends_it),
		cmocka_unit_test(test_newcontainer_as_virtcontainers_sends_it),
		cmocka_unit_test(test_bodies_keep_their_form),
		cmocka_unit_test(test_what_is_ours_is_left_out_when_unset),
		cmocka_unit_test(test_extension_bodies),
		cmocka_unit_test(test_control_bodies),
		cmocka_unit_test(test_stats_keep_their_form),
		cmocka_unit_test(test_network_bodies),
		cmocka_unit_test(test_missing_names_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
