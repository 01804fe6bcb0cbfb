#include <errno.h>
#include <fcntl.h>
#include <sched.h>
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
#include "base/sock.h"
#include "base/spawn.h"
#include "runtime/storage/share.h"

/* A bundle with a directory, a file, a socket and a pipe in it, and a share beside it. */
struct place {
	char path[64];
	char bundle[80], rootfs[96], share[80];
	int share_fd;
	struct arena arena;
};

static void make_bundle(const struct place *place)
{
	auto_close int dir = -1;
	auto_close int sock = -1;

	assert_int_equal(fs_mkdir_all(place->rootfs, 0755), 0);
	dir = fs_open_dir_at(AT_FDCWD, place->bundle);
	assert_true(dir >= 0);
	assert_int_equal(mkdirat(dir, "dir", 0755), 0);
	assert_int_equal(fs_replace_at(dir, "file", "text", 4, 0644, false), 0);
	assert_int_equal(mkfifoat(dir, "pipe", 0600), 0);
	assert_int_equal(symlinkat("dir", dir, "link"), 0);
	sock = sock_listen_at(dir, "socket", 0600, 1);
	assert_true(sock >= 0);
}

static int setup(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	assert_non_null(place);
	(void)snprintf(place->path, sizeof(place->path), "/tmp/test-share-XXXXXX");
	assert_non_null(mkdtemp(place->path));
	(void)snprintf(place->bundle, sizeof(place->bundle), "%s/bundle", place->path);
	(void)snprintf(place->rootfs, sizeof(place->rootfs), "%s/rootfs", place->bundle);
	(void)snprintf(place->share, sizeof(place->share), "%s/share", place->path);
	make_bundle(place);
	assert_int_equal(mkdir(place->share, 0700), 0);
	place->share_fd = fs_open_dir_at(AT_FDCWD, place->share);
	assert_true(place->share_fd >= 0);
	*state = place;
	return 0;
}

static int teardown(void **state)
{
	struct place *place = *state;

	assert_int_equal(fs_remove_tree_at(AT_FDCWD, place->path), 0);
	(void)close(place->share_fd);
	arena_done(&place->arena);
	free(place);
	return 0;
}

static int plan(struct place *place, struct oci_mount *mounts, size_t n, struct share *share,
		struct error *err)
{
	struct oci_spec spec = { .mounts = { mounts, n } };
	const char *rootfs = NULL;
	int ret;

	*share = (struct share){ .dir = place->share };
	ret = share_plan(share, &spec, place->rootfs, place->bundle, "box", &place->arena, &rootfs,
			 err);
	if (ret == 0)
		assert_string_equal(rootfs, "box/rootfs");
	return ret;
}

static void the_root_comes_first(void **state)
{
	struct place *place = *state;
	struct oci_mount mounts[] = { { .destination = "/proc", .type = "proc", .source = "proc" },
				      { .destination = "/t", .type = "tmpfs", .source = "x" },
				      { .destination = "/none" } };
	struct share share;
	struct error err = { 0 };

	assert_int_equal(plan(place, mounts, 3, &share, &err), 0);
	assert_int_equal(share.n_mounts, 1);
	assert_string_equal(share.mounts[0].source, place->rootfs);
	assert_string_equal(share.mounts[0].target, "box/rootfs");
	assert_string_equal(share.mounts[0].destination, "/");
	assert_true(share.mounts[0].is_dir);
	assert_true(share.mounts[0].recursive);
	assert_false(share.mounts[0].readonly);
	assert_string_equal(mounts[0].source, "proc");
	assert_string_equal(mounts[1].source, "x");
	assert_null(mounts[2].source);
}

