/* What annotations say about pods. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "oci/pod.h"

enum { PAIRS_MAX = 4 };

static int read_pairs(const char *const pairs[2 * PAIRS_MAX], struct oci_pod *pod,
		      struct error *err)
{
	struct json_pair items[PAIRS_MAX];
	struct json_map map = { .items = items };

	for (; map.len < PAIRS_MAX && pairs[2 * map.len]; map.len++)
		items[map.len] = (struct json_pair){ pairs[2 * map.len], pairs[2 * map.len + 1] };
	return oci_pod_read(&map, pod, err);
}

static void each_dialect_is_read(void **state)
{
	static const struct {
		const char *pairs[2 * PAIRS_MAX];
		enum oci_pod_role role;
		const char *sandbox;
	} rows[] = {
		{ { "note", "n" }, OCI_POD_NONE, NULL },
		{ { "io.kubernetes.cri.container-type", "sandbox", "io.kubernetes.cri.sandbox-id",
		    "s" },
		  OCI_POD_SANDBOX,
		  NULL },
		{ { "io.kubernetes.cri.container-type", "container", "io.kubernetes.cri.sandbox-id",
		    "s" },
		  OCI_POD_CONTAINER,
		  "s" },
		{ { "io.kubernetes.cri-o.SandboxID", "t", "io.kubernetes.cri-o.ContainerType",
		    "container" },
		  OCI_POD_CONTAINER,
		  "t" },
		{ { "io.kubernetes.cri-o.ContainerType", "sandbox" }, OCI_POD_SANDBOX, NULL },
		{ { "io.kubernetes.docker.type", "podsandbox" }, OCI_POD_SANDBOX, NULL },
		{ { "io.kubernetes.docker.type", "container", "io.kubernetes.sandbox.id", "u" },
		  OCI_POD_CONTAINER,
		  "u" },
		/* podman writes keys of CRI-O on containers that are in no pod */
		{ { "io.kubernetes.cri-o.TTY", "false" }, OCI_POD_NONE, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct error err = { 0 };
		struct oci_pod pod;

		assert_int_equal(read_pairs(rows[i].pairs, &pod, &err), 0);
		assert_int_equal(pod.role, rows[i].role);
		if (rows[i].sandbox)
			assert_string_equal(pod.sandbox, rows[i].sandbox);
		else
			assert_null(pod.sandbox);
	}
}

static void nonsense_is_refused(void **state)
{
	static const char *const role[2 * PAIRS_MAX] = { "io.kubernetes.cri.container-type",
							 "podsandbox" };
	static const char *const none[2 * PAIRS_MAX] = { "io.kubernetes.cri.container-type",
							 "container" };
	static const char *const empty[2 * PAIRS_MAX] = { "io.kubernetes.cri-o.ContainerType",
							  "container",
							  "io.kubernetes.cri-o.SandboxID", "" };
	struct error err = { 0 };
	struct oci_pod pod;

	(void)state;
	assert_int_equal(read_pairs(role, &pod, &err), -EINVAL);
	assert_string_equal(err.text, "annotation io.kubernetes.cri.container-type: 'podsandbox' "
				      "is neither sandbox nor container");
	assert_int_equal(read_pairs(none, &pod, &err), -EINVAL);
	assert_int_equal(read_pairs(empty, &pod, &err), -EINVAL);
	assert_string_equal(err.text, "annotation io.kubernetes.cri-o.SandboxID is missing: the "
				      "container does not say which sandbox it belongs to");
}

static void a_pod_has_the_name_its_sandbox_says(void **state)
{
	struct json_pair items[] = { { "io.kubernetes.cri-o.Name", "web" } };
	const struct json_map map = { .items = items, .len = 1 };

	(void)state;
	assert_true(oci_pod_is_named(&map, "web"));
	assert_false(oci_pod_is_named(&map, "we"));
	items[0].key = "io.kubernetes.cri-o.Other";
	assert_false(oci_pod_is_named(&map, "web"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_dialect_is_read),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(a_pod_has_the_name_its_sandbox_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
