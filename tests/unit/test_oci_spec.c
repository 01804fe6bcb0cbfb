/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/fs.h"
#include "oci/spec.h"

#define FIXTURES TEST_SOURCE_DIR "/tests/fixtures/spec"

static int open_fixtures(void)
{
	int fd = open(FIXTURES, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void load(const char *file, struct arena *arena, struct oci_spec *spec)
{
	auto_close int dir = open_fixtures();
	struct error err = { 0 };

	if (oci_spec_load(dir, file, arena, spec, &err) < 0)
		fail_msg("%s", err.text);
}

static void test_process_is_read(void **state)
{
	auto_arena struct arena arena = { 0 };
	struct oci_spec spec;
	const struct oci_rlimit *rlimits;

	(void)state;
	load("full.json", &arena, &spec);
	assert_string_equal(spec.oci_version, "1.2.0");
	assert_true(spec.process->terminal);
	assert_int_equal(spec.process->console_size->width, 80);
	assert_int_equal(spec.process->user.uid, 1000);
	assert_true(spec.process->user.umask.set);
	assert_int_equal(spec.process->user.umask.value, 022);
	assert_int_equal(spec.process->user.additional_gids.len, 2);
	assert_true(spec.process->user.additional_gids.items[1] == UINT32_MAX);
	assert_int_equal(spec.process->args.len, 3);
	assert_string_equal(spec.process->args.items[2], "echo \"gr\xc3\xbc\xc3\x9f"
							 "e\"");
	assert_string_equal(spec.process->capabilities->bounding.items[1], "CAP_CHOWN");
	assert_string_equal(spec.process->capabilities->ambient.items[0], "CAP_NET_RAW");
	rlimits = spec.process->rlimits.items;
	assert_int_equal(spec.process->rlimits.len, 2);
	assert_true(rlimits[1].hard == UINT64_MAX);
	assert_true(spec.process->oom_score_adj.set);
	assert_int_equal(spec.process->oom_score_adj.value, -500);
	assert_true(spec.process->scheduler->period_ns == 3000000);
	assert_string_equal(spec.process->exec_cpu_affinity->final, "0-3,7");
}

static void test_mounts_and_hooks_are_read(void **state)
{
	auto_arena struct arena arena = { 0 };
	struct oci_spec spec;
	const struct oci_mount *mounts;
	const struct oci_id_mapping *map;
	const struct oci_hook *hook;

	(void)state;
	load("full.json", &arena, &spec);
	assert_string_equal(spec.root->path, "rootfs");
	assert_true(spec.root->readonly);
	mounts = spec.mounts.items;
	assert_int_equal(spec.mounts.len, 2);
	assert_string_equal(mounts[1].source, "/srv/data");
	assert_string_equal(mounts[1].options.items[1], "ro");
	map = mounts[1].gid_mappings.items;
	assert_int_equal(map->host_id, 200000);
	hook = spec.hooks->prestart.items;
	assert_int_equal(hook->timeout_s.value, 5);
	assert_string_equal(hook->args.items[1], "--now");
	hook = spec.hooks->poststop.items;
	assert_string_equal(hook->path, "/usr/bin/stop");
	assert_false(hook->timeout_s.set);
}

static void test_linux_is_read(void **state)
{
	auto_arena struct arena arena = { 0 };
	struct oci_spec spec;
	const struct oci_linux_resources *res;
	const struct oci_device_cgroup *rule;
	const struct oci_syscall *call;
	const struct oci_seccomp_arg *arg;
	const struct oci_time_offset *offset;

	(void)state;
	load("full.json", &arena, &spec);
	res = spec.linux_->resources;
	rule = res->devices.items;
	assert_null(rule[0].type);
	assert_false(rule[0].major.set);
	assert_true(rule[1].minor.set);
	assert_int_equal(rule[1].minor.value, 0);
	assert_true(res->memory->limit.value == 512 << 20);
	assert_true(res->memory->swappiness.set);
	assert_true(res->memory->disable_oom_killer.set);
	assert_false(res->memory->disable_oom_killer.value);
	assert_true(res->cpu->quota_us.value == -1);
	assert_true(res->pids->limit.value == -1);
	assert_string_equal(res->rdma.keys[0], "mlx5_1");
	assert_int_equal(((const struct oci_rdma *)res->rdma.items)->hca_objects.value, 10000);
	call = spec.linux_->seccomp->syscalls.items;
	assert_int_equal(call[1].errno_ret.value, 22);
	arg = call[1].args.items;
	assert_true(arg->value == UINT64_MAX);
	assert_string_equal(arg->op, "SCMP_CMP_MASKED_EQ");
	offset = spec.linux_->time_offsets.items;
	assert_true(offset->secs == -5);
	assert_string_equal(spec.vm->kernel->initrd, "/boot/initrd");
}

static void test_round_trip_loses_nothing(void **state)
{
	auto_arena struct arena arena = { 0 };
	auto_strbuf struct strbuf text = { 0 };
	auto_strbuf struct strbuf file = { 0 };
	struct oci_spec spec;

	(void)state;
	load("full.json", &arena, &spec);
	assert_int_equal(json_encode(&oci_spec_type, &spec, 2, &text), 0);
	assert_int_equal(strbuf_addc(&text, '\n'), 0);
	assert_int_equal(fs_read_file_at(AT_FDCWD, FIXTURES "/full.json", &file, 1 << 20), 0);
	assert_string_equal(strbuf_str(&text), strbuf_str(&file));
}

static void test_hooks_can_be_left_out(void **state)
{
	auto_arena struct arena arena = { 0 };
	auto_strbuf struct strbuf text = { 0 };
	struct oci_spec spec;
	struct oci_spec again;
	struct error err = { 0 };

	(void)state;
	load("full.json", &arena, &spec);
	spec.hooks = NULL;
	assert_int_equal(json_encode(&oci_spec_type, &spec, 0, &text), 0);
	assert_null(strstr(strbuf_str(&text), "hooks"));
	assert_int_equal(json_decode(&oci_spec_type, strbuf_str(&text), text.len, NULL, &arena,
				     &again, &err),
			 0);
	assert_null(again.hooks);
	assert_int_equal(again.mounts.len, 2);
}

static void test_unknown_keys_are_skipped(void **state)
{
	auto_arena struct arena arena = { 0 };
	auto_strbuf struct strbuf text = { 0 };
	struct oci_spec spec;

	(void)state;
	load("minimal.json", &arena, &spec);
	assert_null(spec.linux_);
	assert_null(spec.process->capabilities);
	assert_false(spec.process->oom_score_adj.set);
	assert_int_equal(json_encode(&oci_spec_type, &spec, 0, &text), 0);
	assert_string_equal(strbuf_str(&text),
			    "{\"ociVersion\":\"1.0.2\",\"process\":{\"user\":{\"uid\":0,\"gid\":0},"
			    "\"args\":[\"true\"],\"cwd\":\"/\"},\"root\":{\"path\":\"rootfs\"}}");
}

static void test_missing_file_is_named(void **state)
{
	auto_arena struct arena arena = { 0 };
	auto_close int dir = open_fixtures();
	struct oci_spec spec;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(oci_spec_load(dir, "config.json", &arena, &spec, &err), -ENOENT);
	assert_non_null(strstr(err.text, "JSON specification file config.json not found"));
	assert_non_null(strstr(err.text, "/tests/fixtures/spec/config.json'"));
}

static int load_text(const char *text, size_t len, struct error *err)
{
	char path[] = "/tmp/acrun-test-spec-XXXXXX";
	auto_arena struct arena arena = { 0 };
	auto_close int fd = mkstemp(path);
	struct oci_spec spec;
	int ret;

	assert_true(fd >= 0);
	assert_int_equal(fs_write_all(fd, text, len), 0);
	ret = oci_spec_load(AT_FDCWD, path, &arena, &spec, err);
	assert_int_equal(unlink(path), 0);
	return ret;
}

static void test_type_mismatch_names_file_and_place(void **state)
{
	static const char text[] = "{\n\"process\": {\n\"args\": [\"a\", 7]}}";
	struct error err = { 0 };

	(void)state;
	assert_int_equal(load_text(text, sizeof(text) - 1, &err), -EINVAL);
	assert_non_null(strstr(err.text, "'/tmp/acrun-test-spec-"));
	assert_non_null(strstr(err.text, "line 3: process.args[1]: expected a string"));
}

static void test_text_with_a_nul_is_refused(void **state)
{
	static const char text[] = "{\"process\":{\"cwd\":\"/\\u0000x\"}}";
	struct error err = { 0 };

	(void)state;
	assert_int_equal(load_text(text, sizeof(text) - 1, &err), -EINVAL);
}

static void test_deep_nesting_is_refused(void **state)
{
	auto_free char *text = malloc(8 << 20);
	struct error err = { 0 };

	(void)state;
	assert_non_null(text);
	memset(text, '[', 8 << 20);
	assert_true(load_text(text, 8 << 20, &err) < 0);
	assert_null(strchr(err.text, '\n'));
	memcpy(text, "{\"x\":", 5);
	memset(err.text, 0, sizeof(err.text));
	assert_int_equal(load_text(text, 8 << 20, &err), -E2BIG);
	assert_null(strchr(err.text, '\n'));
}

static void test_too_large_a_file_is_refused(void **state)
{
	auto_free char *text = malloc(OCI_SPEC_MAX + 1);
	struct error err = { 0 };

	(void)state;
	assert_non_null(text);
	memset(text, '[', OCI_SPEC_MAX + 1);
	assert_int_equal(load_text(text, OCI_SPEC_MAX + 1, &err), -EFBIG);
	assert_non_null(strstr(err.text, "larger than the 16 MiB"));
}

static void test_process_document(void **state)
{
	static const char good[] =
		"{\"user\":{\"uid\":7,\"gid\":0},\"args\":[\"id\"],\"cwd\":\"/\"}";
	static const char bad[] = "{\"user\":{\"uid\":-1}}";
	auto_arena struct arena arena = { 0 };
	struct oci_process process;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(
		oci_process_decode("p.json", good, sizeof(good) - 1, &arena, &process, &err), 0);
	assert_int_equal(process.user.uid, 7);
	assert_int_equal(oci_process_decode("p.json", bad, sizeof(bad) - 1, &arena, &process, &err),
			 -EINVAL);
	assert_non_null(strstr(err.text, "'p.json': line 1: user.uid"));
}

static void test_namespaces_and_annotations_are_found(void **state)
{
	auto_arena struct arena arena = { 0 };
	struct oci_spec spec;

	(void)state;
	load("full.json", &arena, &spec);
	assert_string_equal(oci_spec_namespace(&spec, "network"), "/run/netns/kiwi");
	assert_string_equal(oci_spec_namespace(&spec, "pid"), "");
	assert_string_equal(oci_spec_annotation(&spec, "org.example.colour"), "green");
	assert_string_equal(oci_spec_annotation(&spec, "org.example.empty"), "");
	assert_null(oci_spec_annotation(&spec, "org.example"));
	load("minimal.json", &arena, &spec);
	assert_null(oci_spec_namespace(&spec, "pid"));
}

/* Each document in a folder, with what stands in its "refusedWith", a member that nobody knows. */
struct fixture {
	const char *refused_with;
};

static const struct json_row fixture_rows[] = {
	{ .name = "refusedWith",
	  .kind = JSON_STR,
	  .offset = offsetof(struct fixture, refused_with) },
};
static const struct json_type fixture_type = JSON_TYPE(fixture, fixture_rows);

static void check_good(int dir, const char *name)
{
	auto_arena struct arena arena = { 0 };
	auto_strbuf struct strbuf once = { 0 };
	auto_strbuf struct strbuf twice = { 0 };
	struct oci_spec spec, again;
	struct error err = { 0 };

	if (oci_spec_load(dir, name, &arena, &spec, &err) < 0 || oci_spec_check(&spec, &err) < 0)
		fail_msg("%s: %s", name, err.text);
	assert_int_equal(json_encode(&oci_spec_type, &spec, 0, &once), 0);
	assert_int_equal(
		json_decode(&oci_spec_type, once.data, once.len, NULL, &arena, &again, &err), 0);
	assert_int_equal(json_encode(&oci_spec_type, &again, 0, &twice), 0);
	assert_string_equal(once.data, twice.data);
}

static void check_bad(int dir, const char *name)
{
	auto_arena struct arena arena = { 0 };
	auto_strbuf struct strbuf text = { 0 };
	struct fixture fixture = { 0 };
	struct oci_spec spec;
	struct error err = { 0 };

	assert_int_equal(fs_read_file_at(dir, name, &text, 1 << 20), 0);
	assert_int_equal(
		json_decode(&fixture_type, text.data, text.len, NULL, &arena, &fixture, &err), 0);
	assert_non_null(fixture.refused_with);
	if (oci_spec_load(dir, name, &arena, &spec, &err) == 0 && oci_spec_check(&spec, &err) == 0)
		fail_msg("%s is not refused", name);
	if (!strstr(err.text, fixture.refused_with))
		fail_msg("%s: '%s' does not say '%s'", name, err.text, fixture.refused_with);
}

static void for_each_in(const char *folder, size_t at_least, void (*check)(int, const char *))
{
	auto_dir DIR *list = opendir(folder);
	struct dirent *entry;
	size_t n = 0;

	assert_non_null(list);
	while ((entry = readdir(list))) {
		if (entry->d_name[0] == '.')
			continue;
		check(dirfd(list), entry->d_name);
		n++;
	}
	assert_true(n >= at_least);
}

static void test_good_documents_pass(void **state)
{
	(void)state;
	for_each_in(FIXTURES "/good", 10, check_good);
}

static void test_bad_documents_are_refused_by_their_path(void **state)
{
	(void)state;
	for_each_in(FIXTURES "/bad", 75, check_bad);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_process_is_read),
		cmocka_unit_test(test_mounts_and_hooks_are_read),
		cmocka_unit_test(test_linux_is_read),
		cmocka_unit_test(test_round_trip_loses_nothing),
		cmocka_unit_test(test_hooks_can_be_left_out),
		cmocka_unit_test(test_unknown_keys_are_skipped),
		cmocka_unit_test(test_missing_file_is_named),
		cmocka_unit_test(test_type_mismatch_names_file_and_place),
		cmocka_unit_test(test_text_with_a_nul_is_refused),
		cmocka_unit_test(test_deep_nesting_is_refused),
		cmocka_unit_test(test_too_large_a_file_is_refused),
		cmocka_unit_test(test_process_document),
		cmocka_unit_test(test_namespaces_and_annotations_are_found),
		cmocka_unit_test(test_good_documents_pass),
		cmocka_unit_test(test_bad_documents_are_refused_by_their_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