static void names_are_kept_where_they_show(void **state)
{
	struct place *place = *state;
	const struct {
		const char *source, *target;
	} rows[] = {
		{ "dir", "box/mount-1/dir" },	{ "./dir//", "box/mount-1/dir" },
		{ "dir/.", "box/mount-1" },	{ "/", "box/mount-1" },
		{ "file", "box/mount-1/file" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct oci_mount mount = { .destination = "/d",
					   .type = "bind",
					   .source = rows[i].source };
		struct oci_spec spec = { .mounts = { &mount, 1 } };
		struct share share = { .dir = place->share, .keeps_names = true };
		struct error err = { 0 };
		const char *rootfs;

		assert_int_equal(share_plan(&share, &spec, place->rootfs, place->bundle, "box",
					    &place->arena, &rootfs, &err),
				 0);
		assert_string_equal(share.mounts[1].target, rows[i].target);
		assert_int_equal(share_make_targets(&share, place->share_fd, &err), 0);
		assert_int_equal(fs_remove_tree_at(place->share_fd, "box"), 0);
	}
}

static void binds_are_known_by_type_or_option(void **state)
{
	static const char *bind[] = { "nosuid", "bind" };
	static const char *rbind[] = { "rbind", "ro" };
	static const char *rro[] = { "bind", "rro" };
	struct place *place = *state;
	const struct {
		struct oci_mount mount;
		bool is_dir, recursive, readonly;
	} rows[] = {
		{ { .type = "bind", .source = "dir" }, true, false, false },
		{ { .type = "none", .source = "file", .options = { bind, 2 } },
		  false,
		  false,
		  false },
		{ { .source = "./dir", .options = { rbind, 2 } }, true, true, true },
		{ { .source = "link", .options = { rro, 2 } }, true, false, true },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct oci_mount mount = rows[i].mount;
		struct error err = { 0 };
		struct share share;
		char source[128];

		mount.destination = "/dest";
		(void)snprintf(source, sizeof(source), "%s/%s", place->bundle, mount.source);
		if (plan(place, &mount, 1, &share, &err) < 0)
			fail_msg("%s", err.text);
		assert_int_equal(share.n_mounts, 2);
		assert_string_equal(share.mounts[1].source, source);
		assert_string_equal(share.mounts[1].target, "box/mount-1");
		assert_string_equal(share.mounts[1].destination, "/dest");
		assert_int_equal(share.mounts[1].is_dir, rows[i].is_dir);
		assert_int_equal(share.mounts[1].recursive, rows[i].recursive);
		assert_int_equal(share.mounts[1].readonly, rows[i].readonly);
		assert_string_equal(mount.source, "box/mount-1");
	}
}

static void the_guests_own_is_not_shared(void **state)
{
	static const char *const sources[] = { "/proc", "/proc/self/status", "/sys", "/sys/kernel",
					       "/dev/null" };
	struct place *place = *state;

	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		struct oci_mount mount = { .destination = "/d",
					   .type = "bind",
					   .source = sources[i] };
		struct error err = { 0 };
		struct share share;

		if (plan(place, &mount, 1, &share, &err) < 0)
			fail_msg("%s", err.text);
		assert_int_equal(share.n_mounts, 1);
		assert_string_equal(mount.source, sources[i]);
	}
}

