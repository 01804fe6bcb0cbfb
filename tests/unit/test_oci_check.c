/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <errno.h>
#include <string.h>
#include "oci/spec.h"

#define PROCESS "\"process\":{\"cwd\":\"/\",\"args\":[\"a\"]}"
#define HEAD	"\"ociVersion\":\"1.2.0\","
#define ROOT	",\"root\":{\"path\":\"rootfs\"}"
/* A document that is fine but for the members given. */
#define WITH(members) "{" HEAD PROCESS ROOT "," members "}"
#define WITH_PROCESS(members) \
	"{" HEAD "\"process\":{\"cwd\":\"/\",\"args\":[\"a\"]," members "}" ROOT "}"
#define WITH_LINUX(members) WITH("\"linux\":{" members "}")

struct check_case {
	const char *text;
	const char *message; /* NULL: the document is fine */
};

static const struct check_case cases[] = {
	{ "{" HEAD PROCESS ROOT "}", NULL },

	/* version */
	{ "{" PROCESS ROOT "}", "ociVersion must not be empty" },
	{ "{\"ociVersion\":\"1.0.0-rc5\"," PROCESS ROOT "}", NULL },
	{ "{\"ociVersion\":\"2.0.0\"," PROCESS ROOT "}",
	  "ociVersion '2.0.0' is not supported (any 1.x is, written for " OCI_VERSION ")" },

	/* process */
	{ "{" HEAD "\"root\":{\"path\":\"rootfs\"}}", "process property must not be empty" },
	{ "{" HEAD "\"process\":{\"args\":[\"a\"]}" ROOT "}", "Cwd property must not be empty" },
	{ "{" HEAD "\"process\":{\"cwd\":\"tmp\",\"args\":[\"a\"]}" ROOT "}",
	  "Cwd must be an absolute path" },
	{ "{" HEAD "\"process\":{\"cwd\":\"/\",\"args\":[]}" ROOT "}", "args must not be empty" },
	{ WITH_PROCESS("\"oomScoreAdj\":1001"),
	  "process.oomScoreAdj: 1001 is not between -1000 and 1000" },
	{ WITH_PROCESS("\"oomScoreAdj\":-1000"), NULL },
	{ WITH_PROCESS("\"user\":{\"additionalGids\":[4294967296]}"),
	  "process.user.additionalGids: 4294967296 is not a group id" },
	{ WITH_PROCESS("\"user\":{\"additionalGids\":[-1]}"),
	  "process.user.additionalGids: -1 is not a group id" },
	{ WITH_PROCESS("\"user\":{\"umask\":512}"), "process.user.umask: 01000 is above 0777" },
	{ WITH_PROCESS("\"user\":{\"uid\":4294967295}"),
	  "unable to setup user: uids and gids must be in range 0-2147483647" },
	{ WITH_PROCESS("\"user\":{\"gid\":2147483648}"),
	  "unable to setup user: uids and gids must be in range 0-2147483647" },
	{ WITH_PROCESS("\"execCPUAffinity\":{\"initial\":\"0\",\"final\":\"0-\"}"),
	  "process.execCPUAffinity.final: \"0-\" is not a list of CPUs" },
	{ WITH_PROCESS("\"rlimits\":[{\"type\":\"RLIMIT_FOO\"}]"),
	  "wrong rlimit value: RLIMIT_FOO" },
	{ WITH_PROCESS("\"rlimits\":[{}]"), "wrong rlimit value: " },
	{ WITH_PROCESS("\"rlimits\":[{\"type\":\"RLIMIT_CORE\"},{\"type\":\"RLIMIT_CORE\"}]"),
	  "duplicated rlimits: RLIMIT_CORE" },
	{ WITH_PROCESS("\"rlimits\":[{\"type\":\"RLIMIT_CPU\",\"hard\":1,\"soft\":2}]"),
	  "RLIMIT_CPU: the soft limit 2 is above the hard limit 1" },
	{ WITH_PROCESS("\"scheduler\":{}"), "scheduler policy is required" },
	{ WITH_PROCESS("\"scheduler\":{\"policy\":\"SCHED_FAIR\"}"),
	  "invalid scheduler policy: SCHED_FAIR" },
	{ WITH_PROCESS("\"scheduler\":{\"policy\":\"SCHED_OTHER\",\"nice\":20}"),
	  "invalid scheduler.nice: 20" },
	{ WITH_PROCESS("\"scheduler\":{\"policy\":\"SCHED_OTHER\",\"priority\":1}"),
	  "scheduler.priority can only be specified for SchedFIFO or SchedRR policy" },
	{ WITH_PROCESS("\"scheduler\":{\"policy\":\"SCHED_FIFO\",\"priority\":1}"), NULL },
	{ WITH_PROCESS("\"scheduler\":{\"policy\":\"SCHED_RR\",\"period\":1}"),
	  "scheduler runtime/deadline/period can only be specified for SchedDeadline policy" },
	{ WITH_PROCESS("\"ioPriority\":{\"class\":\"BEST\",\"priority\":0}"),
	  "invalid ioPriority.Class: BEST" },
	{ WITH_PROCESS("\"ioPriority\":{\"class\":\"IOPRIO_CLASS_RT\",\"priority\":8}"),
	  "invalid ioPriority.Priority: 8" },
	{ WITH_PROCESS("\"capabilities\":{\"bounding\":[\"CAP_FROM_THE_FUTURE\"]}"), NULL },

	/* root, mounts, hooks */
	{ "{" HEAD PROCESS "}", "root must be specified" },
	{ "{" HEAD PROCESS ",\"root\":{}}", "invalid rootfs: root.path must not be empty" },
	{ WITH("\"mounts\":[{\"destination\":\"/a\"},{\"source\":\"x\"}]"),
	  "mounts[1]: destination must not be empty" },
	{ WITH("\"mounts\":[{\"destination\":\"relative/is/old\"}]"), NULL },
	{ WITH("\"mounts\":[{\"destination\":\"/a\",\"type\":\"bind\",\"uidMappings\":[{\"size\":1}]}]"),
	  "invalid mount /a: uidMappings and gidMappings must be given together" },
	{ WITH("\"mounts\":[{\"destination\":\"/a\",\"type\":\"tmpfs\",\"options\":[\"idmap\"]}]"),
	  "invalid mount /a: id-mapped mounts are only supported for bind-mounts" },
	{ WITH("\"mounts\":[{\"destination\":\"/a\",\"options\":[\"rbind\",\"ridmap\"]}]"),
	  "invalid mount /a: idmap needs uidMappings and gidMappings, of the mount or of a new user "
	  "namespace" },
	{ WITH("\"mounts\":[{\"destination\":\"/a\",\"type\":\"bind\",\"options\":[\"idmap\"]}],"
	       "\"linux\":{\"namespaces\":[{\"type\":\"user\",\"path\":\"/run/u\"}]}"),
	  "invalid mount /a: idmap needs uidMappings and gidMappings, of the mount or of a new user "
	  "namespace" },
	{ WITH("\"mounts\":[{\"destination\":\"/a\",\"type\":\"bind\",\"options\":[\"idmap\"]}],"
	       "\"linux\":{\"namespaces\":[{\"type\":\"user\"}],\"uidMappings\":[{\"size\":1}],"
	       "\"gidMappings\":[{\"size\":1}]}"),
	  NULL },
	{ WITH("\"hooks\":{\"poststop\":[{\"path\":\"/a\"},{\"path\":\"b\"}]}"),
	  "hooks.poststop[1]: path 'b' is not an absolute path" },
	{ WITH("\"hooks\":{\"createRuntime\":[{}]}"),
	  "hooks.createRuntime[0]: path '' is not an absolute path" },
	{ WITH("\"hooks\":{\"prestart\":[{\"path\":\"/a\",\"timeout\":0}]}"),
	  "hooks.prestart[0]: timeout must be greater than zero" },

	/* linux */
	{ WITH_LINUX("\"namespaces\":[{\"type\":\"foo\"}]"), "namespace \"foo\" does not exist" },
	{ WITH_LINUX("\"namespaces\":[{}]"), "namespace \"\" does not exist" },
	{ WITH_LINUX("\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"pid\",\"path\":\"/x\"}]"),
	  "malformed spec file: duplicated ns \"pid\"" },
	{ WITH_LINUX("\"namespaces\":[{\"type\":\"pid\",\"path\":\"x\"}]"),
	  "namespace \"pid\": path 'x' is not an absolute path" },
	{ WITH_LINUX("\"devices\":[{\"path\":\"/dev/x\",\"type\":\"a\"}]"),
	  "invalid device type \"a\" of /dev/x" },
	{ WITH_LINUX("\"devices\":[{\"path\":\"dev/x\",\"type\":\"c\"}]"),
	  "linux.devices[0]: path 'dev/x' is not an absolute path" },
	{ WITH_LINUX("\"rootfsPropagation\":\"loud\""), "rootfsPropagation=loud is not supported" },
	{ WITH_LINUX("\"rootfsPropagation\":\"rslave\""), NULL },
	{ WITH_LINUX("\"timeOffsets\":{\"realtime\":{}}"),
	  "linux.timeOffsets: there is no clock \"realtime\" (monotonic and boottime are)" },
	{ WITH_LINUX("\"gidMappings\":[{\"size\":0}]"),
	  "linux.gidMappings[0].size must not be zero" },
	{ WITH_LINUX("\"seccomp\":{}"), NULL },

	/* one member and another */
	{ WITH("\"hostname\":\"h\""), "unable to set hostname without a private UTS namespace" },
	{ WITH("\"domainname\":\"d\",\"linux\":{\"namespaces\":[{\"type\":\"pid\"}]}"),
	  "unable to set domainname without a private UTS namespace" },
	{ WITH("\"hostname\":\"h\",\"linux\":{\"namespaces\":[{\"type\":\"uts\"}]}"), NULL },
	{ WITH_LINUX("\"maskedPaths\":[\"/proc/kcore\"]"),
	  "unable to restrict sys entries without a private MNT namespace" },
	{ WITH_LINUX("\"readonlyPaths\":[\"/proc/sys\"]"),
	  "unable to restrict sys entries without a private MNT namespace" },
	{ WITH_LINUX("\"uidMappings\":[{\"size\":1}]"),
	  "User namespace mappings specified, but USER namespace isn't enabled in the config" },
	{ WITH_LINUX("\"namespaces\":[{\"type\":\"user\"}]"),
	  "user namespaces enabled, but no uid and gid mappings found" },
	{ WITH_LINUX("\"namespaces\":[{\"type\":\"user\",\"path\":\"/run/userns\"}]"), NULL },
	{ WITH_LINUX("\"timeOffsets\":{\"boottime\":{\"secs\":1}}"),
	  "time namespace offsets specified, but time namespace isn't enabled in the config" },
};

static void test_each_rule(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct check_case *c = &cases[i];
		auto_arena struct arena arena = { 0 };
		struct oci_spec spec;
		struct error err = { 0 };

		if (json_decode(&oci_spec_type, c->text, strlen(c->text), NULL, &arena, &spec,
				&err) < 0)
			fail_msg("case %zu: %s", i, err.text);
		if (oci_spec_check(&spec, &err) == 0) {
			if (c->message)
				fail_msg("case %zu passed: %s", i, c->text);
			continue;
		}
		if (!c->message)
			fail_msg("case %zu: %s: %s", i, c->text, err.text);
		assert_int_equal(err.code, -EINVAL);
		assert_string_equal(err.text, c->message);
	}
}

static void test_no_process(void **state)
{
	struct error err = { 0 };

	(void)state;
	assert_int_equal(oci_process_check(NULL, &err), -EINVAL);
	assert_string_equal(err.text, "process property must not be empty");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_rule),
		cmocka_unit_test(test_no_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
