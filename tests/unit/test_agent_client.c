/* What the runtime says to original agents: bodies in their dialects, what it holds and refuses. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/sock.h"
#include "runtime/agent_client/connect.h"
#include "runtime/agent_client/original.h"

#define REFUSAL "{\"msg\":\"ERROR received from VM agent, control msg received : "

enum { LONG_MS = 20000 };

/* A client, the proxy's end of its connection, and what is made for a call. */
struct set {
	struct client client;
	int proxy;
	struct client_wait wait;
	struct arena arena;
	struct error err;
	char dir[32];
	int dir_fd;
};

static int setup(void **state)
{
	struct set *set = calloc(1, sizeof(*set));
	int ends[2];

	assert_non_null(set);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	set->client = (struct client){ .fd = ends[0],
				       .interrupt_fd = -1,
				       .in = { .max = CCPROXY_PAYLOAD_MAX + 65536 } };
	set->proxy = ends[1];
	set->wait = (struct client_wait){ .deadline_ms = clock_now_ms() + LONG_MS, .abort_fd = -1 };
	(void)snprintf(set->dir, sizeof(set->dir), "/tmp/test-agent-XXXXXX");
	assert_non_null(mkdtemp(set->dir));
	set->dir_fd = fs_open_dir_at(AT_FDCWD, set->dir);
	*state = set;
	return 0;
}

static int teardown(void **state)
{
	struct set *set = *state;

	client_close(&set->client);
	cleanup_close(&set->proxy);
	cleanup_close(&set->dir_fd);
	arena_done(&set->arena);
	assert_int_equal(fs_remove_tree_at(AT_FDCWD, set->dir), 0);
	free(set);
	return 0;
}

/* Has the proxy say something ahead of the question. */
static void answer(struct set *set, unsigned opcode, bool error, const char *data, size_t len)
{
	auto_strbuf struct strbuf buf = { 0 };

	assert_int_equal(ccproxy_encode(&buf, CCPROXY_RESPONSE, opcode, error, data, len), 0);
	assert_int_equal(fs_write_all(set->proxy, buf.data, buf.len), 0);
}

static void ack(struct set *set)
{
	answer(set, CCPROXY_HYPER, false, NULL, 0);
}

static void refuse(struct set *set, const char *text)
{
	auto_strbuf struct strbuf body = { 0 };

	strbuf_addf(&body, REFUSAL "%s\"}", text);
	answer(set, CCPROXY_HYPER, true, strbuf_str(&body), body.len);
}

/* The next frame that the client has sent. */
static void assert_asked(struct set *set, unsigned opcode, const char *payload)
{
	char header[CCPROXY_HEADER_LEN], data[4096] = "";
	size_t len = strlen(payload);

	assert_int_equal(recv(set->proxy, header, sizeof(header), MSG_WAITALL), sizeof(header));
	assert_int_equal(header[7], opcode);
	assert_int_equal((unsigned char)header[10] << 8 | (unsigned char)header[11], len);
	if (len > 0)
		assert_int_equal(recv(set->proxy, data, len, MSG_WAITALL), len);
	assert_string_equal(data, payload);
}

