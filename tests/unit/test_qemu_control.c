/* Pause, save, restore and hotplug against a peer that plays QEMU at the other end of a socket
 * pair: its words are there before they are read, its ears are looked at afterwards. */
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
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/strbuf.h"
#include "hypervisor/hypervisor.h"

#define HELLO                                                                            \
	"{\"QMP\": {\"version\": {\"qemu\": {\"major\": 7}}, \"capabilities\": []}}\r\n" \
	"{\"return\": {}, \"id\": 1}\r\n"
#define OK(id)		 "{\"return\": {}, \"id\": " #id "}\r\n"
#define RETURN(id, json) "{\"return\": " json ", \"id\": " #id "}\r\n"
#define REFUSAL(id, why) \
	"{\"id\": " #id ", \"error\": {\"class\": \"GenericError\", \"desc\": \"" why "\"}}\r\n"
#define MIGRATION(status) "{\"event\": \"MIGRATION\", \"data\": {\"status\": \"" status "\"}}\r\n"

#define SENT_HELLO "{\"execute\":\"qmp_capabilities\",\"id\":1}\n"
#define SENT_CAPABILITIES                                                                       \
	SENT_HELLO "{\"execute\":\"migrate-set-capabilities\",\"arguments\":{\"capabilities\":" \
		   "[{\"capability\":\"x-ignore-shared\",\"state\":true},"                      \
		   "{\"capability\":\"events\",\"state\":true}]},\"id\":2}\n"                   \
		   "{\"execute\":\"getfd\",\"arguments\":{\"fdname\":\"state\"},\"id\":3}\n"
#define SENT_SAVE                                                                  \
	SENT_CAPABILITIES "{\"execute\":\"migrate-set-parameters\",\"arguments\":" \
			  "{\"max-bandwidth\":68719476736},\"id\":4}\n"            \
			  "{\"execute\":\"stop\",\"id\":5}\n"                      \
			  "{\"execute\":\"migrate\",\"arguments\":"                \
			  "{\"uri\":\"fd:state\"},\"id\":6}\n"
#define SENT_RESTORE                                                         \
	SENT_CAPABILITIES "{\"execute\":\"migrate-incoming\",\"arguments\":" \
			  "{\"uri\":\"fd:state\"},\"id\":4}\n"

struct fixture {
	const struct hypervisor_ops *ops;
	struct vm vm;
	int peer;
	int ours; /* for the operation, which takes it over */
	int state;
	struct error err;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	int pair[2];

