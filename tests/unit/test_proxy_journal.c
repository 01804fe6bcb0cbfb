#include "cmd/acrun-proxy/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/fs.h"
#include "cmd/acrun-proxy/proxy.h"
#include "cmd/acrun-proxy/sessions.h"

#define TOKEN "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

struct rig {
	char dir[40];
	char path[64];
	struct loop *loop;
	struct proxy proxy;
};

static void begin(struct rig *rig)
{
	rig->loop = loop_new();
	assert_non_null(rig->loop);
	proxy_init(&rig->proxy, rig->loop, "unix:///p");
	rig->proxy.journal.path = rig->path;
}

static void end(struct rig *rig)
{
	proxy_done(&rig->proxy);
	loop_free(rig->loop);
}

static void rig_open(struct rig *rig)
{
	(void)snprintf(rig->dir, sizeof(rig->dir), "/tmp/test_journal.XXXXXX");
	assert_non_null(mkdtemp(rig->dir));
	(void)snprintf(rig->path, sizeof(rig->path), "%s/sessions", rig->dir);
	begin(rig);
}

static void rig_close(struct rig *rig)
{
	end(rig);
	assert_int_equal(fs_remove_tree_at(AT_FDCWD, rig->dir), 0);
}

static void begin_journal(struct rig *rig)
{
	const struct journal_vm vm = {
		.sandbox = "c1", .ctl = "/c", .tty = "/t", .key = "7468652073616e64626f7827206b6579"
	};
	struct error err = { 0 };

	assert_int_equal(journal_begin(&rig->proxy, &vm, &err), 0);
}

static struct session *add(struct rig *rig, uint64_t stdio, const char *process)
{
	struct session *session = session_new_known(&rig->proxy, TOKEN, stdio);
	struct error err = { 0 };

	assert_non_null(session);
	session->container = strdup("c1");
	session->process = strdup(process);
	session->kills = true;
	assert_int_equal(journal_add(&rig->proxy, session, &err), 0);
	return session;
}

/* Another proxy reads what is there. */
static int load(struct rig *rig, struct arena *arena, struct journal_vm *vm)
{
	struct error err = { 0 };

	end(rig);
	begin(rig);
	return journal_load(&rig->proxy, arena, vm, &err);
}

static void test_a_successor_knows_what_runs(void **state)
{
	auto_arena struct arena arena = { 0 };
	const struct session *session;
	struct journal_vm vm;
	struct rig rig;

	(void)state;
	rig_open(&rig);
	assert_false(journal_exists(&rig.proxy.journal));
	begin_journal(&rig);
	assert_true(journal_exists(&rig.proxy.journal));
	(void)add(&rig, 3, "init");
	journal_remove(&rig.proxy, add(&rig, 9, "gone"));
	(void)add(&rig, 5, "e1");
	assert_int_equal(load(&rig, &arena, &vm), 0);
	assert_string_equal(vm.sandbox, "c1");
	assert_string_equal(vm.ctl, "/c");
	assert_string_equal(vm.key, "7468652073616e64626f7827206b6579");
	session = session_find_stream(&rig.proxy, 5);
	assert_non_null(session);
	assert_string_equal(session->token, TOKEN);
	assert_string_equal(session->process, "e1");
	assert_true(session->kills);
	assert_true(session->adrift);
	assert_non_null(session_find_stream(&rig.proxy, 3));
	assert_null(session_find_stream(&rig.proxy, 9));
	/* The numbers of what has ended are not used again, whoever comes next. */
	assert_int_equal(rig.proxy.next_stream, 11);
	assert_int_equal(load(&rig, &arena, &vm), 0);
	assert_int_equal(rig.proxy.next_stream, 13);
	assert_non_null(session_find_stream(&rig.proxy, 5));
	rig_close(&rig);
}

