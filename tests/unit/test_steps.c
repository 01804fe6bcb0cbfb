/* Steps, undo, and the operations as far as they go without a virtual machine. */
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
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/spawn.h"
#include "runtime/sandbox/attach.h"
#include "runtime/sandbox/sandbox.h"
#include "runtime/sandbox/steps.h"

/* The steps of these tests write into it; struct create is opaque to the machinery. */
struct create {
	char trace[32];
	size_t len;
	int fail_at; /* letter */
};

static struct create *undone; /* undo gets the record only */

static void note(struct create *create, char c)
{
	assert_true(create->len < sizeof(create->trace) - 1);
	create->trace[create->len++] = c;
}

static int make_letter(struct create *create, char c, struct error *err)
{
	note(create, c);
	return create->fail_at == c ? err_set(err, -EIO, "step %c", c) : 0;
}

static int make_a(struct create *create, struct error *err)
{
	return make_letter(create, 'a', err);
}

static int make_b(struct create *create, struct error *err)
{
	return make_letter(create, 'b', err);
}

static int make_c(struct create *create, struct error *err)
{
	return make_letter(create, 'c', err);
}

static void undo_a(struct record *rec)
{
	(void)rec;
	note(undone, 'A');
}

static void undo_c(struct record *rec)
{
	(void)rec;
	note(undone, 'C');
}

static const struct step steps[] = {
	{ "a", make_a, undo_a },
	{ "b", make_b, NULL },
	{ "c", make_c, undo_c },
};

static void steps_run_in_order(void **state)
{
	struct create create = { 0 };
	struct error err = { 0 };

	(void)state;
	assert_int_equal(steps_make(steps, 3, &create, &err), 0);
	assert_string_equal(create.trace, "abc");
}

static void the_first_failure_stops(void **state)
{
	struct create create = { .fail_at = 'b' };
	struct error err = { 0 };

	(void)state;
	assert_int_equal(steps_make(steps, 3, &create, &err), -EIO);
	assert_string_equal(create.trace, "ab");
	assert_string_equal(err.text, "step b: Input/output error");
}

static void undo_runs_backwards(void **state)
{
	struct create create = { 0 };
	struct record rec = RECORD_INIT;

	(void)state;
	undone = &create;
	steps_undo(steps, 3, &rec);
	steps_undo(steps, 0, &rec);
	assert_string_equal(create.trace, "CA");
}

/* --- with a root on disk --- */

struct place {
	char root[64];
};

static int setup(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	assert_non_null(place);
	(void)snprintf(place->root, sizeof(place->root), "/tmp/test-steps-XXXXXX");
	assert_non_null(mkdtemp(place->root));
	*state = place;
	return 0;
}

static int teardown(void **state)
{
	struct place *place = *state;

	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(fs_remove_tree_at(AT_FDCWD, place->root), 0);
	free(place);
	return 0;
}

/* Makes container "box" with what state says. */
static void make_box(const struct place *place, struct record_state state)
{
	auto_record struct record rec = RECORD_INIT;
	struct error err = { 0 };

	if (record_create(&rec, place->root, "box", &err) < 0)
		fail_msg("%s", err.text);
	state.version = STORE_VERSION;
	state.id = "box";
	state.sandbox_id = "box";
	state.oci_version = "1.2.0";
	state.bundle = place->root;
	state.created = "2025-01-02T03:04:05Z";
	rec.state = state;
	if (record_save(&rec, &err) < 0)
		fail_msg("%s", err.text);
}

static void put_file(const struct place *place, const char *name, const char *text)
{
	auto_close int root = fs_open_dir_at(AT_FDCWD, place->root);

	assert_true(root >= 0);
	assert_int_equal(fs_replace_at(root, name, text, strlen(text), 0600, false), 0);
}

static bool exists(const struct place *place, const char *name)
{
	auto_close int root = fs_open_dir_at(AT_FDCWD, place->root);
	int ret;

	assert_true(root >= 0);
	ret = fs_exists_at(root, name);
	assert_true(ret >= 0);
	return ret == 1;
}

