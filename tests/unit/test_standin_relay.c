/* A console of the stand-in loses data where the original does, and nowhere else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/loop.h"
#include "base/sock.h"
#include "tests/standins/acrn/relay.h"

enum { PIECES = 200, ROUND_MS = 20 };

struct rig {
	char dir[32];
	char path[64];
	struct loop *loop;
	struct dm_config cfg;
	struct relay relay;
	uint64_t random;
};

static void stop(void *arg)
{
	loop_stop(arg, 0);
}

/* Lets happen what is due. */
static void turn(struct rig *rig)
{
	assert_true(loop_add_timer(rig->loop, ROUND_MS, stop, rig->loop) > 0);
	assert_int_equal(loop_run(rig->loop), 0);
}

static int set_up(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	struct dm_port port = { .backend = DM_SOCKET };

	assert_non_null(rig);
	(void)snprintf(rig->dir, sizeof(rig->dir), "/tmp/standin.XXXXXX");
	assert_non_null(mkdtemp(rig->dir));
	(void)snprintf(rig->path, sizeof(rig->path), "%s/s", rig->dir);
	port.path = rig->path;
	rig->loop = loop_new();
	rig->random = 1;
	rig->cfg.profile = dm_profile_default();
	rig->relay = (struct relay){
		.loop = rig->loop, .cfg = &rig->cfg, .label = "port", .random = &rig->random
	};
	relay_init(&rig->relay);
	assert_int_equal(relay_open_port(&rig->relay, &port), 0);
	assert_int_equal(relay_pair(&rig->relay), 0);
	*state = rig;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *rig = *state;

	relay_close(&rig->relay);
	loop_free(rig->loop);
	dm_config_done(&rig->cfg);
	assert_int_equal(fs_remove_tree_at(AT_FDCWD, rig->dir), 0);
	free(rig);
	return 0;
}

static int connect_client(struct rig *rig)
{
	int fd = sock_connect_at(AT_FDCWD, rig->path);

	assert_true(fd >= 0);
	turn(rig);
	return fd;
}

static void put(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* All that has arrived, as text. */
static const char *take(int fd)
{
	static char text[4096];
	ssize_t n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void test_what_nobody_takes_is_gone(void **state)
{
	struct rig *rig = *state;
	auto_close int client = -1;

	/* nobody is connected */
	put(rig->relay.qemu_fd, "early ");
	turn(rig);
	client = connect_client(rig);
	put(rig->relay.qemu_fd, "late");
	/* the guest has not opened its end */
	put(client, "early ");
	turn(rig);
	assert_string_equal(take(client), "late");
	rig->relay.guest_open = true;
	put(client, "late");
	turn(rig);
	assert_string_equal(take(rig->relay.qemu_fd), "late");
	assert_int_equal(rig->cfg.faults.len, 0);
}

static void test_the_newest_client_wins(void **state)
{
	struct rig *rig = *state;
	auto_close int first = connect_client(rig);
	auto_close int second = connect_client(rig);

	rig->relay.guest_open = true;
	put(rig->relay.qemu_fd, "hello");
	turn(rig);
	assert_string_equal(take(first), "");
	assert_string_equal(take(second), "hello");
	assert_int_equal(rig->cfg.faults.len, 1);
	put(first, "x");
	turn(rig);
	assert_int_equal(rig->cfg.faults.len, 2);
	assert_non_null(strstr(rig->cfg.faults.items[1], "spins"));
	assert_string_equal(take(rig->relay.qemu_fd), "");
}

static void test_the_guest_does_not_hear_of_clients(void **state)
{
	struct rig *rig = *state;
	int client = connect_client(rig);
	char byte;

	(void)close(client);
	turn(rig);
	assert_true(recv(rig->relay.qemu_fd, &byte, 1, MSG_DONTWAIT) < 0);
	client = connect_client(rig);
	put(rig->relay.qemu_fd, "again");
	turn(rig);
	assert_string_equal(take(client), "again");
	assert_int_equal(rig->cfg.faults.len, 0);
	(void)close(client);
}

static void test_a_client_that_does_not_read_loses(void **state)
{
	struct rig *rig = *state;
	auto_close int client = connect_client(rig);
	static char piece[4096];
	size_t sent = 0;
	size_t got = 0;
	ssize_t n;

	for (unsigned i = 0; i < PIECES; i++) {
		n = send(rig->relay.qemu_fd, piece, sizeof(piece), MSG_DONTWAIT | MSG_NOSIGNAL);
		sent += n > 0 ? (size_t)n : 0;
		/* never full: what comes from the guest is always taken */
		if (i % 10 == 9)
			turn(rig);
	}
	assert_int_equal(sent, PIECES * sizeof(piece));
	while ((n = recv(client, piece, sizeof(piece), MSG_DONTWAIT)) > 0)
		got += (size_t)n;
	assert_true(got > 0 && got < sent);
	assert_int_equal(rig->cfg.faults.len, 1);
}

/* How many of the pieces arrived, as text. */
static void run_lossy(struct rig *rig, uint32_t loss, char out[static PIECES + 1])
{
	auto_close int client = connect_client(rig);
	size_t len;
	char byte;

	rig->relay.loss = loss;
	rig->random = 42;
	for (unsigned i = 0; i < PIECES; i++) {
		const char piece[] = { (char)('a' + i % 26), '\0' };

		put(rig->relay.qemu_fd, piece);
		do {
			assert_true(loop_add_timer(rig->loop, 1, stop, rig->loop) > 0);
			assert_int_equal(loop_run(rig->loop), 0);
		} while (recv(rig->relay.vm_fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0);
	}
	len = strlen(take(client));
	assert_true(len <= PIECES);
	(void)snprintf(out, PIECES + 1, "%zu", len);
}

static void test_losses_are_chosen(void **state)
{
	struct rig *rig = *state;
	char again[PIECES + 1];
	char out[PIECES + 1];

	run_lossy(rig, 1000, out);
	assert_string_equal(out, "0");
	run_lossy(rig, 0, out);
	assert_string_equal(out, "200");
	run_lossy(rig, 300, out);
	assert_string_not_equal(out, "0");
	assert_string_not_equal(out, "200");
	/* the same seed, the same losses */
	run_lossy(rig, 300, again);
	assert_string_equal(out, again);
}

static void test_the_socket(void **state)
{
	struct rig *rig = *state;
	char longest[256];
	struct stat st;
	mode_t old = umask(027);
	int fd;

	/* whatever is there makes room */
	(void)snprintf(longest, sizeof(longest), "%s/%0120d", rig->dir, 0);
	fd = relay_listen(longest, 1);
	(void)umask(old);
	assert_true(fd >= 0);
	assert_int_equal(stat(longest, &st), -1);
	longest[DM_SUN_PATH - 1] = '\0';
	assert_int_equal(stat(longest, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0750);
	(void)close(fd);
	/* and stays when it is over */
	assert_int_equal(stat(longest, &st), 0);
	fd = relay_listen(rig->path, 1);
	assert_true(fd >= 0);
	(void)close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)
		T(what_nobody_takes_is_gone),
		T(the_newest_client_wins),
		T(the_guest_does_not_hear_of_clients),
		T(a_client_that_does_not_read_loses),
		T(losses_are_chosen),
		T(the_socket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
