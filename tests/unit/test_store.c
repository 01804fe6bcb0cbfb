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
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/spawn.h"
#include "runtime/sandbox/store.h"

struct place {
	char top[64];
	char root[96]; /* not made yet */
};

static int setup(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	assert_non_null(place);
	(void)snprintf(place->top, sizeof(place->top), "/tmp/test-store-XXXXXX");
	assert_non_null(mkdtemp(place->top));
	(void)snprintf(place->root, sizeof(place->root), "%s/run/acrun", place->top);
	*state = place;
	return 0;
}

static int teardown(void **state)
{
	struct place *place = *state;

	assert_int_equal(fs_remove_tree_at(AT_FDCWD, place->top), 0);
	free(place);
	return 0;
}

static void fill(struct record *rec, const char *id, enum oci_status status)
{
	rec->state = (struct record_state){
		.version = STORE_VERSION,
		.id = id,
		.sandbox_id = id,
		.bundle = "/bundle",
		.rootfs = "/bundle/rootfs",
		.created = "2025-01-02T03:04:05.000000006Z",
		.oci_version = "1.2.0",
		.status = (int)status,
	};
}

/* Makes <root>/<id> with a state, and lets go of it. */
static void make(const struct place *place, const char *id, enum oci_status status)
{
	auto_record struct record rec = RECORD_INIT;
	struct error err = { 0 };

	if (record_create(&rec, place->root, id, &err) < 0)
		fail_msg("%s", err.text);
	fill(&rec, id, status);
	if (record_save(&rec, &err) < 0)
		fail_msg("%s", err.text);
}

static char *path_of(const struct place *place, const char *id, const char *file)
{
	char *path = NULL;

	assert_true(asprintf(&path, "%s/%s%s%s", place->root, id, file ? "/" : "",
			     file ? file : "") > 0);
	return path;
}

static void put_state(const struct place *place, const char *id, const char *text)
{
	auto_free char *dir = path_of(place, id, NULL);
	auto_free char *file = path_of(place, id, "state.json");

	assert_int_equal(fs_mkdir_all(dir, 0755), 0);
	assert_int_equal(fs_replace_at(AT_FDCWD, file, text, strlen(text), 0600, false), 0);
}

static bool exists(const struct place *place, const char *id)
{
	auto_free char *path = path_of(place, id, NULL);
	int ret = fs_exists_at(AT_FDCWD, path);

	assert_true(ret >= 0);
	return ret == 1;
}

static void assert_loaded(const struct record_state *state)
{
	assert_int_equal(state->version, STORE_VERSION);
	assert_string_equal(state->id, "box");
	assert_string_equal(state->sandbox_id, "pod");
	assert_string_equal(state->uuid, "a-uuid");
	assert_string_equal(state->hypervisor, "hv");
	assert_string_equal(state->accelerator, "tcg");
	assert_string_equal(state->oci_version, "1.2.0");
	assert_string_equal(state->bundle, "/bundle");
	assert_string_equal(state->rootfs, "/bundle/rootfs");
	assert_string_equal(state->created, "2025-01-02T03:04:05.000000006Z");
	assert_int_equal(state->owner_uid, 4294967294u);
	assert_int_equal(state->status, OCI_STATUS_PAUSED);
	assert_int_equal(state->annotations.len, 1);
	assert_string_equal(state->annotations.items[0].key, "k\"ey");
	assert_string_equal(state->annotations.items[0].value, "v\nalue");
	assert_non_null(state->hooks);
	assert_int_equal(state->hooks->poststop.len, 1);
	assert_string_equal(((struct oci_hook *)state->hooks->poststop.items)[0].path, "/hook");
	assert_int_equal(state->creator.pid, 1);
	assert_int_equal(state->vmm.pid, 2);
	assert_int_equal(state->proxy.pid, 3);
	assert_int_equal(state->shim.pid, 4);
	assert_true(state->shim.start_time == UINT64_MAX);
}

