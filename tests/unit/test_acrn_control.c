/* Block rescan: both control protocols, the slots and what stays of them. The peer lives in the
 * handler of a timer's signal, so that it can answer while the client waits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/sock.h"
#include "base/strbuf.h"
#include "hypervisor/acrn/control.h"
#include "hypervisor/acrn/disks.h"

#define NAME "sabcdefghijklmn"

enum { REQUEST_MAX = 4096, MESSAGE_BYTES = 280 };

/* What the peer does with one connection after the other, a step at each tick of the timer. */
struct peer {
	int listen_fd;
	int fd;	     /* the connection */
	size_t want; /* bytes of a request; 0: whatever comes first */
	/* Fills the answer, may be NULL: hangs up. Returns its length. */
	size_t (*answer)(const char *request, size_t len, char *reply);
	bool piecemeal; /* one byte at each tick */
	char request[REQUEST_MAX];
	size_t len;
	char reply[REQUEST_MAX];
	size_t reply_len, sent;
};

/* The one that is served; the handler gets no argument. */
static struct peer *served;

struct fixture {
	char dir[64];
	char monitors[80];
	char disk[96];
	int dir_fd;
	int held[16]; /* files that the device model has open */
	size_t n_held;
	struct peer peer;
	struct vm vm;
};

static void hear(struct peer *peer)
{
	ssize_t got = recv(peer->fd, peer->request + peer->len,
			   sizeof(peer->request) - 1 - peer->len, MSG_DONTWAIT);

	if (got <= 0)
		return;
	peer->len += (size_t)got;
	peer->request[peer->len] = '\0';
	if (peer->len < peer->want)
		return;
	if (peer->answer)
		peer->reply_len = peer->answer(peer->request, peer->len, peer->reply);
	else
		cleanup_close(&peer->fd);
}