/* What only looks like /proc at its beginning is the host's: neither does ".." lead around it. */
static void lookalikes_are_shared(void **state)
{
	struct place *place = *state;
	struct oci_mount mount = { .destination = "/d", .type = "bind" };
	struct error err = { 0 };
	struct share share;
	char source[128];

	(void)snprintf(source, sizeof(source), "/proc/..%s/dir", place->bundle);
	mount.source = source;
	if (plan(place, &mount, 1, &share, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(share.n_mounts, 2);
	assert_string_equal(mount.source, "box/mount-1");
}

static void what_cannot_be_shared_is_named(void **state)
{
	static const struct {
		const char *source;
		int code;
		const char *says;
	} rows[] = {
		{ "missing", -ENOENT, "/bundle/missing: no such file or directory" },
		{ "/no/such/dir", -ENOENT, "stat /no/such/dir: no such file or directory" },
		{ "file/below", -ENOTDIR, "/bundle/file/below" },
		{ "socket", -EOPNOTSUPP, "/bundle/socket\" to rootfs at \"/the/dest\"" },
		{ "pipe", -EOPNOTSUPP, "/bundle/pipe\" to rootfs at \"/the/dest\"" },
		{ "", -EINVAL, "a bind mount needs a source" },
		{ NULL, -EINVAL, "a bind mount needs a source" },
	};
	struct place *place = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct oci_mount mount = { .destination = "/the/dest",
					   .type = "bind",
					   .source = rows[i].source };
		struct error err = { 0 };
		struct share share;

		assert_int_equal(plan(place, &mount, 1, &share, &err), rows[i].code);
		assert_non_null(strstr(err.text, "\"/the/dest\""));
		if (!strstr(err.text, rows[i].says))
			fail_msg("'%s' lacks '%s'", err.text, rows[i].says);
	}
}

static void many_mounts_get_a_target_each(void **state)
{
	enum { MANY = 300 };
	struct place *place = *state;
	struct oci_mount mounts[MANY];
	struct error err = { 0 };
	struct share share;

	for (size_t i = 0; i < MANY; i++)
		mounts[i] = (struct oci_mount){ .destination = "/d",
						.type = i % 3 ? "bind" : "tmpfs",
						.source = i % 2 ? "dir" : "file" };
	assert_int_equal(plan(place, mounts, MANY, &share, &err), 0);
	assert_int_equal(share.n_mounts, 1 + MANY - MANY / 3);
	assert_int_equal(share_make_targets(&share, place->share_fd, &err), 0);
	for (size_t i = 0; i < share.n_mounts; i++) {
		struct stat st;

		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(share.mounts[i].target, share.mounts[j].target);
		assert_int_equal(fstatat(place->share_fd, share.mounts[i].target, &st, 0), 0);
		assert_int_equal(S_ISDIR(st.st_mode), share.mounts[i].is_dir);
		assert_int_equal(S_ISREG(st.st_mode), !share.mounts[i].is_dir);
	}
	assert_int_equal(share_make_targets(&share, place->share_fd, &err), 0);
}

static void targets_never_go_through_links(void **state)
{
	struct place *place = *state;
	struct oci_mount mount = { .destination = "/d", .type = "bind", .source = "file" };
	auto_free char *outside = NULL;
	struct error err = { 0 };
	struct share share;

	assert_int_equal(plan(place, &mount, 1, &share, &err), 0);
	assert_true(asprintf(&outside, "%s/outside", place->path) > 0);
	assert_int_equal(mkdirat(place->share_fd, "box", 0755), 0);
	assert_int_equal(symlinkat(outside, place->share_fd, "box/mount-1"), 0);
	assert_int_equal(share_make_targets(&share, place->share_fd, &err), -ELOOP);
	assert_non_null(strstr(err.text, "/share/box/mount-1'"));
	assert_int_equal(fs_exists_at(AT_FDCWD, outside), 0);
}

static bool can_write(int dir, const char *name)
{
	auto_close int fd = openat(dir, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	return fd >= 0;
}

struct look {
	const struct place *place;
	const struct share *share;
	pid_t other; /* whose mount namespace it is about */
};

static int look_at_mounts(const struct look *look, struct error *err)
{
	auto_strbuf struct strbuf text = { 0 };
	auto_close int dir = fs_open_dir_at(AT_FDCWD, look->place->share);

	if (dir < 0 || !can_write(dir, "box/rootfs/made"))
		return err_set(err, -errno, "write to the root");
	if (can_write(dir, "box/mount-1/made") || errno != EROFS)
		return err_msg(err, -EINVAL, "the first mount is not read-only");
	if (fs_read_file_at(dir, "box/mount-2", &text, 100) < 0 ||
	    strcmp(strbuf_str(&text), "text") != 0)
		return err_msg(err, -EINVAL, "the file says '%s'", strbuf_str(&text));
	return can_write(dir, "box/mount-2") ? 0 : err_msg(err, -EINVAL, "the file is read-only");
}

/* Runs in a process and mount namespace of its own. */
static int mount_and_look(void *arg, struct error *err)
{
	const struct look *look = arg;
	int ret = share_mount_all(look->share, err);

	return ret < 0 ? ret : look_at_mounts(look, err);
}

static int mount_elsewhere_and_look(void *arg, struct error *err)
{
	const struct look *look = arg;
	auto_close int ns = -1;
	char path[64];
	int ret;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)look->other);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	ret = share_mount_into(look->share, ns, err);
	return ret < 0 ? ret : look_at_mounts(look, err);
}