static void what_is_saved_is_loaded(void **state)
{
	struct place *place = *state;
	struct json_pair pair = { "k\"ey", "v\nalue" };
	struct oci_hook hook = { .path = "/hook" };
	struct oci_hooks hooks = { .poststop = { &hook, 1 } };
	struct record made = RECORD_INIT;
	struct record opened = RECORD_INIT;
	struct record peeked = RECORD_INIT;
	auto_free char *dir = path_of(place, "box", NULL);
	struct error err = { 0 };

	assert_int_equal(record_create(&made, place->root, "box", &err), 0);
	assert_string_equal(made.dir_path, dir);
	fill(&made, "box", OCI_STATUS_PAUSED);
	made.state.sandbox_id = "pod";
	made.state.uuid = "a-uuid";
	made.state.hypervisor = "hv";
	made.state.accelerator = "tcg";
	made.state.owner_uid = 4294967294u;
	made.state.annotations = (struct json_map){ &pair, 1 };
	made.state.hooks = &hooks;
	made.state.creator = (struct proc_id){ 1, 11 };
	made.state.vmm = (struct proc_id){ 2, 12 };
	made.state.proxy = (struct proc_id){ 3, 13 };
	made.state.shim = (struct proc_id){ 4, UINT64_MAX };
	assert_int_equal(record_save(&made, &err), 0);
	record_done(&made);
	if (record_open(&opened, place->root, "box", &err) < 0)
		fail_msg("%s", err.text);
	assert_loaded(&opened.state);
	assert_string_equal(opened.dir_path, dir);
	assert_int_equal(record_peek(&peeked, place->root, "box", &err), 0);
	assert_loaded(&peeked.state);
	record_done(&opened);
	record_done(&peeked);
	record_done(&peeked);
	record_done(NULL);
}

static void save_leaves_one_private_file(void **state)
{
	struct place *place = *state;
	auto_free char *dir_path = path_of(place, "box", NULL);
	auto_free char *file = path_of(place, "box", "state.json");
	auto_dir DIR *dir = NULL;
	struct dirent *entry;
	struct stat st;
	size_t n = 0;

	make(place, "box", OCI_STATUS_CREATED);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	dir = opendir(dir_path);
	assert_non_null(dir);
	while ((entry = readdir(dir)))
		n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	assert_int_equal(n, 1);
}

static void bad_ids_touch_nothing(void **state)
{
	static const char *const ids[] = { ".",	   "..",       "a/b", "/a", "a b",
					   "a\nb", "\xc3\xbc", "a:b", "*",  "../x" };
	struct place *place = *state;

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		auto_record struct record rec = RECORD_INIT;
		struct error err = { 0 };

		assert_int_equal(record_create(&rec, place->root, ids[i], &err), -EINVAL);
		assert_non_null(strstr(err.text, "invalid container ID format: '"));
		assert_int_equal(record_open(&rec, place->root, ids[i], &err), -EINVAL);
		assert_int_equal(record_peek(&rec, place->root, ids[i], &err), -EINVAL);
		assert_int_equal(rec.dir_fd, -1);
		assert_int_equal(record_check_id(ids[i], NULL), -EINVAL);
	}
	assert_int_equal(fs_exists_at(AT_FDCWD, place->root), 0);
}

static void an_empty_id_is_told_apart(void **state)
{
	struct error err = { 0 };

	(void)state;
	assert_int_equal(record_check_id("", &err), -EINVAL);
	assert_string_equal(err.text, "container id cannot be empty");
	assert_int_equal(record_check_id("A-z_0+9.", &err), 0);
}

static void an_existing_id_is_refused(void **state)
{
	struct place *place = *state;
	auto_record struct record rec = RECORD_INIT;
	auto_record struct record old = RECORD_INIT;
	struct error err = { 0 };

	make(place, "box", OCI_STATUS_RUNNING);
	assert_int_equal(record_create(&rec, place->root, "box", &err), -EEXIST);
	assert_string_equal(err.text, "container with given ID already exists: box");
	assert_int_equal(rec.dir_fd, -1);
	assert_int_equal(record_peek(&old, place->root, "box", &err), 0);
	assert_int_equal(old.state.status, OCI_STATUS_RUNNING);
}