static void on_tick(int signo)
{
	struct peer *peer = served;
	int old_errno = errno;
	int fd = accept4(peer->listen_fd, NULL, NULL, SOCK_CLOEXEC);

	(void)signo;
	if (fd >= 0) {
		cleanup_close(&peer->fd);
		peer->fd = fd;
		peer->len = peer->reply_len = peer->sent = 0;
	}
	if (peer->fd >= 0 && peer->reply_len == 0)
		hear(peer);
	if (peer->sent < peer->reply_len) {
		size_t piece = peer->piecemeal ? 1 : peer->reply_len - peer->sent;
		ssize_t n = send(peer->fd, peer->reply + peer->sent, piece,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		peer->sent += n > 0 ? (size_t)n : 0;
	}
	errno = old_errno;
}

static void tick_every(int ms)
{
	const struct itimerval timer = { .it_value = { .tv_usec = ms * 1000 },
					 .it_interval = { .tv_usec = ms * 1000 } };

	assert_int_equal(setitimer(ITIMER_REAL, &timer, NULL), 0);
}

static void start_peer(struct fixture *f, const char *dir, const char *name)
{
	const struct sigaction action = { .sa_handler = on_tick, .sa_flags = SA_RESTART };
	auto_close int dir_fd = fs_open_dir_at(AT_FDCWD, dir);

	f->peer.fd = -1;
	f->peer.listen_fd = sock_listen_at(dir_fd, name, 0600, 4);
	assert_true(f->peer.listen_fd >= 0);
	assert_int_equal(sock_set_nonblock(f->peer.listen_fd, true), 0);
	served = &f->peer;
	assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
	tick_every(1);
}

static void stop_peer(struct fixture *f)
{
	tick_every(0);
	cleanup_close(&f->peer.fd);
	cleanup_close(&f->peer.listen_fd);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char sectors[1024] = { 0 };

	if (!f)
		return -1;
	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/test_acrn_ctl.XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	(void)snprintf(f->monitors, sizeof(f->monitors), "%s/mngr", f->dir);
	(void)snprintf(f->disk, sizeof(f->disk), "%s/disk", f->dir);
	assert_int_equal(mkdir(f->monitors, 0700), 0);
	assert_int_equal(fs_replace_at(AT_FDCWD, f->disk, sectors, sizeof(sectors), 0600, false),
			 0);
	f->dir_fd = fs_open_dir_at(AT_FDCWD, f->dir);
	assert_int_equal(proc_identify(getpid(), &f->vm.vmm), 0);
	*state = f;
	return f->dir_fd < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	cleanup_close(&f->dir_fd);
	while (f->n_held > 0)
		cleanup_close(&f->held[--f->n_held]);
	assert_int_equal(fs_remove_tree_at(AT_FDCWD, f->dir), 0);
	free(f);
	return 0;
}

static struct acrn_control control_of(const struct fixture *f, const char *profile)
{
	return (struct acrn_control){
		.profile = profile_find(profile),
		.dir_fd = f->dir_fd,
		.socket = "control.sock",
		.monitors = f->monitors,
		.name = NAME,
		.pid = (pid_t)f->vm.vmm.pid,
		.timeout_ms = 2000,
	};
}

/* --- JSON --- */

static size_t say(char *reply, const char *text)
{
	size_t len = strlen(text);

	memcpy(reply, text, len);
	return len;
}

static size_t json_good(const char *request, size_t len, char *reply)
{
	(void)request;
	(void)len;
	return say(reply, "{\n\t\"ack\":\t0\n}");
}

static size_t json_refusal(const char *request, size_t len, char *reply)
{
	(void)request;
	(void)len;
	return say(reply, "{\"ack\":-1}");
}

static size_t json_nonsense(const char *request, size_t len, char *reply)
{
	(void)request;
	(void)len;
	return say(reply, "{\"nack\":0}");
}

/* A document that never ends, of any size. */
static size_t json_flood(const char *request, size_t len, char *reply)
{
	(void)request;
	(void)len;
	memset(reply, '[', REQUEST_MAX);
	return REQUEST_MAX;
}

static int rescan_json(struct fixture *f, size_t (*answer)(const char *, size_t, char *),
		       struct error *err)
{
	struct acrn_control control = control_of(f, "3.x");
	int ret;

	f->peer.answer = answer;
	start_peer(f, f->dir, "control.sock");
	ret = control_rescan(&control, 5, "/srv/a \"b\".img", true, err);
	stop_peer(f);
	return ret;
}

static void test_json(void **state)
{
	struct fixture *f = *state;
	struct error err = { 0 };

	assert_int_equal(rescan_json(f, json_good, &err), 0);
	assert_string_equal(f->peer.request, "{\"command\":\"blkrescan\","
					     "\"arguments\":\"5,/srv/a \\\"b\\\".img,ro\"}");
	f->peer.piecemeal = true;
	assert_int_equal(rescan_json(f, json_good, &err), 0);
	assert_int_equal(rescan_json(f, json_refusal, &err), -EREMOTEIO);
	assert_string_equal(err.text,
			    "the device model refuses to open '5,/srv/a \"b\".img,ro' (-1)");
}

static void test_json_bad_peers(void **state)
{
	struct fixture *f = *state;
	struct acrn_control control = control_of(f, "3.x");
	char path[400];
	struct error err;

	assert_int_equal(rescan_json(f, json_nonsense, &err), -EBADMSG);
	assert_int_equal(rescan_json(f, json_flood, &err), -EBADMSG);
	assert_int_equal(rescan_json(f, NULL, &err), -ECONNRESET);
	control.socket = "missing.sock";
	assert_int_equal(control_rescan(&control, 5, "/a", false, &err), -ENOENT);
	/* Unread by the device model: cut in silence. */
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[318] = '\0';
	assert_int_equal(control_rescan(&control, 5, path, false, &err), -ENAMETOOLONG);
	assert_non_null(strstr(err.text, "ACRN 3.x takes paths of at most 317 bytes"));
}

static size_t never(const char *request, size_t len, char *reply)
{
	(void)request;
	(void)len;
	(void)reply;
	return 0;
}

static void test_json_no_answer(void **state)
{
	struct fixture *f = *state;
	struct acrn_control control = control_of(f, "3.x");
	struct error err;

	f->peer.answer = never;
	control.timeout_ms = 50;
	start_peer(f, f->dir, "control.sock");
	assert_int_equal(control_rescan(&control, 5, "/a", false, &err), -ETIMEDOUT);
	stop_peer(f);
}

/* --- messages of the monitor --- */

static size_t monitor_reply(const char *request, size_t len, char *reply, int32_t result)
{
	memcpy(reply, request, len);
	memcpy(reply + 24, &result, sizeof(result));
	return MESSAGE_BYTES;
}

static size_t monitor_good(const char *request, size_t len, char *reply)
{
	return monitor_reply(request, len, reply, 0);
}

static size_t monitor_refusal(const char *request, size_t len, char *reply)
{
	return monitor_reply(request, len, reply, -1);
}

/* An answer to somebody else's question first. */
static size_t monitor_stray(const char *request, size_t len, char *reply)
{
	(void)monitor_reply(request, len, reply, 0);
	reply[16] ^= 1;
	return MESSAGE_BYTES + monitor_reply(request, len, reply + MESSAGE_BYTES, -5);
}

static size_t monitor_no_magic(const char *request, size_t len, char *reply)
{
	(void)monitor_reply(request, len, reply, 0);
	reply[0] ^= 1;
	return MESSAGE_BYTES;
}

static int rescan_monitor(struct fixture *f, const char *profile,
			  size_t (*answer)(const char *, size_t, char *), struct error *err)
{
	struct acrn_control control = control_of(f, profile);
	char name[64];
	int ret;

	(void)snprintf(name, sizeof(name), NAME ".monitor.%d.socket", (int)getpid());
	f->peer.answer = answer;
	f->peer.want = MESSAGE_BYTES;
	start_peer(f, f->monitors, name);
	ret = control_rescan(&control, 12, "/srv/disk", false, err);
	stop_peer(f);
	return ret;
}

static void check_request(const struct fixture *f, uint32_t msgid)
{
	static const uint8_t magic[8] = { 0x76, 0x6d, 0x6d, 0x20, 0x6d, 0x73, 0x67, 0x00 };
	uint32_t got;

	assert_int_equal(f->peer.len, MESSAGE_BYTES);
	assert_memory_equal(f->peer.request, magic, sizeof(magic));
	memcpy(&got, f->peer.request + 8, sizeof(got));
	assert_int_equal(got, msgid);
	assert_string_equal(f->peer.request + 24, "12,/srv/disk");
}

static void test_monitor(void **state)
{
	struct fixture *f = *state;
	struct error err;

	assert_int_equal(rescan_monitor(f, "1.x", monitor_good, &err), 0);
	check_request(f, 9);
	f->peer.piecemeal = true;
	assert_int_equal(rescan_monitor(f, "2.7", monitor_good, &err), 0);
	check_request(f, 7);
	f->peer.piecemeal = false;
	assert_int_equal(rescan_monitor(f, "2.6", monitor_refusal, &err), -EREMOTEIO);
	assert_int_equal(rescan_monitor(f, "2.0", monitor_stray, &err), -EREMOTEIO);
	assert_string_equal(err.text, "the device model refuses to open '12,/srv/disk' (-5)");
	assert_int_equal(rescan_monitor(f, "2.0", monitor_no_magic, &err), -EBADMSG);
	assert_int_equal(rescan_monitor(f, "2.0", NULL, &err), -ECONNRESET);
}

/* The socket of a VM whose name ours begins with, and one of ours with another pid, are not ours.
 */
static void test_monitor_exact_path(void **state)
{
	struct fixture *f = *state;
	struct acrn_control control = control_of(f, "2.7");
	struct error err;

	auto_close int dir = fs_open_dir_at(AT_FDCWD, f->monitors);
	auto_close int prefix = sock_listen_at(dir, "sabc.monitor.1.socket", 0600, 4);
	auto_close int other = sock_listen_at(dir, NAME ".monitor.1.socket", 0600, 4);

	assert_true(prefix >= 0 && other >= 0);
	assert_int_equal(control_rescan(&control, 5, "/a", false, &err), -ENOENT);
	/* The helper program would take the wrong one: it is not even asked. */
	control.acrnctl = "/bin/true";
	assert_int_equal(control_rescan(&control, 5, "/a", false, &err), -EEXIST);
	assert_string_equal(err.text, "acrnctl would take virtual machine 'sabc' for '" NAME "'");
}

/* --- slots --- */

static void save_machine(struct fixture *f, const char *profile, uint32_t placeholders)
{
	static const struct acrn_device devices[] = {
		{ .kind = ACRN_DEVICE_BRIDGE },
		{ .kind = ACRN_DEVICE_LPC },
		{ .kind = ACRN_DEVICE_CONSOLE },
		{ .kind = ACRN_DEVICE_BLOCK, .block = { .path = "/image" } },
	};
	static const struct acrn_device placeholder = { .kind = ACRN_DEVICE_BLOCK };
	struct acrn_machine machine = { .profile = profile_find(profile), .name = NAME };
	struct error err;

	for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++)
		assert_int_equal(machine_add(&machine, &devices[i], &err), 0);
	for (uint32_t i = 0; i < placeholders; i++)
		assert_int_equal(machine_add(&machine, &placeholder, &err), 0);
	assert_int_equal(disks_save_machine(f->dir_fd, &machine, "", &err), 0);
}

