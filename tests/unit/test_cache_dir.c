#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/spawn.h"
#include "runtime/factory/cache.h"
#include "runtime/factory/cache_dir.h"

struct place {
	char path[64];
	int dir_fd;
};

static int setup(void **state)
{
	struct place *place = calloc(1, sizeof(*place));
	struct error err;

	assert_non_null(place);
	(void)snprintf(place->path, sizeof(place->path), "/tmp/test-cache-XXXXXX");
	assert_non_null(mkdtemp(place->path));
	place->dir_fd = cache_dir_open(place->path, true, &err);
	assert_true(place->dir_fd >= 0);
	*state = place;
	return 0;
}

static int teardown(void **state)
{
	struct place *place = *state;

	(void)close(place->dir_fd);
	assert_int_equal(fs_remove_tree_at(AT_FDCWD, place->path), 0);
	free(place);
	return 0;
}

static int record(void *arg, struct error *err)
{
	return cache_machine_record_self(*(const int *)arg, err);
}

/* A machine's directory with a process that stands for its VMM. Returns the fd. */
static int make_machine(const struct place *place, const char *name, pid_t *pid)
{
	const char *const argv[] = { "sleep", "100", NULL };
	int fd = fs_mkdir_open_at(place->dir_fd, name, 0700);
	struct spawn sp = {
		.path = "/bin/sleep", .argv = argv, .prepare = record, .prepare_arg = &fd
	};
	struct error err = { 0 };

	assert_true(fd >= 0);
	if (spawn_start(&sp, pid, &err) < 0)
		fail_msg("%s", err.text);
	return fd;
}

static void assert_ended(pid_t pid)
{
	/* reaped by who killed it: it is a child of ours */
	assert_int_equal(kill(pid, 0), -1);
	assert_int_equal(errno, ESRCH);
}

static void end(pid_t pid)
{
	int status;

	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(spawn_wait(pid, -1, &status), 0);
}

static void one_claim_wins(void **state)
{
	const struct place *place = *state;
	struct error err;
	pid_t pid;
	auto_close int fd = make_machine(place, "a", &pid);

	assert_int_equal(cache_machine_claim(fd), -ENOENT);
	assert_int_equal(cache_machine_publish(fd, &err), 0);
	assert_false(cache_machine_is_claimed(fd));
	assert_int_equal(cache_machine_claim(fd), 0);
	assert_int_equal(cache_machine_claim(fd), -ENOENT);
	assert_true(cache_machine_is_claimed(fd));
	end(pid);
}

static void what_is_claimed_is_not_ended(void **state)
{
	const struct place *place = *state;
	auto_free char *path = NULL;
	struct error err;
	pid_t pid;
	auto_close int fd = make_machine(place, "a", &pid);

	assert_int_equal(cache_machine_publish(fd, &err), 0);
	assert_int_equal(cache_machine_claim(fd), 0);
	assert_int_equal(cache_machine_end(place->dir_fd, "a"), 0);
	cache_dir_sweep(place->dir_fd);
	assert_int_equal(kill(pid, 0), 0);
	assert_int_equal(fs_exists_at(place->dir_fd, "a"), 1);
	end(pid);
	assert_true(asprintf(&path, "%s/a", place->path) > 0);
	assert_int_equal(cache_machine_remove(path), 0);
	assert_int_equal(cache_machine_remove(path), 0);
	assert_int_equal(fs_exists_at(place->dir_fd, "a"), 0);
}

static void what_is_not_claimed_is_not_removed_by_a_sandbox(void **state)
{
	const struct place *place = *state;
	auto_free char *path = NULL;
	pid_t pid;
	auto_close int fd = make_machine(place, "a", &pid);

	assert_true(fd >= 0);
	assert_true(asprintf(&path, "%s/a", place->path) > 0);
	assert_int_equal(cache_machine_remove(path), 0);
	assert_int_equal(fs_exists_at(place->dir_fd, "a"), 1);
	end(pid);
}

static void a_sweep_ends_what_nobody_has(void **state)
{
	const struct place *place = *state;
	struct error err;
	pid_t making, pooled, taken;
	auto_close int making_fd = make_machine(place, "making", &making);
	auto_close int pooled_fd = make_machine(place, "pooled", &pooled);
	auto_close int taken_fd = make_machine(place, "taken", &taken);

	assert_true(making_fd >= 0);
	assert_int_equal(mkdirat(place->dir_fd, "empty", 0700), 0);
	assert_int_equal(cache_machine_publish(pooled_fd, &err), 0);
	assert_int_equal(cache_machine_publish(taken_fd, &err), 0);
	assert_int_equal(cache_machine_claim(taken_fd), 0);
	end(taken);
	cache_dir_sweep(place->dir_fd);
	assert_ended(making);
	assert_ended(pooled);
	assert_int_equal(cache_machine_claim(pooled_fd), -ENOENT);
	assert_int_equal(rmdir(place->path), 0);
	assert_int_equal(mkdir(place->path, 0700), 0);
}