static void an_unknown_id_does_not_exist(void **state)
{
	struct place *place = *state;
	struct error err = { 0 };

	for (int with_root = 0; with_root < 2; with_root++) {
		auto_record struct record rec = RECORD_INIT;

		if (with_root)
			make(place, "other", OCI_STATUS_CREATED);
		assert_int_equal(record_open(&rec, place->root, "box", &err), -ENOENT);
		assert_string_equal(err.text, "container does not exist: box");
		record_done(&rec);
		assert_int_equal(record_peek(&rec, place->root, "box", &err), -ENOENT);
		assert_string_equal(err.text, "container does not exist: box");
	}
}

/* Can somebody else lock the directory now? */
static bool is_free(const struct place *place, const char *id)
{
	auto_free char *path = path_of(place, id, NULL);
	auto_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return true;
	assert_int_equal(errno, EWOULDBLOCK);
	return false;
}

static void an_unfinished_create_can_be_removed(void **state)
{
	struct place *place = *state;
	auto_free char *path = path_of(place, "box", NULL);
	auto_record struct record rec = RECORD_INIT;
	struct error err = { 0 };

	assert_int_equal(fs_mkdir_all(path, 0711), 0);
	assert_int_equal(record_peek(&rec, place->root, "box", &err), -ENODATA);
	record_done(&rec);
	assert_int_equal(record_open(&rec, place->root, "box", &err), -ENODATA);
	assert_non_null(strstr(err.text, "container does not exist: box"));
	assert_non_null(strstr(err.text, "acrun delete --force"));
	assert_true(rec.dir_fd >= 0);
	assert_false(is_free(place, "box"));
	assert_int_equal(record_remove(&rec, &err), 0);
	assert_false(exists(place, "box"));
	assert_int_equal(record_remove(&rec, &err), 0);
}

static void states_that_cannot_be_used_say_why(void **state)
{
	static const struct {
		const char *text;
		int code;
		const char *says;
	} rows[] = {
		{ "{\"version\":2,\"id\":\"box\",\"sandboxId\":\"box\",\"bundle\":\"/b\","
		  "\"created\":\"c\",\"status\":\"created\"}",
		  -EPROTO, "box/state.json' has version 2, this acrun knows 1" },
		{ "{\"version\":0,\"id\":\"box\",\"sandboxId\":\"box\",\"bundle\":\"/b\","
		  "\"created\":\"c\",\"status\":\"created\"}",
		  -EPROTO, "has version 0" },
		{ "{\"version\":1", -EINVAL, "box/state.json'" },
		{ "", -EINVAL, "box/state.json'" },
		{ "{\"version\":1}", -EINVAL, "id: is required" },
		{ "{\"version\":1,\"id\":\"box\",\"sandboxId\":\"box\",\"bundle\":\"/b\","
		  "\"created\":\"c\",\"status\":\"dancing\"}",
		  -EINVAL, "status" },
	};
	struct place *place = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		auto_record struct record rec = RECORD_INIT;
		auto_record struct record peeked = RECORD_INIT;
		struct error err = { 0 };

		put_state(place, "box", rows[i].text);
		assert_int_equal(record_open(&rec, place->root, "box", &err), rows[i].code);
		if (!strstr(err.text, rows[i].says))
			fail_msg("'%s' lacks '%s'", err.text, rows[i].says);
		assert_true(rec.dir_fd >= 0);
		assert_int_equal(record_peek(&peeked, place->root, "box", &err), rows[i].code);
	}
}

static void the_lock_excludes_all_but_lookers(void **state)
{
	struct place *place = *state;
	auto_record struct record rec = RECORD_INIT;
	auto_record struct record looker = RECORD_INIT;
	struct error err = { 0 };

	assert_int_equal(record_create(&rec, place->root, "box", &err), 0);
	assert_false(is_free(place, "box"));
	fill(&rec, "box", OCI_STATUS_CREATING);
	assert_int_equal(record_save(&rec, &err), 0);
	assert_int_equal(record_peek(&looker, place->root, "box", &err), 0);
	record_done(&rec);
	assert_true(is_free(place, "box"));
	assert_int_equal(record_open(&rec, place->root, "box", &err), 0);
	assert_false(is_free(place, "box"));
}

/* The lock stays with a helper that got our descriptor. As soon as we stand in the queue for it,
 * the helper removes the directory and ends. */