static void the_dialect_is_found_by_behaviour(void **state)
{
	static const struct {
		const char *version;   /* 4 bytes; NULL: ERROR */
		const char *behaviour; /* text of the ERROR to a call for nobody; NULL: not asked */
		enum agent_dialect dialect;
	} rows[] = {
		{ NULL, NULL, AGENT_D3 },
		{ "\0\0\x10\x94", NULL, AGENT_D2 },
		{ "\0\0\x10\x92", "", AGENT_D1 },
		{ "\0\0\x10\x92", "container \\\"\\\" is not known", AGENT_D3 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum agent_dialect dialect = AGENT_UNTOLD;
		void *one = NULL;
		struct set *set;

		assert_int_equal(setup(&one), 0);
		set = one;
		set->client.dialect = AGENT_UNTOLD;
		if (rows[i].version)
			answer(set, CCPROXY_HYPER, false, rows[i].version, 4);
		else
			refuse(set, "No callback found for command \\\"\\\"");
		if (rows[i].behaviour)
			refuse(set, rows[i].behaviour);
		assert_int_equal(agent_find_dialect(&set->client, &set->wait, &dialect, &set->err),
				 0);
		assert_int_equal(dialect, rows[i].dialect);
		/* Never a name that an original proxy does not know. */
		assert_asked(set, CCPROXY_HYPER, "{\"hyperName\":\"version\",\"tokens\":null}");
		assert_int_equal(teardown(&one), 0);
	}
}

static void our_calls_are_not_sent_to_an_original(void **state)
{
	struct set *set = *state;
	char byte;

	set->client.dialect = AGENT_D2;
	assert_int_equal(agent_call(&set->client, CALL_PAUSECONTAINER, NULL, NULL, NULL, &set->wait,
				    &set->err),
			 -EOPNOTSUPP);
	assert_string_equal(set->err.text, "the guest's agent (D2) cannot do this: it has no "
					   "'pausecontainer'");
	assert_int_equal(recv(set->proxy, &byte, 1, MSG_DONTWAIT), -1);
}

static const char *args[] = { "sh", "-c", "x" };
static const char *env[] = { "PATH=/bin", "EMPTY=", "BARE", "EQ=a=b" };
static const char *caps[] = { "CAP_KILL" };
static const char *bind_options[] = { "rbind", "ro" };
static const char *masked[] = { "/proc/kcore" };

struct document {
	struct oci_spec spec;
	struct oci_process process;
	struct oci_capabilities capabilities;
	struct oci_root root;
	struct oci_linux linux_;
	struct oci_linux_resources resources;
	struct oci_cpu cpu;
	struct oci_mount mounts[3];
	int64_t gids[2];
};

static void make_document(struct document *d)
{
	*d = (struct document){
		.process = { .user = { .uid = 5, .gid = 6 },
			     .args = { args, 3 },
			     .env = { env, 4 },
			     .cwd = "/w",
			     .no_new_privileges = true },
		.capabilities = { .bounding = { caps, 1 } },
		.root = { .path = "rootfs", .readonly = true },
		.linux_ = { .masked_paths = { masked, 1 } },
		.cpu = { .shares = { true, 512 }, .quota_us = { true, 1000 } },
		.mounts = { { .destination = "/proc", .type = "proc" },
			    { .destination = "/data",
			      .source = "c1/mount-1",
			      .options = { bind_options, 2 } },
			    { .destination = "/run", .type = "tmpfs" } },
		.gids = { 7, 8 },
	};
	d->process.capabilities = &d->capabilities;
	d->process.user.additional_gids = (struct json_nums){ d->gids, 2 };
	d->resources.cpu = &d->cpu;
	d->linux_.resources = &d->resources;
	d->spec = (struct oci_spec){ .process = &d->process,
				     .root = &d->root,
				     .linux_ = &d->linux_,
				     .mounts = { d->mounts, 3 } };
}

#define PROCESS                                                                     \
	"\"user\":\"5\",\"group\":\"6\",\"additionalGroups\":[\"7\",\"8\"],"        \
	"\"terminal\":false,\"args\":[\"sh\",\"-c\",\"x\"],\"envs\":["              \
	"{\"env\":\"PATH\",\"value\":\"/bin\"},{\"env\":\"EMPTY\",\"value\":\"\"}," \
	"{\"env\":\"BARE\",\"value\":\"\"},{\"env\":\"EQ\",\"value\":\"a=b\"}],"    \
	"\"workdir\":\"/w\""
#define CONTAINER "\"id\":\"c1\",\"rootfs\":\"rootfs\",\"image\":\"c1\",\"fsmap\":["
#define FSMAP \
	"\"source\":\"c1/mount-1\",\"path\":\"/data\",\"readOnly\":true,\"dockerVolume\":false"

/* Each dialect gets the members that it knows and no other. */
static void containers_are_described_in_each_dialect(void **state)
{
	static const struct {
		enum agent_dialect dialect;
		const char *body;
	} rows[] = {
		{ AGENT_D1, "{" CONTAINER "{" FSMAP "}],\"process\":{" PROCESS "}}" },
		{ AGENT_D2,
		  "{" CONTAINER "{" FSMAP "}],\"process\":{" PROCESS "},\"readOnly\":true}" },
		{ AGENT_D3,
		  "{" CONTAINER "{" FSMAP ",\"absolutePath\":false}],\"readOnly\":true,"
		  "\"process\":{" PROCESS ",\"noNewPrivileges\":true,\"capabilities\":{"
		  "\"bounding\":[\"CAP_KILL\"],\"effective\":[],\"inheritable\":[],"
		  "\"permitted\":[],\"ambient\":[]}},\"systemMountsInfo\":{"
		  "\"bindMountDev\":false,\"devShmSize\":0},\"constraints\":{\"CPUQuota\":0,"
		  "\"CPUPeriod\":0,\"CPUShares\":512}}" },
	};
	struct set *set = *state;
	struct document d;

	make_document(&d);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		auto_strbuf struct strbuf json = { 0 };
		struct call_newcontainer container;

		assert_int_equal(original_make_container(rows[i].dialect, "c1", "c1/rootfs",
							 &d.spec, &set->arena, &container,
							 &set->err),
				 0);
		assert_int_equal(original_encode(rows[i].dialect, CALL_NEWCONTAINER, &container,
						 &json, &set->err),
				 0);
		assert_string_equal(strbuf_str(&json), rows[i].body);
	}
}

