#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "oci/names.h"
#include "runtime/check/check_internal.h"

static void check_cpu(const struct host_facts *facts, const struct host_checks *checks)
{
	static const char *const needed[] = { "lm", "sse4_1" };

	if (strcmp(facts->architecture, "x86_64") != 0) {
		host_check_add(checks, "cpu", HOST_CHECK_FAIL, "use a host with x86-64 processors",
			       "the processor is %s", facts->architecture);
		return;
	}
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if (host_has_cpu_flag(facts, needed[i]))
			continue;
		host_check_add(checks, "cpu", HOST_CHECK_FAIL, "use a host with a newer processor",
			       "%s has no %s", facts->cpu_model, needed[i]);
		return;
	}
	host_check_add(checks, "cpu", HOST_CHECK_OK, NULL, "%s, %s, %u online", facts->cpu_vendor,
		       facts->cpu_model, facts->cpus);
}

void check_virtualization(const struct host_facts *facts, const struct hypervisor_ops *hypervisor,
			  const struct host_checks *checks)
{
	if (hypervisor && hypervisor->fits_host)
		return;
	if (host_has_cpu_flag(facts, "vmx") || host_has_cpu_flag(facts, "svm"))
		host_check_add(checks, "virtualization", HOST_CHECK_OK, NULL, "%s",
			       host_has_cpu_flag(facts, "vmx") ? "vmx" : "svm");
	else
		host_check_add(
			checks, "virtualization", HOST_CHECK_WARN,
			"switch VT-x or AMD-V on in the firmware; in a virtual machine, have "
			"its host allow nested virtualization",
			"the processor shows neither vmx nor svm");
}

static uint64_t effective_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	if (syscall(SYS_capget, &header, data) < 0)
		return 0;
	return (uint64_t)data[1].effective << 32 | data[0].effective;
}

static void check_privileges(const struct host_checks *checks)
{
	static const int needed[] = { CAP_SYS_ADMIN, CAP_NET_ADMIN, CAP_KILL };
	uint64_t have = effective_capabilities();

	if (geteuid() != 0) {
		host_check_add(checks, "privileges", HOST_CHECK_FAIL, "run it as root",
			       "user %u cannot mount or enter namespaces", geteuid());
		return;
	}
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if (have >> needed[i] & 1)
			continue;
		host_check_add(checks, "privileges", HOST_CHECK_FAIL,
			       "give the container or service that acrun runs in this capability",
			       "root without %s", oci_capability_name(needed[i]));
		return;
	}
	host_check_add(checks, "privileges", HOST_CHECK_OK, NULL, "root");
}

static long try_openat2(void)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_BENEATH };

	return syscall(SYS_openat2, AT_FDCWD, ".", &how, sizeof(how));
}

static long try_pidfd(void)
{
	return syscall(SYS_pidfd_open, getpid(), 0);
}

static long try_open_tree(void)
{
	return syscall(SYS_open_tree, AT_FDCWD, ".", O_CLOEXEC);
}

static void check_kernel(const struct host_facts *facts, const struct host_checks *checks)
{
	static const struct {
		const char *name, *since;
		long (*try)(void);
	} calls[] = {
		{ "open_tree", "5.2", try_open_tree },
		{ "pidfd_open", "5.3", try_pidfd },
		{ "openat2", "5.6", try_openat2 },
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		auto_close int fd = (int)calls[i].try();

		if (fd >= 0)
			continue;
		host_check_add(checks, "kernel", HOST_CHECK_FAIL,
			       errno == ENOSYS
				       ? "use a newer kernel"
				       : "allow it in the seccomp profile that acrun runs under",
			       "Linux %s: the system call %s (since %s) fails: %s", facts->kernel,
			       calls[i].name, calls[i].since, strerror(errno));
		return;
	}
	host_check_add(checks, "kernel", HOST_CHECK_OK, NULL, "Linux %s", facts->kernel);
}

static void check_namespaces(const struct host_checks *checks)
{
	static const char *const needed[] = { "mnt", "net" };

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		char path[32] = "/proc/self/ns/";

		memcpy(path + strlen(path), needed[i], strlen(needed[i]));
		if (access(path, F_OK) == 0)
			continue;
		host_check_add(checks, "namespaces", HOST_CHECK_FAIL,
			       "use a kernel with CONFIG_NAMESPACES and CONFIG_NET_NS",
			       "there is no '%s'", path);
		return;
	}
	host_check_add(checks, "namespaces", HOST_CHECK_OK, NULL, "mount, network");
}

static void check_tun(const struct host_checks *checks)
{
	auto_close int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		host_check_add(checks, "network", HOST_CHECK_WARN,
			       "load the module tun; in a container, pass the device in",
			       "containers get no interfaces: '/dev/net/tun': %s", strerror(errno));
	else
		host_check_add(checks, "network", HOST_CHECK_OK, NULL, "/dev/net/tun");
}

void check_system(const struct host_facts *facts, const struct host_checks *checks)
{
	check_cpu(facts, checks);
	check_privileges(checks);
	check_kernel(facts, checks);
	check_namespaces(checks);
	check_tun(checks);
}