static pid_t sleeper(struct proc_id *id)
{
	const char *const argv[] = { "sleep", "1000", NULL };
	const struct spawn sp = { .path = "/bin/sleep", .argv = argv };
	struct error err = { 0 };
	pid_t pid;

	assert_int_equal(spawn_start(&sp, &pid, &err), 0);
	assert_int_equal(proc_identify(pid, id), 0);
	return pid;
}

static void assert_killed(pid_t pid)
{
	int status = 0;

	assert_int_equal(waitpid(pid, &status, WNOHANG), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
}

static void end(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void undo_ends_what_is_recorded(void **state)
{
	struct place *place = *state;
	struct record_state box = { .status = OCI_STATUS_CREATING };
	auto_record struct record rec = RECORD_INIT;
	struct error err = { 0 };
	pid_t pids[3];

	pids[0] = sleeper(&box.vmm);
	pids[1] = sleeper(&box.proxy);
	pids[2] = sleeper(&box.shim);
	make_box(place, box);
	assert_int_equal(record_open(&rec, place->root, "box", &err), 0);
	assert_int_equal(sandbox_undo(&rec, &err), 0);
	for (size_t i = 0; i < 3; i++)
		assert_killed(pids[i]);
	assert_false(exists(place, "box"));
	assert_int_equal(sandbox_undo(&rec, &err), 0);
}

static void undo_spares_who_got_the_number_later(void **state)
{
	struct place *place = *state;
	struct record_state box = { .status = OCI_STATUS_RUNNING };
	struct proc_id other;
	struct error err = { 0 };
	pid_t pid = sleeper(&other);

	box.vmm = (struct proc_id){ other.pid, other.start_time - 1 };
	box.shim = box.proxy = box.vmm;
	make_box(place, box);
	assert_int_equal(sandbox_delete(place->root, "box", false, &err), 0);
	assert_true(proc_is_alive(&other));
	end(pid);
}

static void delete_of_the_unknown(void **state)
{
	struct place *place = *state;
	struct error err = { 0 };

	assert_int_equal(sandbox_delete(place->root, "box", false, &err), -ENOENT);
	assert_string_equal(err.text, "container does not exist: box");
	assert_int_equal(sandbox_delete(place->root, "box", true, &err), 0);
	assert_int_equal(sandbox_delete("/no/such/root", "box", true, &err), 0);
	assert_int_equal(sandbox_delete(place->root, "../box", true, &err), -EINVAL);
}

static void delete_takes_an_unfinished_create(void **state)
{
	struct place *place = *state;
	auto_free char *share = NULL;
	struct error err = { 0 };

	assert_true(asprintf(&share, "%s/box/share/box", place->root) > 0);
	assert_int_equal(fs_mkdir_all(share, 0755), 0);
	assert_int_equal(sandbox_delete(place->root, "box", true, &err), 0);
	assert_false(exists(place, "box"));
}

static void a_killed_create_is_stopped_and_cleaned(void **state)
{
	struct place *place = *state;
	struct record_state box = { .status = OCI_STATUS_CREATING };
	struct error err = { 0 };
	pid_t creator = sleeper(&box.creator);
	pid_t vmm = sleeper(&box.vmm);

	make_box(place, box);
	assert_int_equal(sandbox_delete(place->root, "box", false, &err), -EBUSY);
	assert_non_null(
		strstr(err.text, "cannot delete container box that is not stopped: creating"));
	end(creator);
	assert_int_equal(sandbox_delete(place->root, "box", false, &err), 0);
	assert_killed(vmm);
	assert_false(exists(place, "box"));
}

static void delete_spares_the_running(void **state)
{
	struct place *place = *state;
	struct record_state box = { .status = OCI_STATUS_RUNNING };
	struct error err = { 0 };
	pid_t shim = sleeper(&box.shim);

	make_box(place, box);
	assert_int_equal(sandbox_delete(place->root, "box", false, &err), -EBUSY);
	assert_string_equal(err.text, "cannot delete container box that is not stopped: running");
	assert_true(exists(place, "box/state.json"));
	assert_true(proc_is_alive(&box.shim));
	assert_int_equal(sandbox_delete(place->root, "box", true, &err), 0);
	assert_killed(shim);
	assert_false(exists(place, "box"));
}

static void only_force_takes_a_damaged_state(void **state)
{
	static const char *const texts[] = { "{\"version\":1,", "", "[]", "{\"version\":7}" };
	struct place *place = *state;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct error err = { 0 };

		make_box(place, (struct record_state){ .status = OCI_STATUS_STOPPED });
		put_file(place, "box/state.json", texts[i]);
		assert_true(sandbox_delete(place->root, "box", false, &err) < 0);
		assert_non_null(strstr(err.text, "state.json"));
		assert_true(exists(place, "box/state.json"));
		assert_int_equal(sandbox_delete(place->root, "box", true, &err), 0);
		assert_false(exists(place, "box"));
	}
}

static void force_ends_those_that_a_newer_state_names(void **state)
{
	struct place *place = *state;
	struct proc_id vmm;
	struct error err = { 0 };
	pid_t pid = sleeper(&vmm);
	char text[512];

	(void)snprintf(text, sizeof(text),
		       "{\"version\":99,\"id\":\"box\",\"sandboxId\":\"box\",\"bundle\":\"/b\","
		       "\"created\":\"c\",\"status\":\"running\",\"new\":[1],"
		       "\"vmm\":{\"pid\":%lld,\"startTime\":%llu}}",
		       (long long)vmm.pid, (unsigned long long)vmm.start_time);
	make_box(place, (struct record_state){ .status = OCI_STATUS_STOPPED });
	put_file(place, "box/state.json", text);
	assert_int_equal(sandbox_delete(place->root, "box", true, &err), 0);
	assert_killed(pid);
}

static void a_state_that_cannot_be_read_is_left_alone(void **state)
{
	struct place *place = *state;
	struct error err = { 0 };

	make_box(place, (struct record_state){ .status = OCI_STATUS_STOPPED });
	assert_int_equal(sandbox_delete(place->root, "box", true, &err), 0);
	assert_int_equal(sandbox_delete(place->root, "box", true, &err), 0);
	make_box(place, (struct record_state){ .status = OCI_STATUS_STOPPED });
	{
		auto_free char *dir = NULL;
		auto_free char *file = NULL;

		assert_true(asprintf(&dir, "%s/box", place->root) > 0);
		assert_true(asprintf(&file, "%s/state.json", dir) > 0);
		assert_int_equal(unlink(file), 0);
		assert_int_equal(symlink("state.json", file), 0);
	}
	assert_int_equal(sandbox_delete(place->root, "box", true, &err), -ELOOP);
	assert_true(exists(place, "box"));
}

static void poststop_hooks_run_after_delete(void **state)
{
	struct place *place = *state;
	const char *args[] = { "sh", "-c", "cat >seen; test ! -e box && echo gone >order" };
	struct oci_hook hook = { .path = "/bin/sh", .args = { args, 3 } };
	struct oci_hooks hooks = { .poststop = { &hook, 1 } };
	auto_strbuf struct strbuf seen = { 0 };
	auto_close int root = fs_open_dir_at(AT_FDCWD, place->root);
	struct error err = { 0 };

	make_box(place, (struct record_state){ .status = OCI_STATUS_STOPPED, .hooks = &hooks });
	assert_int_equal(sandbox_delete(place->root, "box", false, &err), 0);
	assert_int_equal(fs_read_file_at(root, "seen", &seen, 4096), 0);
	assert_non_null(strstr(strbuf_str(&seen), "\"status\":\"stopped\""));
	assert_non_null(strstr(strbuf_str(&seen), "\"id\":\"box\""));
	assert_null(strstr(strbuf_str(&seen), "\"pid\""));
	assert_true(exists(place, "order"));
}

static void kill_of_the_stopped(void **state)
{
	struct place *place = *state;
	struct error err = { 0 };

	assert_int_equal(sandbox_kill(place->root, "box", SIGTERM, false, &err), -ENOENT);
	make_box(place, (struct record_state){ .status = OCI_STATUS_RUNNING });
	assert_int_equal(sandbox_kill(place->root, "box", SIGTERM, false, &err), -ESRCH);
	assert_string_equal(err.text, "container not running");
	assert_int_equal(sandbox_kill(place->root, "box", SIGTERM, true, &err), 0);
}

static void kill_without_a_machine(void **state)
{
	struct place *place = *state;
	struct record_state box = { .status = OCI_STATUS_RUNNING };
	struct error err = { 0 };
	pid_t shim = sleeper(&box.shim);

	make_box(place, box);
	assert_int_equal(sandbox_kill(place->root, "box", SIGTERM, false, &err), -ESRCH);
	assert_non_null(strstr(err.text, "container not running"));
	assert_true(proc_is_alive(&box.shim));
	assert_int_equal(sandbox_kill(place->root, "box", SIGKILL, false, &err), 0);
	assert_int_equal(waitpid(shim, NULL, 0), shim);
}

static void start_needs_a_created_one(void **state)
{
	static const struct {
		enum oci_status status;
		bool live;
		const char *text;
	} rows[] = {
		{ OCI_STATUS_RUNNING, true, "cannot start an already running container" },
		{ OCI_STATUS_PAUSED, true, "cannot start a container in the paused state" },
		{ OCI_STATUS_RUNNING, false, "cannot start a container that has stopped" },
		{ OCI_STATUS_CREATED, false, "cannot start a container that has stopped" },
	};
	struct place *place = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct record_state box = { .status = (int)rows[i].status };
		struct error err = { 0 };

		if (rows[i].live)
			assert_int_equal(proc_identify(getpid(), &box.shim), 0);
		make_box(place, box);
		assert_int_equal(sandbox_start(place->root, "box", &err), -EINVAL);
		assert_string_equal(err.text, rows[i].text);
		box.shim = (struct proc_id){ 0 };
		put_file(place, "box/state.json", "");
		assert_int_equal(sandbox_delete(place->root, "box", true, &err), 0);
	}
}