static int keep_private(void *arg, struct error *err)
{
	return share_mount_all(arg, err);
}

static void mounts_can_be_made_in_a_running_process(void **state)
{
	static const char *ro[] = { "rbind", "ro" };
	struct place *place = *state;
	struct oci_mount mounts[] = {
		{ .destination = "/d", .source = "dir", .options = { ro, 2 } },
		{ .destination = "/f", .type = "bind", .source = "file" },
	};
	auto_free char *made = NULL;
	struct share share, none = { .dir = place->share };
	struct error err = { 0 };
	struct look look = { place, &share, 0 };
	const char *const argv[] = { "sleep", "100", NULL };
	const struct spawn sp = { .path = "/bin/sleep",
				  .argv = argv,
				  .unshare_flags = CLONE_NEWNS,
				  .prepare = keep_private,
				  .prepare_arg = &none };
	int status, ret;

	assert_int_equal(plan(place, mounts, 2, &share, &err), 0);
	assert_int_equal(share_make_targets(&share, place->share_fd, &err), 0);
	assert_int_equal(spawn_start(&sp, &look.other, &err), 0);
	ret = spawn_call(mount_elsewhere_and_look, &look, &err);
	assert_int_equal(kill(look.other, SIGKILL), 0);
	assert_int_equal(spawn_wait(look.other, 20000, &status), 0);
	if (ret < 0)
		fail_msg("%s", err.text);
	assert_int_equal(fs_exists_at(place->share_fd, "box/rootfs/made"), 0);
	assert_true(asprintf(&made, "%s/made", place->rootfs) > 0);
	assert_int_equal(fs_exists_at(AT_FDCWD, made), 1);
}

static void mounts_are_there_and_only_there(void **state)
{
	static const char *ro[] = { "rbind", "ro" };
	struct place *place = *state;
	struct oci_mount mounts[] = {
		{ .destination = "/d", .source = "dir", .options = { ro, 2 } },
		{ .destination = "/f", .type = "bind", .source = "file" },
	};
	auto_free char *made = NULL;
	struct error err = { 0 };
	struct share share;
	struct look look = { place, &share, 0 };
	const char *const argv[] = { "true", NULL };
	const struct spawn sp = { .path = "/bin/true",
				  .argv = argv,
				  .unshare_flags = CLONE_NEWNS,
				  .prepare = mount_and_look,
				  .prepare_arg = &look };
	int code = -1;

	assert_int_equal(plan(place, mounts, 2, &share, &err), 0);
	assert_int_equal(share_make_targets(&share, place->share_fd, &err), 0);
	if (spawn_run(&sp, NULL, 0, NULL, 0, 20000, &code, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(code, 0);
	assert_int_equal(fs_exists_at(place->share_fd, "box/rootfs/made"), 0);
	assert_true(asprintf(&made, "%s/made", place->rootfs) > 0);
	assert_int_equal(fs_exists_at(AT_FDCWD, made), 1);
}

#define IN_PLACE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PLACE(the_root_comes_first),
		IN_PLACE(names_are_kept_where_they_show),
		IN_PLACE(binds_are_known_by_type_or_option),
		IN_PLACE(the_guests_own_is_not_shared),
		IN_PLACE(lookalikes_are_shared),
		IN_PLACE(what_cannot_be_shared_is_named),
		IN_PLACE(many_mounts_get_a_target_each),
		IN_PLACE(targets_never_go_through_links),
		IN_PLACE(mounts_are_there_and_only_there),
		IN_PLACE(mounts_can_be_made_in_a_running_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