static void who_waited_for_a_removed_one_sees_it_gone(void **state)
{
	static const char script[] =
		"i=0; until grep -q -e \"-> FLOCK  ADVISORY  WRITE $PPID \" /proc/locks; do "
		"i=$((i + 1)); test $i -lt 2000 || exit 1; sleep 0.01; done; rm -r \"$0\"";
	struct place *place = *state;
	auto_free char *dir = path_of(place, "box", NULL);
	const char *const argv[] = { "sh", "-c", script, dir, NULL };
	struct spawn sp = { .path = "/bin/sh", .argv = argv };
	struct record rec = RECORD_INIT;
	struct error err = { 0 };
	int status = -1;
	pid_t pid;

	make(place, "box", OCI_STATUS_CREATED);
	assert_int_equal(record_open(&rec, place->root, "box", &err), 0);
	sp.fds[sp.n_fds++] = (struct spawn_fd){ rec.dir_fd, 3 };
	assert_int_equal(spawn_start(&sp, &pid, &err), 0);
	record_done(&rec);
	assert_int_equal(record_open(&rec, place->root, "box", &err), -ENOENT);
	assert_string_equal(err.text, "container does not exist: box");
	record_done(&rec);
	assert_int_equal(spawn_wait(pid, -1, &status), 0);
	assert_int_equal(spawn_exit_code(status), 0);
}

static void remove_takes_all_of_one_and_nothing_else(void **state)
{
	struct place *place = *state;
	auto_free char *deep = path_of(place, "box", "share/box/rootfs");
	auto_record struct record rec = RECORD_INIT;
	struct error err = { 0 };

	make(place, "box", OCI_STATUS_STOPPED);
	make(place, "box2", OCI_STATUS_STOPPED);
	assert_int_equal(fs_mkdir_all(deep, 0755), 0);
	assert_int_equal(record_open(&rec, place->root, "box", &err), 0);
	assert_int_equal(record_remove(&rec, &err), 0);
	assert_int_equal(record_remove(&rec, &err), 0);
	assert_false(exists(place, "box"));
	assert_true(exists(place, "box2"));
}

static void a_removed_one_can_be_made_again(void **state)
{
	struct place *place = *state;
	struct record rec = RECORD_INIT;
	struct error err = { 0 };

	for (int i = 0; i < 2; i++) {
		assert_int_equal(record_create(&rec, place->root, "box", &err), 0);
		assert_int_equal(record_remove(&rec, &err), 0);
		record_done(&rec);
	}
}

static void list_is_sorted_and_skips_what_is_no_container(void **state)
{
	static const char *const extra[] = { ".hidden", "with space" };
	struct place *place = *state;
	auto_arena struct arena arena = { 0 };
	auto_free char *file = path_of(place, "afile", NULL);
	struct json_strs ids;
	struct error err = { 0 };

	assert_int_equal(store_list(place->root, &arena, &ids, &err), -ENOENT);
	assert_int_equal(ids.len, 0);
	make(place, "b", OCI_STATUS_CREATED);
	make(place, "c", OCI_STATUS_CREATED);
	make(place, "a", OCI_STATUS_CREATED);
	for (size_t i = 0; i < 2; i++) {
		auto_free char *path = path_of(place, extra[i], NULL);

		assert_int_equal(mkdir(path, 0755), 0);
	}
	assert_int_equal(fs_replace_at(AT_FDCWD, file, "x", 1, 0600, false), 0);
	assert_int_equal(store_list(place->root, &arena, &ids, &err), 0);
	assert_int_equal(ids.len, 3);
	assert_string_equal(ids.items[0], "a");
	assert_string_equal(ids.items[1], "b");
	assert_string_equal(ids.items[2], "c");
}

static void list_has_no_limit(void **state)
{
	enum { MANY = 200 };
	struct place *place = *state;
	auto_arena struct arena arena = { 0 };
	struct json_strs ids;
	struct error err = { 0 };
	char id[16];

	for (int i = 0; i < MANY; i++) {
		auto_free char *path = NULL;

		(void)snprintf(id, sizeof(id), "id-%03d", i);
		path = path_of(place, id, NULL);
		assert_int_equal(fs_mkdir_all(path, 0711), 0);
	}
	assert_int_equal(store_list(place->root, &arena, &ids, &err), 0);
	assert_int_equal(ids.len, MANY);
	for (int i = 0; i < MANY; i++) {
		(void)snprintf(id, sizeof(id), "id-%03d", i);
		assert_string_equal(ids.items[i], id);
	}
}