static int add(struct fixture *f, const char *path, struct vm_disk_place *place, struct error *err)
{
	const struct vm_disk disk = { .path = path };

	return disks_add(&f->vm, f->dir_fd, f->monitors, &disk, place, err);
}

/* A new file in the place of the one before, which the machine has still: it is another disk. */
static void renew_disk(struct fixture *f)
{
	static const char content[1024];
	char path[128];
	int fd;

	f->held[f->n_held++] = open(f->disk, O_RDONLY | O_CLOEXEC);
	(void)snprintf(path, sizeof(path), "%s/new", f->dir);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, sizeof(content)), sizeof(content));
	assert_int_equal(close(fd), 0);
	assert_int_equal(rename(path, f->disk), 0);
}

/* The machine keeps a disk until it ends, so it is not given to it twice. */
static void test_same_disk(void **state)
{
	struct fixture *f = *state;
	const struct vm_disk disk = { .path = f->disk, .readonly = true };
	struct vm_disk_place place = { 0 };
	struct error err = { 0 };

	save_machine(f, "3.x", 2);
	f->peer.answer = json_good;
	start_peer(f, f->dir, "control.sock");
	for (int i = 0; i < 3; i++) {
		assert_int_equal(disks_add(&f->vm, f->dir_fd, f->monitors, &disk, &place, &err), 0);
		assert_string_equal(place.name, "vdb");
		assert_int_equal(place.bytes, 1024);
	}
	/* what it has to read cannot be written to */
	assert_int_equal(add(f, f->disk, &place, &err), -EROFS);
	assert_non_null(strstr(err.text, "already, read-only"));
	renew_disk(f);
	assert_int_equal(add(f, f->disk, &place, &err), 0);
	assert_string_equal(place.name, "vdc");
	/* for reading, what can be written to will do */
	assert_int_equal(disks_add(&f->vm, f->dir_fd, f->monitors, &disk, &place, &err), 0);
	assert_string_equal(place.name, "vdc");
	stop_peer(f);
}