static void others_may_not_write_to_it(void **state)
{
	const struct place *place = *state;
	struct error err = { 0 };

	assert_int_equal(chmod(place->path, 0777), 0);
	assert_int_equal(cache_dir_open(place->path, false, &err), -EPERM);
	assert_non_null(strstr(err.text, "others may write to it"));
	assert_int_equal(cache_dir_open("/nowhere/at/all", false, &err), -ENOENT);
}

static void machines_cross_the_wire(void **state)
{
	const struct cache_machine machine = {
		.uuid = "u", .dir = "/d", .accelerator = "tcg", .vmm = { 42, 4711 }
	};
	auto_arena struct arena arena = { 0 };
	struct error err = { 0 };
	struct cache_machine back;
	const char *json;

	(void)state;
	assert_int_equal(cache_machine_encode(&machine, &arena, &json, &err), 0);
	assert_int_equal(cache_machine_decode(json, strlen(json), &arena, &back, &err), 0);
	assert_string_equal(back.dir, "/d");
	assert_int_equal(back.vmm.pid, 42);
	assert_int_equal(back.vmm.start_time, 4711);
	json = "{\"version\":1,\"uuid\":\"u\",\"dir\":\"d\",\"accelerator\":\"tcg\","
	       "\"vmm\":{\"pid\":42,\"startTime\":1}}";
	assert_int_equal(cache_machine_decode(json, strlen(json), &arena, &back, &err), -EBADMSG);
	json = "{\"version\":1,\"uuid\":\"u\",\"dir\":\"/d\",\"accelerator\":\"tcg\","
	       "\"vmm\":{\"pid\":1,\"startTime\":1}}";
	assert_int_equal(cache_machine_decode(json, strlen(json), &arena, &back, &err), -EBADMSG);
	assert_int_equal(cache_machine_decode("", 0, &arena, &back, &err), -EINVAL);
}

static int compare(const char *theirs, const char *ours, struct error *err)
{
	return cache_shape_compare(theirs, strlen(theirs), ours, err);
}

static void differences_are_named(void **state)
{
	static const char ours[] =
		"{\"version\":1,\"hypervisor\":\"qemu\",\"key\":\"a=1\\nb=2\\n\"}";
	struct error err = { 0 };

	(void)state;
	assert_int_equal(compare(ours, ours, &err), 0);
	assert_int_equal(compare("{\"version\":1,\"hypervisor\":\"qemu\",\"key\":\"a=1\\nb=3\\n\"}",
				 ours, &err),
			 -EMEDIUMTYPE);
	assert_string_equal(err.text, "hypervisor config does not match: b=3 vs. b=2");
	assert_int_equal(compare("{\"version\":1,\"hypervisor\":\"qemu\",\"key\":\"a=1\"}", ours,
				 &err),
			 -EMEDIUMTYPE);
	assert_int_equal(compare("{\"version\":1,\"hypervisor\":\"x\",\"key\":\"\"}", ours, &err),
			 -EMEDIUMTYPE);
	assert_string_equal(err.text, "hypervisor type does not match: x vs. qemu");
	assert_int_equal(compare("{", ours, &err), -EINVAL);
}

static void backends_need_snapshots(void **state)
{
	const struct hypervisor_ops able = { .name = "qemu", .caps = HV_CAP_SNAPSHOT };
	const struct hypervisor_ops unable = { .name = "acrn" };
	struct error err = { 0 };

	(void)state;
	assert_int_equal(cache_check(&able, &err), 0);
	assert_int_equal(cache_check(&unable, &err), -EOPNOTSUPP);
	assert_string_equal(err.text, "acrn is not supported by VM cache");
}

#define IN_PLACE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PLACE(one_claim_wins),
		IN_PLACE(what_is_claimed_is_not_ended),
		IN_PLACE(what_is_not_claimed_is_not_removed_by_a_sandbox),
		IN_PLACE(a_sweep_ends_what_nobody_has),
		IN_PLACE(others_may_not_write_to_it),
		cmocka_unit_test(machines_cross_the_wire),
		cmocka_unit_test(differences_are_named),
		cmocka_unit_test(backends_need_snapshots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