static void status_is_corrected_by_who_lives(void **state)
{
	struct proc_id live = { 0 };
	struct proc_id reused;
	const struct proc_id none = { 0 };

	(void)state;
	assert_int_equal(proc_identify(getpid(), &live), 0);
	reused = (struct proc_id){ live.pid, live.start_time + 1 };
	const struct {
		enum oci_status stored;
		struct proc_id creator, shim;
		enum oci_status is;
	} rows[] = {
		{ OCI_STATUS_CREATING, live, none, OCI_STATUS_CREATING },
		{ OCI_STATUS_CREATING, reused, none, OCI_STATUS_STOPPED },
		{ OCI_STATUS_CREATING, none, live, OCI_STATUS_STOPPED },
		{ OCI_STATUS_CREATED, none, live, OCI_STATUS_CREATED },
		{ OCI_STATUS_CREATED, live, none, OCI_STATUS_STOPPED },
		{ OCI_STATUS_RUNNING, none, live, OCI_STATUS_RUNNING },
		{ OCI_STATUS_RUNNING, none, reused, OCI_STATUS_STOPPED },
		{ OCI_STATUS_PAUSED, none, live, OCI_STATUS_PAUSED },
		{ OCI_STATUS_PAUSED, none, none, OCI_STATUS_STOPPED },
		{ OCI_STATUS_STOPPED, live, live, OCI_STATUS_STOPPED },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct record_state record = { .status = (int)rows[i].stored,
						     .creator = rows[i].creator,
						     .shim = rows[i].shim };

		assert_int_equal(record_status(&record), rows[i].is);
	}
}

static void a_killed_shim_stops_the_container(void **state)
{
	struct record_state record = {
		.id = "box", .bundle = "/b", .oci_version = "1.2.0", .status = OCI_STATUS_RUNNING
	};
	const char *const argv[] = { "sleep", "1000", NULL };
	const struct spawn sp = { .path = "/bin/sleep", .argv = argv };
	struct error err = { 0 };
	struct oci_state out;
	pid_t pid;

	(void)state;
	assert_int_equal(spawn_start(&sp, &pid, &err), 0);
	assert_int_equal(proc_identify(pid, &record.shim), 0);
	record_to_oci_state(&record, "owner", &out);
	assert_int_equal(out.status, OCI_STATUS_RUNNING);
	assert_int_equal(out.pid, pid);
	assert_string_equal(out.owner, "owner");
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &(siginfo_t){ 0 }, WEXITED | WNOWAIT), 0);
	/* not reaped yet, and yet gone */
	assert_int_equal(record_status(&record), OCI_STATUS_STOPPED);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	record_to_oci_state(&record, NULL, &out);
	assert_int_equal(out.status, OCI_STATUS_STOPPED);
	assert_int_equal(out.pid, 0);
	assert_null(out.owner);
	assert_string_equal(out.id, "box");
}

#define IN_PLACE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PLACE(what_is_saved_is_loaded),
		IN_PLACE(save_leaves_one_private_file),
		IN_PLACE(bad_ids_touch_nothing),
		cmocka_unit_test(an_empty_id_is_told_apart),
		IN_PLACE(an_existing_id_is_refused),
		IN_PLACE(an_unknown_id_does_not_exist),
		IN_PLACE(an_unfinished_create_can_be_removed),
		IN_PLACE(states_that_cannot_be_used_say_why),
		IN_PLACE(the_lock_excludes_all_but_lookers),
		IN_PLACE(who_waited_for_a_removed_one_sees_it_gone),
		IN_PLACE(remove_takes_all_of_one_and_nothing_else),
		IN_PLACE(a_removed_one_can_be_made_again),
		IN_PLACE(list_is_sorted_and_skips_what_is_no_container),
		IN_PLACE(list_has_no_limit),
		cmocka_unit_test(status_is_corrected_by_who_lives),
		cmocka_unit_test(a_killed_shim_stops_the_container),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