static void a_failed_start_stops_the_container(void **state)
{
	struct place *place = *state;
	struct record_state box = { .status = OCI_STATUS_CREATED };
	struct error err = { 0 };
	pid_t shim = sleeper(&box.shim);

	make_box(place, box);
	assert_int_equal(sandbox_start(place->root, "box", &err), -ESRCH);
	assert_non_null(strstr(err.text, "unable to start container process: "));
	assert_non_null(strstr(err.text, "its virtual machine is gone"));
	assert_killed(shim);
	assert_int_equal(sandbox_start(place->root, "box", &err), -EINVAL);
	assert_string_equal(err.text, "cannot start a container that has stopped");
}

static void attach_needs_a_live_machine(void **state)
{
	const struct record rec = RECORD_INIT;
	auto_client struct client client = { .fd = -1 };
	struct client_wait wait = { .abort_fd = 7 };
	struct error err = { 0 };

	(void)state;
	assert_int_equal(attach_open(&rec, &client, &wait, &err), -ESRCH);
	assert_int_equal(wait.abort_fd, -1);
	attach_done(&wait);
}

#define IN_PLACE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps_run_in_order),
		cmocka_unit_test(the_first_failure_stops),
		cmocka_unit_test(undo_runs_backwards),
		IN_PLACE(undo_ends_what_is_recorded),
		IN_PLACE(undo_spares_who_got_the_number_later),
		IN_PLACE(delete_of_the_unknown),
		IN_PLACE(delete_takes_an_unfinished_create),
		IN_PLACE(a_killed_create_is_stopped_and_cleaned),
		IN_PLACE(delete_spares_the_running),
		IN_PLACE(only_force_takes_a_damaged_state),
		IN_PLACE(force_ends_those_that_a_newer_state_names),
		IN_PLACE(a_state_that_cannot_be_read_is_left_alone),
		IN_PLACE(poststop_hooks_run_after_delete),
		IN_PLACE(kill_of_the_stopped),
		IN_PLACE(kill_without_a_machine),
		IN_PLACE(start_needs_a_created_one),
		IN_PLACE(a_failed_start_stops_the_container),
		cmocka_unit_test(attach_needs_a_live_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