/* All of them can be used, each once; the eighth is the one that was out of reach by mistake. */
static void test_all_slots(void **state)
{
	struct fixture *f = *state;
	struct vm_disk_place place;
	struct error err = { 0 };
	char want[16];

	save_machine(f, "3.x", 8);
	f->peer.answer = json_good;
	start_peer(f, f->dir, "control.sock");
	for (int i = 0; i < 8; i++) {
		renew_disk(f);
		assert_int_equal(add(f, f->disk, &place, &err), 0);
		(void)snprintf(want, sizeof(want), "vd%c", 'b' + i);
		assert_string_equal(place.name, want);
		assert_int_equal(place.bytes, 1024);
		(void)snprintf(want, sizeof(want), "\"%d,", 5 + i);
		assert_non_null(strstr(f->peer.request, want));
	}
	stop_peer(f);
	renew_disk(f);
	assert_int_equal(add(f, f->disk, &place, &err), -ENOSPC);
	assert_non_null(strstr(err.text, "no free block slot for disk '"));
	assert_non_null(strstr(err.text, "': all 8 are in use (raise block_slots"));
}

/* A refusal leaves the slot as it was. Without an answer it may be filled: it stays used up. */
static void test_slot_after_failure(void **state)
{
	struct fixture *f = *state;
	struct vm_disk_place place;
	struct error err;

	save_machine(f, "3.x", 2);
	f->peer.answer = json_refusal;
	start_peer(f, f->dir, "control.sock");
	assert_int_equal(add(f, f->disk, &place, &err), -EREMOTEIO);
	stop_peer(f);
	f->peer.answer = NULL;
	start_peer(f, f->dir, "control.sock");
	assert_int_equal(add(f, f->disk, &place, &err), -ECONNRESET);
	stop_peer(f);
	f->peer.answer = json_good;
	start_peer(f, f->dir, "control.sock");
	assert_int_equal(add(f, f->disk, &place, &err), 0);
	stop_peer(f);
	assert_string_equal(place.name, "vdc");
	renew_disk(f);
	assert_int_equal(add(f, f->disk, &place, &err), -ENOSPC);
}