	if (!f || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	f->ops = hypervisor_find("qemu");
	f->ours = pair[0];
	f->peer = pair[1];
	f->state = memfd_create("state", MFD_CLOEXEC);
	*state = f;
	return f->state < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	/* Whatever happened, the operation has closed its connection. */
	bool open = fcntl(f->ours, F_GETFD) >= 0;

	if (f->peer >= 0)
		(void)close(f->peer);
	(void)close(f->state);
	free(f);
	return open ? -1 : 0;
}

static void say(const struct fixture *f, const char *text)
{
	assert_int_equal(fs_write_all(f->peer, text, strlen(text)), 0);
}

/* All that was sent, in order; descriptors that came along are counted and closed. */
static void heard(const struct fixture *f, const char *want, int want_fds)
{
	char got[4096];
	size_t len = 0;
	int fds = 0;

	for (;;) {
		char control[CMSG_SPACE(4 * sizeof(int))];
		struct iovec iov = { .iov_base = got + len, .iov_len = sizeof(got) - 1 - len };
		struct msghdr msg = { .msg_iov = &iov,
				      .msg_iovlen = 1,
				      .msg_control = control,
				      .msg_controllen = sizeof(control) };
		ssize_t n = recvmsg(f->peer, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
		int fd;

		if (n <= 0)
			break;
		len += (size_t)n;
		if (!CMSG_FIRSTHDR(&msg))
			continue;
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
		(void)close(fd);
		fds++;
	}
	got[len] = '\0';
	assert_string_equal(got, want);
	assert_int_equal(fds, want_fds);
}

static void test_capabilities(void **state)
{
	struct fixture *f = *state;
	unsigned caps = HV_CAP_PAUSE | HV_CAP_SNAPSHOT | HV_CAP_CPU_HOTPLUG |
			HV_CAP_MEMORY_HOTPLUG | HV_CAP_NET_HOTPLUG;

	assert_int_equal(f->ops->caps & caps, caps);
	(void)close(f->ours);
}

static void test_pause(void **state)
{
	struct fixture *f = *state;

	say(f, HELLO OK(2));
	assert_int_equal(f->ops->pause(&f->vm, f->ours, &f->err), 0);
	heard(f, SENT_HELLO "{\"execute\":\"stop\",\"id\":2}\n", 0);
}

#define SENT_END_SAVING                                          \
	SENT_HELLO "{\"execute\":\"migrate_cancel\",\"id\":2}\n" \
		   "{\"execute\":\"query-migrate\",\"id\":3}\n"
#define SENT_RESUME SENT_END_SAVING "{\"execute\":\"cont\",\"id\":4}\n"

static void test_resume(void **state)
{
	struct fixture *f = *state;

	say(f, HELLO OK(2) OK(3) OK(4));
	assert_int_equal(f->ops->resume(&f->vm, f->ours, &f->err), 0);
	heard(f, SENT_RESUME, 0);
}

/* Somebody was killed while the state was being saved. */
static void test_resume_while_saving(void **state)
{
	struct fixture *f = *state;

	say(f, HELLO OK(2) RETURN(3, "{\"status\": \"cancelling\"}") MIGRATION("cancelled") OK(4));
	assert_int_equal(f->ops->resume(&f->vm, f->ours, &f->err), 0);
	heard(f, SENT_RESUME, 0);
}

/* The event is there before the answer that says that it is to come. */
static void test_resume_cancelled_at_once(void **state)
{
	struct fixture *f = *state;

	say(f, HELLO OK(2) MIGRATION("cancelled") RETURN(3, "{\"status\": \"cancelling\"}") OK(4));
	assert_int_equal(f->ops->resume(&f->vm, f->ours, &f->err), 0);
	heard(f, SENT_RESUME, 0);
}

static void test_resume_refused(void **state)
{
	struct fixture *f = *state;

	say(f, HELLO OK(2) RETURN(3, "{\"status\": \"completed\"}")
		       REFUSAL(4, "Resetting the Virtual Machine is required"));
	assert_int_equal(f->ops->resume(&f->vm, f->ours, &f->err), -EREMOTEIO);
	assert_string_equal(f->err.text,
			    "QEMU refuses cont: Resetting the Virtual Machine is required");
}

/* The caller's failure to connect is reported by the operation. */
static void test_no_connection(void **state)
{
	struct fixture *f = *state;
	uint32_t added = 7;

	assert_int_equal(f->ops->pause(&f->vm, -ECONNREFUSED, &f->err), -ECONNREFUSED);
	assert_string_equal(f->err.text,
			    "connect to the control socket of QEMU: Connection refused");
	assert_int_equal(f->ops->restore(&f->vm, -ENOENT, f->state, 5, &f->err), -ENOENT);
	assert_string_equal(f->err.text, "restore the virtual machine: connect to the control "
					 "socket of QEMU: No such file or directory");
	assert_int_equal(f->ops->add_cpus(&f->vm, -ENOENT, 1, &added, &f->err), -ENOENT);
	assert_int_equal(added, 0);
	(void)close(f->ours);
}

static void test_save(void **state)
{
	struct fixture *f = *state;

	say(f,
	    HELLO OK(2) OK(3) "{\"event\": \"STOP\"}\r\n" OK(4) OK(5) MIGRATION("setup") OK(6)
		    MIGRATION("active") "{\"event\": \"RTC_CHANGE\"}\r\n" MIGRATION("completed"));
	assert_int_equal(f->ops->save(&f->vm, f->ours, f->state, 5, &f->err), 0);
	heard(f, SENT_SAVE, 1);
}

/* As fast as QEMU is with nothing to send: it has completed before it answers. */
static void test_save_event_first(void **state)
{
	struct fixture *f = *state;

	say(f, HELLO OK(2) OK(3) OK(4) OK(5) MIGRATION("completed") OK(6));
	assert_int_equal(f->ops->save(&f->vm, f->ours, f->state, 5, &f->err), 0);
}

static void test_save_mounted(void **state)
{
	struct fixture *f = *state;

	say(f, HELLO OK(2) OK(3) OK(4) OK(5)
		       REFUSAL(6, "Migration is disabled when VirtFS export path '/s' is mounted"));
	assert_int_equal(f->ops->save(&f->vm, f->ours, f->state, 5, &f->err), -EREMOTEIO);
	assert_string_equal(f->err.text,
			    "save the virtual machine: QEMU refuses migrate: Migration is disabled "
			    "when VirtFS export path '/s' is mounted");
	heard(f, SENT_SAVE, 1);
}

static void test_save_fails(void **state)
{
	struct fixture *f = *state;

	say(f, HELLO OK(2) OK(3) OK(4) OK(5) OK(6) MIGRATION("failed")
		       RETURN(7, "{\"status\": \"failed\", \"error-desc\": \"No space left\"}"));
	assert_int_equal(f->ops->save(&f->vm, f->ours, f->state, 5, &f->err), -EIO);
	assert_string_equal(f->err.text, "save the virtual machine: QEMU could not save the "
					 "machine's state: No space left");
	heard(f, SENT_SAVE "{\"execute\":\"query-migrate\",\"id\":7}\n", 1);
}

/* An event that cannot be read is no end. QEMU does not even answer when the migration is cancelled
 * so that the machine could be resumed. */
static void test_save_timeout(void **state)
{
	struct fixture *f = *state;

	say(f, HELLO OK(2) OK(3) OK(4) OK(5) OK(6) MIGRATION("active") MIGRATION(
		       "unheard-of") "{\"event\": \"MIGRATION\", \"data\": {\"status\": 7}}\r\n"
				     "{\"event\": \"MIGRATION\"}\r\n");
	assert_int_equal(f->ops->save(&f->vm, f->ours, f->state, 1, &f->err), -ETIMEDOUT);
	assert_string_equal(f->err.text,
			    "save the virtual machine: timed out after 1 seconds "
			    "waiting for qemu migration (nor can it be cancelled: stop "
			    "the machine)");
	heard(f, SENT_SAVE "{\"execute\":\"migrate_cancel\",\"id\":7}\n", 1);
}

static void test_no_timeout(void **state)
{
	struct fixture *f = *state;

	say(f, HELLO);
	assert_int_equal(f->ops->save(&f->vm, f->ours, f->state, 0, &f->err), -EINVAL);
	assert_string_equal(f->err.text, "save the virtual machine: Invalid timeout 0s");
	heard(f, SENT_HELLO, 0);
}

/* A QEMU without one of the capabilities. */
static void test_save_unable(void **state)
{
	struct fixture *f = *state;

	say(f, HELLO REFUSAL(2, "Parameter 'capability' does not accept value 'x-ignore-shared'"));
	assert_int_equal(f->ops->save(&f->vm, f->ours, f->state, 5, &f->err), -EREMOTEIO);
}

static void test_save_garbage(void **state)
{
	struct fixture *f = *state;

	say(f, HELLO OK(2) OK(3) OK(4) OK(5) OK(6) "certainly no message\r\n");
	assert_int_equal(f->ops->save(&f->vm, f->ours, f->state, 5, &f->err), -EBADMSG);
	assert_string_equal(f->err.text, "save the virtual machine: QEMU answers the migration "
					 "with something that is no message");
}

static void test_restore(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(fs_write_all(f->state, "state", 5), 0);
	say(f, HELLO OK(2) OK(3) OK(4) MIGRATION("setup") MIGRATION("active")
		       MIGRATION("completed") "{\"event\": \"RESUME\"}\r\n" OK(5));
	assert_int_equal(f->ops->restore(&f->vm, f->ours, f->state, 5, &f->err), 0);
	heard(f, SENT_RESTORE "{\"execute\":\"cont\",\"id\":5}\n", 1);
	/* Where a writer left it is not where a reader begins. */
	assert_int_equal(lseek(f->state, 0, SEEK_CUR), 0);
}

static void test_restore_fails(void **state)
{
	struct fixture *f = *state;

	say(f, HELLO OK(2) OK(3) OK(4) MIGRATION("active") MIGRATION("failed") RETURN(5, "{}"));
	assert_int_equal(f->ops->restore(&f->vm, f->ours, f->state, 5, &f->err), -EIO);
	assert_string_equal(f->err.text, "restore the virtual machine: QEMU could not restore the "
					 "machine's state; its log tells why");
}

/* What QEMU does with a state that it cannot read. */
static void test_restore_ends(void **state)
{
	struct fixture *f = *state;

	say(f, HELLO OK(2) OK(3) OK(4) MIGRATION("active"));
	assert_int_equal(shutdown(f->peer, SHUT_WR), 0);
	assert_int_equal(f->ops->restore(&f->vm, f->ours, f->state, 5, &f->err), -ECONNRESET);
	assert_string_equal(f->err.text, "restore the virtual machine: QEMU ended while it had to "
					 "restore the machine's state; its log tells why");
}

static void test_restore_timeout(void **state)
{
	struct fixture *f = *state;

	say(f, HELLO OK(2) OK(3) OK(4));
	assert_int_equal(f->ops->restore(&f->vm, f->ours, f->state, 1, &f->err), -ETIMEDOUT);
	assert_string_equal(f->err.text, "restore the virtual machine: timed out after 1 seconds "
					 "waiting for qemu migration");
	heard(f, SENT_RESTORE, 1);
}

#define CPU(core) "\"props\": {\"core-id\": " #core ", \"thread-id\": 0, \"socket-id\": 0}"
#define CPUS                                                                           \
	"[{" CPU(3) ", \"vcpus-count\": 1, \"type\": \"max-x86_64-cpu\"},"             \
		    "{" CPU(2) ", \"type\": \"max-x86_64-cpu\"},"                      \
			       "{" CPU(1) ", \"type\": \"max-x86_64-cpu\"},"           \
					  "{" CPU(0) ", \"qom-path\": \"/machine/x\"," \
						     " \"type\": \"max-x86_64-cpu\"}]"
#define SENT_QUERY SENT_HELLO "{\"execute\":\"query-hotpluggable-cpus\",\"id\":2}\n"
#define SENT_CPU(core, id)                                                                 \
	"{\"execute\":\"device_add\",\"arguments\":{\"driver\":\"max-x86_64-cpu\",\"id\":" \
	"\"cpu-0-0-" #core "-0\",\"socket-id\":0,\"core-id\":" #core ",\"thread-id\":0},"  \
	"\"id\":" #id "}\n"

/* The lowest first, past those that are there. */
static void test_add_cpus(void **state)
{
	struct fixture *f = *state;
	uint32_t added = 0;

	say(f, HELLO RETURN(2, CPUS) OK(3) OK(4));
	assert_int_equal(f->ops->add_cpus(&f->vm, f->ours, 2, &added, &f->err), 0);
	assert_int_equal(added, 2);
	heard(f, SENT_QUERY SENT_CPU(1, 3) SENT_CPU(2, 4), 0);
}

static void test_too_many_cpus(void **state)
{
	struct fixture *f = *state;
	uint32_t added = 0;

	say(f, HELLO RETURN(2, CPUS) OK(3) OK(4) OK(5));
	assert_int_equal(f->ops->add_cpus(&f->vm, f->ours, 4, &added, &f->err), -ENOSPC);
	assert_int_equal(added, 3);
	assert_string_equal(f->err.text, "failed to hot add vCPUs: only 3 vCPUs of 4 were added "
					 "(the machine has no room for more)");
}

static void test_cpu_refused(void **state)
{
	struct fixture *f = *state;
	uint32_t added = 0;

	say(f, HELLO RETURN(2, CPUS) OK(3) REFUSAL(4, "no more"));
	assert_int_equal(f->ops->add_cpus(&f->vm, f->ours, 3, &added, &f->err), -EREMOTEIO);
	assert_int_equal(added, 1);
	assert_string_equal(f->err.text, "failed to hot add vCPUs: only 1 vCPUs of 3 were added "
					 "(QEMU refuses device_add: no more)");
}

static void test_cpus_garbage(void **state)
{
	struct fixture *f = *state;
	uint32_t added = 0;

	say(f, HELLO RETURN(2, "[{\"props\": [], \"type\": \"x\"}]"));
	assert_int_equal(f->ops->add_cpus(&f->vm, f->ours, 1, &added, &f->err), -EINVAL);
	assert_non_null(strstr(f->err.text, "read QEMU's answer to query-hotpluggable-cpus"));
}

#define SIZES(slots) "{\"size\": 268435456, \"max-size\": 1073741824, \"slots\": " #slots "}"
#define DIMM(slot) \
	"{\"type\": \"dimm\", \"data\": {\"size\": 134217728, \"slot\": " #slot ", \"id\": \"d\"}}"
#define SENT_SIZES                                                                  \
	SENT_HELLO "{\"execute\":\"qom-get\",\"arguments\":{\"path\":\"/machine\"," \
		   "\"property\":\"memory\"},\"id\":2}\n"                           \
		   "{\"execute\":\"query-memory-devices\",\"id\":3}\n"
#define SENT_DIMM                                                                         \
	"{\"execute\":\"object-add\",\"arguments\":{\"qom-type\":\"memory-backend-ram\"," \
	"\"id\":\"dimm1-memory\",\"size\":268435456},\"id\":4}\n"                         \
	"{\"execute\":\"device_add\",\"arguments\":{\"driver\":\"pc-dimm\",\"id\":"       \
	"\"dimm1\",\"memdev\":\"dimm1-memory\",\"slot\":1},\"id\":5}\n"

/* Whole blocks, and the slot between two that are in use. */
static void test_add_memory(void **state)
{
	struct fixture *f = *state;
	uint32_t added = 0;

	say(f, HELLO RETURN(2, SIZES(4)) RETURN(3, "[" DIMM(2) "," DIMM(0) "]") OK(4) OK(5));
	assert_int_equal(f->ops->add_memory(&f->vm, f->ours, 129, &added, &f->err), 0);
	assert_int_equal(added, 256);
	heard(f, SENT_SIZES SENT_DIMM, 0);
}

/* What could not be plugged in leaves nothing behind. */
static void test_memory_refused(void **state)
{
	struct fixture *f = *state;
	uint32_t added = 7;

	say(f, HELLO RETURN(2, SIZES(4)) RETURN(3, "[" DIMM(0) "]") OK(4) REFUSAL(5, "no") OK(6));
	assert_int_equal(f->ops->add_memory(&f->vm, f->ours, 256, &added, &f->err), -EREMOTEIO);
	assert_int_equal(added, 0);
	assert_string_equal(f->err.text, "QEMU refuses device_add: no");
	heard(f,
	      SENT_SIZES SENT_DIMM
	      "{\"execute\":\"object-del\",\"arguments\":{\"id\":\"dimm1-memory\"},\"id\":6}\n",
	      0);
}

static void memory_error(const char *words, uint32_t mib, int code, const char *text)
{
	void *state = NULL;
	struct fixture *f;
	uint32_t added = 7;

	assert_int_equal(setup(&state), 0);
	f = state;
	say(f, words);
	assert_int_equal(f->ops->add_memory(&f->vm, f->ours, mib, &added, &f->err), code);
	assert_string_equal(f->err.text, text);
	assert_int_equal(added, 0);
	heard(f, SENT_SIZES, 0);
	assert_int_equal(teardown(&state), 0);
}

static void test_no_room_for_memory(void **state)
{
	(void)state;
	memory_error(HELLO RETURN(2, SIZES(0)) RETURN(3, "[]"), 128, -ENOTSUP,
		     "guest memory hotplug not supported");
	memory_error(HELLO RETURN(2, SIZES(4)) RETURN(3, "[" DIMM(0) "]"), 1000, -ENOSPC,
		     "Unable to hotplug 1024 MiB memory, the SB has 384 MiB and the maximum amount "
		     "is 1024 MiB");
	memory_error(HELLO RETURN(2, SIZES(4)) RETURN(3, "[]"), UINT32_MAX, -ENOSPC,
		     "Unable to hotplug 4294967296 MiB memory, the SB has 256 MiB and the maximum "
		     "amount is 1024 MiB");
	memory_error(HELLO RETURN(2, SIZES(2)) RETURN(3, "[" DIMM(0) "," DIMM(1) "]"), 128, -ENOSPC,
		     "Unable to hotplug 128 MiB memory, all 2 slots are in use");
}

#define PLUGGED(names) HELLO RETURN(2, "[" names "]")
#define NAME(id)       "{\"name\":\"" id "\",\"type\":\"child<x>\"}"
#define SENT_LIST                                             \
	SENT_HELLO "{\"execute\":\"qom-list\",\"arguments\":" \
		   "{\"path\":\"/machine/peripheral\"},\"id\":2}\n"
#define SENT_BACKEND                                                                             \
	SENT_LIST "{\"execute\":\"getfd\",\"arguments\":{\"fdname\":\"net3\"},\"id\":3}\n"       \
		  "{\"execute\":\"netdev_add\",\"arguments\":{\"type\":\"tap\",\"id\":\"net3\"," \
		  "\"fd\":\"net3\"},\"id\":4}\n"
#define SENT_NIC(id, bus)                                                                   \
	SENT_BACKEND "{\"execute\":\"device_add\",\"arguments\":"                           \
		     "{\"driver\":\"virtio-net-pci\",\"id\":\"" id "\"," bus                \
		     "\"netdev\":\"net3\",\"mac\":\"02:42:ac:11:00:02\",\"romfile\":\"\"}," \
		     "\"id\":5}\n"

static int add_nic(struct fixture *f)
{
	const struct vm_nic nic = { .id = "net3", .mac = "02:42:ac:11:00:02", .fd = f->state };

	return f->ops->add_nic(&f->vm, f->ours, &nic, &f->err);
}

static void test_add_nic(void **state)
{
	struct fixture *f = *state;

	say(f, PLUGGED(NAME("serial0") "," NAME("port0") "," NAME("port1")) OK(3) OK(4) OK(5));
	assert_int_equal(add_nic(f), 0);
	heard(f, SENT_NIC("port0-nic", "\"bus\":\"port0\","), 1);
}

static void test_add_second_nic(void **state)
{
	struct fixture *f = *state;

	say(f, PLUGGED(NAME("port1") "," NAME("port0") "," NAME("port0-nic")) OK(3) OK(4) OK(5));
	assert_int_equal(add_nic(f), 0);
	heard(f, SENT_NIC("port1-nic", "\"bus\":\"port1\","), 1);
}

static void test_add_nic_without_ports(void **state)
{
	struct fixture *f = *state;

	say(f, PLUGGED(NAME("serial0")) OK(3) OK(4) OK(5));
	assert_int_equal(add_nic(f), 0);
	heard(f, SENT_NIC("net3-nic", ""), 1);
}

static void test_no_port_left(void **state)
{
	struct fixture *f = *state;

	say(f, PLUGGED(NAME("port0") "," NAME("port0-nic")));
	assert_int_equal(add_nic(f), -ENOSPC);
	assert_string_equal(f->err.text, "all 1 ports for interfaces are in use");
	heard(f, SENT_LIST, 0);
}

/* What could not be plugged in leaves nothing behind. */
static void test_nic_refused(void **state)
{
	struct fixture *f = *state;

	say(f, PLUGGED(NAME("port0")) OK(3) OK(4) REFUSAL(5, "no") OK(6));
	assert_int_equal(add_nic(f), -EREMOTEIO);
	heard(f,
	      SENT_NIC("port0-nic",
		       "\"bus\":\"port0\",") "{\"execute\":\"netdev_del\",\"arguments\":"
					     "{\"id\":\"net3\"},\"id\":6}\n",
	      1);
}

static void test_tap_refused(void **state)
{
	struct fixture *f = *state;

	say(f, PLUGGED(NAME("port0")) OK(3) REFUSAL(4, "no") OK(5));
	assert_int_equal(add_nic(f), -EREMOTEIO);
	heard(f,
	      SENT_BACKEND "{\"execute\":\"closefd\",\"arguments\":"
			   "{\"fdname\":\"net3\"},\"id\":5}\n",
	      1);
}

#define CONTROL_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONTROL_TEST(test_capabilities),
		CONTROL_TEST(test_pause),
		CONTROL_TEST(test_resume),
		CONTROL_TEST(test_resume_while_saving),
		CONTROL_TEST(test_resume_cancelled_at_once),
		CONTROL_TEST(test_resume_refused),
		CONTROL_TEST(test_no_connection),
		CONTROL_TEST(test_save),
		CONTROL_TEST(test_save_event_first),
		CONTROL_TEST(test_save_mounted),
		CONTROL_TEST(test_save_fails),
		CONTROL_TEST(test_save_timeout),
		CONTROL_TEST(test_no_timeout),
		CONTROL_TEST(test_save_unable),
		CONTROL_TEST(test_save_garbage),
		CONTROL_TEST(test_restore),
		CONTROL_TEST(test_restore_fails),
		CONTROL_TEST(test_restore_ends),
		CONTROL_TEST(test_restore_timeout),
		CONTROL_TEST(test_add_cpus),
		CONTROL_TEST(test_too_many_cpus),
		CONTROL_TEST(test_cpu_refused),
		CONTROL_TEST(test_cpus_garbage),
		CONTROL_TEST(test_add_memory),
		CONTROL_TEST(test_memory_refused),
		cmocka_unit_test(test_no_room_for_memory),
		CONTROL_TEST(test_add_nic),
		CONTROL_TEST(test_add_second_nic),
		CONTROL_TEST(test_add_nic_without_ports),
		CONTROL_TEST(test_no_port_left),
		CONTROL_TEST(test_nic_refused),
		CONTROL_TEST(test_tap_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
