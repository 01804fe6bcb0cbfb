#include "agent/guest/unapplied.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

/* The sentences for a document, joined by "\n". */
static void assert_sentences(const char *json, const char *expected)
{
	auto_arena struct arena arena = { 0 };
	auto_strvec struct strvec list = { 0 };
	auto_strbuf struct strbuf text = { 0 };
	struct oci_spec spec;

	assert_int_equal(json_decode(&oci_spec_type, json, strlen(json), NULL, &arena, &spec, NULL),
			 0);
	unapplied_list(&spec, &list);
	assert_int_equal(strvec_error(&list), 0);
	for (size_t i = 0; i < list.len; i++)
		(void)strbuf_addf(&text, "%s\n", list.items[i]);
	assert_string_equal(strbuf_str(&text), expected);
}

static void test_nothing_to_say(void **state)
{
	(void)state;
	assert_sentences("{\"ociVersion\":\"1.2.0\"}", "");
	/* what engines write without meaning anything by it */
	assert_sentences(
		"{\"ociVersion\":\"1.2.0\",\"process\":{\"cwd\":\"/\",\"apparmorProfile\":\"\"},"
		"\"linux\":{\"mountLabel\":\"\",\"rootfsPropagation\":\"rslave\",\"resources\":"
		"{\"blockIO\":{\"weight\":0},\"memory\":{\"disableOOMKiller\":false},"
		"\"network\":{},\"cpu\":{\"realtimePeriod\":0}}}}",
		"");
}

static void test_each_is_named(void **state)
{
	(void)state;
	assert_sentences(
		"{\"ociVersion\":\"1.2.0\",\"process\":{\"cwd\":\"/\",\"apparmorProfile\":\"p\"},"
		"\"linux\":{\"intelRdt\":{\"closID\":\"c\"},\"rootfsPropagation\":\"rshared\"}}",
		"process.apparmorProfile is not applied: the guest's kernel runs no AppArmor\n"
		"linux.intelRdt is not applied: a virtual machine can't divide the host's caches\n");
}

static void test_unknown_capabilities(void **state)
{
	(void)state;
	assert_sentences("{\"ociVersion\":\"1.2.0\",\"process\":{\"cwd\":\"/\",\"capabilities\":{"
			 "\"bounding\":[\"CAP_KILL\",\"CAP_FLY\"],\"ambient\":[\"\"]}}}",
			 "process.capabilities.bounding[1] is not applied: there is no capability "
			 "\"CAP_FLY\"\n"
			 "process.capabilities.ambient[0] is not applied: there is no capability "
			 "\"\"\n");
}

static void test_network_of_a_user_namespace(void **state)
{
	(void)state;
	assert_sentences(
		"{\"ociVersion\":\"1.2.0\",\"process\":{\"cwd\":\"/\",\"capabilities\":{"
		"\"effective\":[\"CAP_NET_RAW\",\"CAP_CHOWN\"]}},\"linux\":{\"namespaces\":"
		"[{\"type\":\"user\"}]}}",
		"process.capabilities: CAP_NET_RAW has no effect on the network, which does "
		"not belong to the user namespace\n");
	assert_sentences("{\"ociVersion\":\"1.2.0\",\"process\":{\"cwd\":\"/\",\"capabilities\":{"
			 "\"effective\":[\"CAP_NET_RAW\"]}}}",
			 "");
}

static void assert_named(const char *json, const char *path)
{
	auto_arena struct arena arena = { 0 };
	auto_strvec struct strvec list = { 0 };
	struct oci_spec spec;

	assert_int_equal(json_decode(&oci_spec_type, json, strlen(json), NULL, &arena, &spec, NULL),
			 0);
	unapplied_list(&spec, &list);
	if (list.len != 1 || strncmp(list.items[0], path, strlen(path)) != 0)
		fail_msg("%s: %zu sentences, the first is: %s", path, list.len,
			 list.len ? list.items[0] : "");
}

#define WITH_LINUX(text)     "{\"ociVersion\":\"1.2.0\",\"linux\":{" text "}}"
#define WITH_RESOURCES(text) WITH_LINUX("\"resources\":{" text "}")

static void test_members_of_linux(void **state)
{
	static const char *const rows[][2] = {
		{ WITH_LINUX("\"mountLabel\":\"l\""), "linux.mountLabel is not applied: " },
		{ WITH_LINUX("\"netDevices\":{\"eth0\":{}}"), "linux.netDevices is not applied: " },
		{ WITH_RESOURCES("\"memory\":{\"kernel\":5}"),
		  "linux.resources.memory.kernel is not applied: " },
		{ WITH_RESOURCES("\"memory\":{\"kernelTCP\":5}"),
		  "linux.resources.memory.kernelTCP is not applied: " },
		{ WITH_RESOURCES("\"memory\":{\"disableOOMKiller\":true}"),
		  "linux.resources.memory.disableOOMKiller is not applied: " },
		{ WITH_RESOURCES("\"cpu\":{\"realtimeRuntime\":5}"),
		  "linux.resources.cpu.realtimeRuntime " },
		{ WITH_RESOURCES("\"network\":{\"classID\":5}"),
		  "linux.resources.network is not applied: " },
		{ WITH_RESOURCES("\"rdma\":{\"x\":{\"hcaHandles\":5}}"),
		  "linux.resources.rdma is not applied: " },
		{ "{\"ociVersion\":\"1.2.0\",\"process\":{\"cwd\":\"/\",\"selinuxLabel\":\"l\"}}",
		  "process.selinuxLabel is not applied: " },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_named(rows[i][0], rows[i][1]);
}

static void test_resources(void **state)
{
	(void)state;
	assert_sentences(
		"{\"ociVersion\":\"1.2.0\",\"linux\":{\"resources\":{\"memory\":{\"swappiness\":5},"
		"\"blockIO\":{\"weight\":10}}}}",
		"linux.resources.memory.swappiness is not applied: cgroup version 2 has no "
		"such limit\n"
		"linux.resources.blockIO is not applied: the container's files come from the "
		"host by a share, not from a disk of the guest\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_to_say),
		cmocka_unit_test(test_each_is_named),
		cmocka_unit_test(test_unknown_capabilities),
		cmocka_unit_test(test_network_of_a_user_namespace),
		cmocka_unit_test(test_resources),
		cmocka_unit_test(test_members_of_linux),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