static bool lists(const struct strvec *list, const char *path)
{
	for (size_t i = 0; i < list->len; i++)
		if (strncmp(list->items[i], path, strlen(path)) == 0 &&
		    list->items[i][strlen(path)] == ' ')
			return true;
	return false;
}

static void what_is_left_out_is_listed_by_its_path(void **state)
{
	static const struct {
		const char *path;
		bool d1, d2, d3;
	} rows[] = {
		{ "process.capabilities", true, true, false },
		{ "process.noNewPrivileges", true, true, false },
		{ "process.rlimits", false, false, false },
		{ "root.readonly", true, false, true },
		{ "linux.maskedPaths", true, true, true },
		{ "linux.resources.cpu.shares", true, true, false },
		{ "linux.resources.memory", false, false, false },
		{ "mounts[0] (/proc)", false, false, false },
		{ "mounts[1] (/data)", false, false, false },
		{ "mounts[2] (/run)", true, true, true },
	};
	auto_strvec struct strvec d1 = { 0 }, d2 = { 0 }, d3 = { 0 }, exec = { 0 };
	struct document d;

	(void)state;
	make_document(&d);
	original_list_unapplied(AGENT_D1, &d.spec, &d1);
	original_list_unapplied(AGENT_D2, &d.spec, &d2);
	original_list_unapplied(AGENT_D3, &d.spec, &d3);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(lists(&d1, rows[i].path), rows[i].d1);
		assert_int_equal(lists(&d2, rows[i].path), rows[i].d2);
		assert_int_equal(lists(&d3, rows[i].path), rows[i].d3);
	}
	/* Of an exec even D3 takes what its container has. */
	original_list_unapplied_exec(AGENT_D3, &d.process, &exec);
	assert_true(lists(&exec, "capabilities"));
	assert_string_equal(exec.items[0],
			    "capabilities is not applied: the guest's agent (D3) cannot do it");
}

static void pods_have_what_the_agent_understands(void **state)
{
	static struct call_ip_address addresses[] = { { "10.0.0.2", "24" },
						      { "fe80::1", "64" },
						      { "127.0.0.1", "8" } };
	static struct call_interface interface = { .new_device_name = "eth0",
						   .ip_addresses = { addresses, 3 },
						   .mtu = 1400,
						   .mac_addr = "02:42:ac:11:00:02" };
	static struct call_route routes[] = { { .dest = "0.0.0.0/0", .gateway = "10.0.0.1" },
					      { .dest = "::/0", .gateway = "fe80::2" },
					      { .dest = "10.1.0.0/16", .device = "eth0" },
					      { .dest = "", .gateway = "fe80::3" } };
	static const struct {
		enum agent_dialect dialect;
		const char *device, *mac;
	} rows[] = { { AGENT_D1, "", ",\"macAddr\":\"02:42:ac:11:00:02\"" },
		     { AGENT_D2, "\"device\":\"eth0\",", "" },
		     { AGENT_D3, "", ",\"macAddr\":\"02:42:ac:11:00:02\"" } };
	struct call_startpod pod = { .hostname =
					     "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee"
					     "ffffffffffgggggggggg",
				     .interfaces = { &interface, 1 },
				     .routes = { routes, 4 },
				     .share_dir = "hyperShared",
				     .msize = 8192 };
	struct set *set = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		auto_strbuf struct strbuf json = { 0 }, wanted = { 0 };
		struct call_startpod made;

		assert_int_equal(
			original_make_pod(rows[i].dialect, &pod, &set->arena, &made, &set->err), 0);
		assert_int_equal(original_encode(rows[i].dialect, CALL_STARTPOD, &made, &json,
						 &set->err),
				 0);
		strbuf_addf(&wanted,
			    "{\"hostname\":\"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee"
			    "ffffffffffgggg\",\"interfaces\":[{%s\"newDeviceName\":\"eth0\","
			    "\"ipAddresses\":[{\"ipAddress\":\"10.0.0.2\",\"netMask\":\"24\"}],"
			    "\"mtu\":1400%s}],\"routes\":[{\"dest\":\"default\","
			    "\"gateway\":\"10.0.0.1\"},{\"dest\":\"10.1.0.0/16\","
			    "\"device\":\"eth0\"}],\"shareDir\":\"hyperShared\"}",
			    rows[i].device, rows[i].mac);
		assert_string_equal(strbuf_str(&json), strbuf_str(&wanted));
	}
}