static void test_bad_disks(void **state)
{
	struct fixture *f = *state;
	struct vm_disk_place place;
	char path[128];
	struct error err;

	save_machine(f, "3.x", 1);
	assert_int_equal(add(f, "/nonexistent", &place, &err), -ENOENT);
	assert_int_equal(add(f, "relative", &place, &err), -EINVAL);
	assert_int_equal(add(f, f->dir, &place, &err), -EISDIR);
	assert_int_equal(add(f, "/dev/null", &place, &err), -ENOTBLK);
	assert_int_equal(add(f, "/srv/nodisk", &place, &err), -EINVAL);
	(void)snprintf(path, sizeof(path), "%s/odd", f->dir);
	assert_int_equal(fs_replace_at(AT_FDCWD, path, "x", 1, 0600, false), 0);
	assert_int_equal(add(f, path, &place, &err), -EINVAL);
	assert_non_null(strstr(err.text, "has 1 bytes: they must make up whole sectors of 512"));
	f->vm.vmm.start_time--;
	assert_int_equal(add(f, f->disk, &place, &err), -ECONNRESET);
	assert_string_equal(err.text, "the virtual machine has ended");
}

static void test_bad_state(void **state)
{
	static const char *const bad[] = { "", "{}",
					   "{\"profile\":\"9\",\"name\":\"x\",\"slots\":[]}",
					   "{\"profile\":\"3.x\",\"name\":\"x\",\"slots\":[{}]}" };
	struct fixture *f = *state;
	struct vm_disk_place place;
	struct error err;

	assert_int_equal(add(f, f->disk, &place, &err), -ENOENT);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(fs_replace_at(f->dir_fd, "acrn.json", bad[i], strlen(bad[i]), 0600,
					       false),
				 0);
		assert_int_equal(add(f, f->disk, &place, &err), -EINVAL);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_json),      TEST(test_json_bad_peers),     TEST(test_json_no_answer),
		TEST(test_monitor),   TEST(test_monitor_exact_path), TEST(test_all_slots),
		TEST(test_same_disk), TEST(test_slot_after_failure), TEST(test_bad_disks),
		TEST(test_bad_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