/* Each proxy of a VM opens its links with a later epoch, which is on disk before it is used. */
static void test_each_successor_has_an_epoch_of_its_own(void **state)
{
	const struct journal_vm linked = {
		.sandbox = "c1",
		.ctl = "/c",
		.tty = "/t",
		.key = "7468652073616e64626f7827206b6579",
		.link = true,
	};
	auto_arena struct arena arena = { 0 };
	struct error err = { 0 };
	struct journal_vm vm;
	struct rig rig;

	(void)state;
	rig_open(&rig);
	assert_int_equal(journal_begin(&rig.proxy, &linked, &err), 0);
	for (uint32_t epoch = 2; epoch < 5; epoch++) {
		assert_int_equal(load(&rig, &arena, &vm), 0);
		assert_true(vm.link);
		assert_int_equal(rig.proxy.journal.epoch, epoch);
	}
	begin_journal(&rig);
	assert_int_equal(load(&rig, &arena, &vm), 0);
	assert_false(vm.link);
	assert_int_equal(rig.proxy.journal.epoch, 0);
	rig_close(&rig);
}

/* What had happened to it decides how a successor takes it. */
static void test_a_token_a_start_and_a_process_differ(void **state)
{
	auto_arena struct arena arena = { 0 };
	struct session *token, *starting, *started;
	struct error err = { 0 };
	struct journal_vm vm;
	struct rig rig;

	(void)state;
	rig_open(&rig);
	begin_journal(&rig);
	token = session_new_known(&rig.proxy, TOKEN, 3);
	token->transient = true;
	assert_int_equal(journal_add_token(&rig.proxy, token, &err), 0);
	(void)add(&rig, 5, "e1");
	journal_settle(&rig.proxy, add(&rig, 7, "e2"));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(load(&rig, &arena, &vm), 0);
		token = session_find_stream(&rig.proxy, 3);
		starting = session_find_stream(&rig.proxy, 5);
		started = session_find_stream(&rig.proxy, 7);
		assert_int_equal(token->state, SESSION_IDLE);
		assert_true(token->transient && !token->adrift);
		assert_int_equal(starting->state, SESSION_STARTING);
		assert_true(starting->unsettled && starting->adrift);
		assert_int_equal(started->state, SESSION_STARTED);
		assert_true(!started->unsettled && started->adrift);
	}
	rig_close(&rig);
}

static void append(const struct rig *rig, const char *text)
{
	int fd = open(rig->path, O_WRONLY | O_APPEND | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(fs_write_all(fd, text, strlen(text)), 0);
	close(fd);
}

static void test_a_line_that_was_cut_off_is_none(void **state)
{
	auto_arena struct arena arena = { 0 };
	struct journal_vm vm;
	struct rig rig;

	(void)state;
	rig_open(&rig);
	begin_journal(&rig);
	(void)add(&rig, 3, "init");
	append(&rig, "{\"op\":\"session\",\"token\":\"AAA\",\"stdio\":7");
	assert_int_equal(load(&rig, &arena, &vm), 0);
	assert_non_null(session_find_stream(&rig.proxy, 3));
	assert_null(session_find_stream(&rig.proxy, 7));
	rig_close(&rig);
}

static void test_without_a_vm_there_is_nothing_to_take_over(void **state)
{
	auto_arena struct arena arena = { 0 };
	struct journal_vm vm;
	struct rig rig;

	(void)state;
	rig_open(&rig);
	assert_int_equal(fs_replace_at(AT_FDCWD, rig.path, "", 0, 0600, false), 0);
	assert_int_equal(load(&rig, &arena, &vm), -ENODATA);
	rig_close(&rig);
}

static void test_it_does_not_grow_for_ever(void **state)
{
	struct rig rig;

	(void)state;
	rig_open(&rig);
	begin_journal(&rig);
	for (uint64_t i = 0; i < 2000; i++) {
		struct session *session = add(&rig, 3 + 2 * i, "e");

		session->dead = true;
		journal_remove(&rig.proxy, session);
		proxy_settle(&rig.proxy);
	}
	assert_in_range(rig.proxy.journal.len, 1, 65536);
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_successor_knows_what_runs),
		cmocka_unit_test(test_each_successor_has_an_epoch_of_its_own),
		cmocka_unit_test(test_a_token_a_start_and_a_process_differ),
		cmocka_unit_test(test_a_line_that_was_cut_off_is_none),
		cmocka_unit_test(test_without_a_vm_there_is_nothing_to_take_over),
		cmocka_unit_test(test_it_does_not_grow_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