static void the_start_is_held_on_disk(void **state)
{
	static struct call_interface interface = { .device = "eth0", .mac_addr = "m" };
	const struct call_startpod pod = { .hostname = "h", .share_dir = "s" };
	const struct call_startpod network = { .interfaces = { &interface, 1 } };
	struct call_newcontainer container;
	struct set *set = *state;
	struct document d;

	make_document(&d);
	d.process = (struct oci_process){ .args = { args, 1 }, .cwd = "/" };
	d.spec.mounts.len = 0;
	set->client.dialect = AGENT_D1;
	assert_int_equal(original_start_held(set->dir_fd, &set->client, &set->wait, &set->err),
			 -ENOENT);
	assert_int_equal(original_hold_pod(set->dir_fd, AGENT_D1, "tok", &pod, &set->err), 0);
	assert_int_equal(original_start_held(set->dir_fd, &set->client, &set->wait, &set->err),
			 -ENODATA);
	assert_int_equal(original_make_container(AGENT_D1, "c1", "c1/rootfs", &d.spec, &set->arena,
						 &container, &set->err),
			 0);
	assert_int_equal(original_hold_container(set->dir_fd, &container, &set->err), 0);
	/* Interfaces that come between create and start. */
	assert_int_equal(original_hold_network(set->dir_fd, &network, &set->err), 0);
	ack(set);
	ack(set);
	assert_int_equal(original_start_held(set->dir_fd, &set->client, &set->wait, &set->err), 0);
	assert_asked(set, CCPROXY_HYPER,
		     "{\"hyperName\":\"startpod\",\"tokens\":null,\"data\":{\"hostname\":\"h\","
		     "\"interfaces\":[{\"device\":\"eth0\",\"ipAddresses\":[],\"mtu\":0,"
		     "\"macAddr\":\"m\"}],\"shareDir\":\"s\"}}");
	assert_asked(set, CCPROXY_HYPER,
		     "{\"hyperName\":\"newcontainer\",\"tokens\":[\"tok\"],\"data\":{\"id\":\"c1\","
		     "\"rootfs\":\"rootfs\",\"image\":\"c1\",\"process\":{\"user\":\"0\","
		     "\"group\":\"0\",\"terminal\":false,\"args\":[\"sh\"],\"workdir\":\"/\"}}}");
}

static void signals_and_lists_as_far_as_they_go(void **state)
{
	const struct json_strs none = { 0 };
	auto_strbuf struct strbuf reply = { 0 };
	struct set *set = *state;

	ack(set);
	assert_int_equal(
		original_kill(&set->client, AGENT_D1, "c1", 15, true, &set->wait, &set->err), 0);
	assert_asked(set, CCPROXY_HYPER,
		     "{\"hyperName\":\"killcontainer\",\"tokens\":null,\"data\":{"
		     "\"container\":\"c1\",\"signal\":15,\"allProcesses\":true}}");
	assert_int_equal(original_kill(&set->client, AGENT_D2, "c1", 15, true, &set->wait,
				       &set->err),
			 -EOPNOTSUPP);
	answer(set, CCPROXY_HYPER, false, "[7]", 3);
	assert_int_equal(original_ps(&set->client, AGENT_D3, "c1", "json", &none, &set->wait,
				     &reply, &set->err),
			 0);
	assert_string_equal(strbuf_str(&reply), "[7]");
	assert_asked(set, CCPROXY_HYPER,
		     "{\"hyperName\":\"pscontainer\",\"tokens\":null,\"data\":{"
		     "\"container\":\"c1\",\"format\":\"json\"}}");
	assert_int_equal(original_ps(&set->client, AGENT_D1, "c1", "json", &none, &set->wait,
				     &reply, &set->err),
			 -EOPNOTSUPP);
	assert_non_null(strstr(set->err.text, "(D1) cannot list the processes"));
}

