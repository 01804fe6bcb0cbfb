#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "agent/guest/mount_options.h"
#include "agent/guest/ns.h"
#include "agent/guest/seccomp.h"
#include "oci/features.h"
#include "oci/names.h"
#include "oci/spec.h"

static struct arena arena;
static struct oci_features features;

static int fill(void **state)
{
	(void)state;
	return oci_features_get(&arena, &features);
}

static int drop(void **state)
{
	(void)state;
	arena_done(&arena);
	return 0;
}

static bool has(const struct json_strs *list, const char *word)
{
	for (size_t i = 0; i < list->len; i++)
		if (strcmp(list->items[i], word) == 0)
			return true;
	return false;
}

static void lists_are_sorted_and_filled(void **state)
{
	const struct json_strs *lists[] = {
		&features.mount_options,
		&features.linux_.namespaces,
		&features.linux_.seccomp.actions,
		&features.linux_.seccomp.operators,
		&features.linux_.seccomp.archs,
		&features.linux_.seccomp.known_flags,
		&features.linux_.seccomp.supported_flags,
	};

	(void)state;
	for (size_t n = 0; n < sizeof(lists) / sizeof(lists[0]); n++) {
		assert_true(lists[n]->len > 0);
		for (size_t i = 1; i < lists[n]->len; i++)
			if (strcmp(lists[n]->items[i - 1], lists[n]->items[i]) >= 0)
				fail_msg("%s stands before %s", lists[n]->items[i - 1],
					 lists[n]->items[i]);
	}
}

/* What the guest does not know goes on to the file system as data. */
static bool is_mount_option(const char *word)
{
	const char *items[] = { word };
	struct mount_options options;
	bool known;

	assert_int_equal(mount_options_parse(&(struct json_strs){ items, 1 }, &options), 0);
	known = options.data.len == 0;
	strbuf_done(&options.data);
	return known;
}

static void the_guest_knows_every_mount_option(void **state)
{
	(void)state;
	for (size_t i = 0; i < features.mount_options.len; i++)
		if (!is_mount_option(features.mount_options.items[i]))
			fail_msg("the guest does not know %s", features.mount_options.items[i]);
	assert_false(is_mount_option("acl"));
	assert_false(has(&features.mount_options, "acl"));
}

static int plan(const char *type, struct error *err)
{
	struct oci_namespace row = { .type = type };
	struct oci_id_mapping map = { .size = 1 };
	struct oci_linux linux_ = { .namespaces = { .items = &row, .len = 1 },
				    .uid_mappings = { .items = &map, .len = 1 },
				    .gid_mappings = { .items = &map, .len = 1 } };
	struct oci_spec spec = { .linux_ = &linux_ };
	struct ns_plan result;

	return ns_make_plan(&spec, false, &result, err);
}

static void namespaces_are_those_the_guest_makes(void **state)
{
	static const char *const all[] = { "cgroup", "ipc",  "mount", "network", "pid",
					   "time",   "user", "uts",   "device" };

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct error err = { 0 };
		bool made = plan(all[i], &err) == 0;

		if (made != has(&features.linux_.namespaces, all[i]))
			fail_msg("%s: the guest %s it", all[i], made ? "makes" : "refuses");
	}
}

static int filter(const struct oci_seccomp *wanted)
{
	struct error err = { 0 };
	struct seccomp_filter *made = NULL;
	int ret = seccomp_make_filter(wanted, &made, &err);

	seccomp_drop_filter(made);
	return ret;
}

static int filter_action(const char *action)
{
	return filter(&(struct oci_seccomp){ .default_action = action });
}

static int filter_operator(const char *op)
{
	const char *names[] = { "getpid" };
	struct oci_seccomp_arg arg = { .index = 0, .value = 1, .op = op };
	struct oci_syscall row = {
		.names = { names, 1 },
		.action = "SCMP_ACT_ERRNO",
		.args = { .items = &arg, .len = 1 },
	};

	return filter(&(struct oci_seccomp){
		.default_action = "SCMP_ACT_ALLOW",
		.syscalls = { .items = &row, .len = 1 },
	});
}

static int filter_arch(const char *arch)
{
	return filter(&(struct oci_seccomp){ .default_action = "SCMP_ACT_ALLOW",
					     .architectures = { &arch, 1 } });
}

static int filter_flag(const char *flag)
{
	return filter(
		&(struct oci_seccomp){ .default_action = "SCMP_ACT_ALLOW", .flags = { &flag, 1 } });
}

static void the_guest_takes_what_seccomp_lists(void **state)
{
	const struct {
		const struct json_strs *list;
		int (*make)(const char *word);
		const char *wrong;
	} lists[] = {
		{ &features.linux_.seccomp.actions, filter_action, "SCMP_ACT_NOTIFY" },
		{ &features.linux_.seccomp.operators, filter_operator, "SCMP_CMP_ABOUT" },
		{ &features.linux_.seccomp.archs, filter_arch, "SCMP_ARCH_PDP11" },
		{ &features.linux_.seccomp.known_flags, filter_flag, "SECCOMP_FILTER_FLAG_FAST" },
		{ &features.linux_.seccomp.supported_flags, filter_flag,
		  "SECCOMP_FILTER_FLAG_FAST" },
	};

	(void)state;
	for (size_t n = 0; n < sizeof(lists) / sizeof(lists[0]); n++) {
		for (size_t i = 0; i < lists[n].list->len; i++)
			if (lists[n].make(lists[n].list->items[i]) != 0)
				fail_msg("the guest refuses %s", lists[n].list->items[i]);
		assert_int_not_equal(lists[n].make(lists[n].wrong), 0);
		assert_false(has(lists[n].list, lists[n].wrong));
	}
}

static void every_capability_is_listed(void **state)
{
	const struct json_strs *list = &features.linux_.capabilities;

	(void)state;
	assert_true(list->len >= 41);
	for (size_t i = 0; i < list->len; i++)
		assert_int_equal(oci_capability_number(list->items[i]), (int)i);
	assert_null(oci_capability_name((int)list->len));
}

/* CRI-O turns a document without the two versions down, and reads `enabled` of what is not. */
static void the_document_has_its_versions_and_what_is_off(void **state)
{
	static const char versions[] =
		"{\"ociVersionMin\":\"1.0.0\",\"ociVersionMax\":\"" OCI_VERSION "\",";
	auto_strbuf struct strbuf text = { 0 };

	(void)state;
	assert_int_equal(json_encode(&oci_features_type, &features, 0, &text), 0);
	assert_int_equal(strncmp(text.data, versions, strlen(versions)), 0);
	assert_non_null(strstr(text.data, "\"apparmor\":{\"enabled\":false}"));
	assert_non_null(strstr(text.data, "\"idmap\":{\"enabled\":true}"));
	assert_non_null(strstr(text.data, "\"v1\":true,\"v2\":true"));
	assert_non_null(strstr(text.data, "\"potentiallyUnsafeConfigAnnotations\":["
					  "\"io.katacontainers.config.\"]"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_are_sorted_and_filled),
		cmocka_unit_test(the_guest_knows_every_mount_option),
		cmocka_unit_test(namespaces_are_those_the_guest_makes),
		cmocka_unit_test(the_guest_takes_what_seccomp_lists),
		cmocka_unit_test(every_capability_is_listed),
		cmocka_unit_test(the_document_has_its_versions_and_what_is_off),
	};

	return cmocka_run_group_tests(tests, fill, drop);
}