/* hyperstart forgets a container by itself; a pod that cannot be destroyed is left all the same. */
static void the_end_goes_on_after_a_failure(void **state)
{
	struct set *set = *state;

	refuse(set, "");
	assert_int_equal(
		original_stop_container(&set->client, AGENT_D2, "c1", &set->wait, &set->err), 0);
	refuse(set, "still running");
	assert_int_equal(original_stop_container(&set->client, AGENT_D3, "c1", &set->wait,
						 &set->err),
			 -EREMOTEIO);
	refuse(set, "dead");
	answer(set, CCPROXY_UNREGISTER_VM, false, NULL, 0);
	assert_int_equal(original_stop_pod(&set->client, "pod", &set->wait, &set->err), -EREMOTEIO);
	assert_string_equal(set->err.text, "dead");
	assert_asked(set, CCPROXY_HYPER,
		     "{\"hyperName\":\"removecontainer\",\"tokens\":null,\"data\":{"
		     "\"container\":\"c1\"}}");
	assert_asked(set, CCPROXY_HYPER,
		     "{\"hyperName\":\"removecontainer\",\"tokens\":null,\"data\":{"
		     "\"container\":\"c1\"}}");
	assert_asked(set, CCPROXY_HYPER, "{\"hyperName\":\"destroypod\",\"tokens\":null}");
	assert_asked(set, CCPROXY_UNREGISTER_VM, "{\"containerId\":\"pod\"}");
}

static void urls_are_checked(void **state)
{
	static const struct {
		const char *url, *says;
	} rows[] = {
		{ NULL, "URL scheme cannot be empty" },
		{ "", "URL scheme cannot be empty" },
		{ "://x", "URL scheme cannot be empty" },
		{ "/run/x", "URL scheme cannot be empty" },
		{ "unix://", "URL host and path cannot be empty" },
		{ "tcp://host:1", "is not of the form unix:///PATH" },
	};

	(void)state;
	assert_string_equal(connect_parse_url("unix:///run/p.sock", NULL), "/run/p.sock");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct error err = { 0 };

		assert_null(connect_parse_url(rows[i].url, &err));
		assert_non_null(strstr(err.text, rows[i].says));
	}
}

static void a_proxy_that_never_listens_is_given_up(void **state)
{
	auto_client struct client client = { .fd = -1, .interrupt_fd = -1 };
	auto_strbuf struct strbuf url = { 0 };
	struct set *set = *state;
	int64_t begun = clock_now_ms();

	strbuf_addf(&url, "unix://%s/p.sock", set->dir);
	assert_int_equal(connect_url(&client, strbuf_str(&url), 150, &set->err), -ENOENT);
	assert_true(clock_now_ms() - begun >= 150);
	assert_non_null(strstr(set->err.text, "failed to connect to proxy after"));
}

static void waiting_for_a_proxy_can_be_interrupted(void **state)
{
	auto_client struct client client = { .fd = -1, .interrupt_fd = -1 };
	auto_strbuf struct strbuf url = { 0 };
	struct set *set = *state;
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	(void)close(ends[1]);
	client.interrupt_fd = ends[0];
	strbuf_addf(&url, "unix://%s/p.sock", set->dir);
	assert_int_equal(connect_url(&client, strbuf_str(&url), LONG_MS, &set->err), -EINTR);
	(void)close(ends[0]);
}

static void a_proxy_that_listens_is_reached_at_once(void **state)
{
	auto_client struct client client = { .fd = -1, .interrupt_fd = -1 };
	auto_strbuf struct strbuf url = { 0 };
	struct set *set = *state;
	auto_close int listener = sock_listen_at(set->dir_fd, "p.sock", 0600, 1);

	assert_true(listener >= 0);
	strbuf_addf(&url, "unix://%s/p.sock", set->dir);
	assert_int_equal(connect_url(&client, strbuf_str(&url), LONG_MS, &set->err), 0);
	assert_true(client.fd >= 0);
}

#define IN_SET(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_dialect_is_found_by_behaviour),
		IN_SET(our_calls_are_not_sent_to_an_original),
		IN_SET(containers_are_described_in_each_dialect),
		cmocka_unit_test(what_is_left_out_is_listed_by_its_path),
		IN_SET(pods_have_what_the_agent_understands),
		IN_SET(the_start_is_held_on_disk),
		IN_SET(signals_and_lists_as_far_as_they_go),
		IN_SET(the_end_goes_on_after_a_failure),
		cmocka_unit_test(urls_are_checked),
		IN_SET(a_proxy_that_never_listens_is_given_up),
		IN_SET(waiting_for_a_proxy_can_be_interrupted),
		IN_SET(a_proxy_that_listens_is_reached_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
