#include "hypervisor/acrn/host.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/parse.h"
#include "hypervisor/acrn/acrn_internal.h"
#include "hypervisor/acrn/cpus.h"
#include "hypervisor/acrn/uuid_pool.h"

enum {
	IASL_OLDEST = 20190703, /* what the device model asks for */
	FRAMEBUFFER_MIB = 16,	/* from 3.0 on, beside the guest's memory */
	HUGE_PAGE_MIB = 2,
	DATE_DIGITS = 8,
};

#define FREE_HUGE_PAGES "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages"
#define VSOCK_DEVICE	"/dev/vhost-vsock"

/* From this release on the compiler of ACPI tables is searched for; before, its place was fixed. */
#define IASL_SEARCHED ACRN_RELEASE(3, 1)

/* The PATH that device models are started with. */
static const char *const iasl_places[] = { "/usr/sbin/iasl", "/usr/bin/iasl", "/sbin/iasl",
					   "/bin/iasl" };

static void check_cpu(const struct acrn_platform *host, const struct host_checks *checks)
{
	struct error why = { 0 };

	if (platform_is_acrn(host, &why))
		host_check_add(checks, "acrn", HOST_CHECK_OK, NULL, "this is ACRN's service VM");
	else
		host_check_add(checks, "acrn", HOST_CHECK_FAIL,
			       "boot ACRN and run this in its service VM, or set hypervisor = "
			       "\"qemu\" in [runtime]",
			       "%s", why.text);
}

static void check_device(const struct acrn_platform *host, const struct hypervisor_config *cfg,
			 const struct host_checks *checks)
{
	struct error err = { 0 };
	const char *device = NULL;
	int ret = platform_find_device(host, cfg->device, &device, &err);

	host_check_add_result(checks, "acrn-device", ret, device ? device : "", &err,
			      "use a kernel with CONFIG_ACRN_HSM, as root: modprobe acrn_hsm");
}

static void check_model(const struct hypervisor_config *cfg, const struct acrn_host_found *found,
			int ret, const struct error *err, const struct host_checks *checks)
{
	if (ret < 0)
		host_check_add(checks, "acrn-dm", HOST_CHECK_FAIL,
			       "set path, device and acrn_profile in [hypervisor." ACRN_TABLE "]",
			       "%s", err->text);
	else if (found->release == 0)
		host_check_add(checks, "acrn-dm", HOST_CHECK_OK, NULL,
			       "'%s', of a release that it does not tell, taken for %s", cfg->path,
			       found->profile->name);
	else
		host_check_add(checks, "acrn-dm", HOST_CHECK_OK, NULL,
			       "'%s', release %u.%u, profile %s", cfg->path, found->release >> 16,
			       found->release & UINT16_MAX, found->profile->name);
}

/* "version 20200925": a date that can be compared; 0 when there is none. */
static uint32_t iasl_version(const char *text)
{
	const char *at = strstr(text, "version ");
	char digits[DATE_DIGITS + 1];
	uint32_t version = 0;

	if (!at)
		return 0;
	(void)snprintf(digits, sizeof(digits), "%.*s", (int)strspn(at + 8, "0123456789"), at + 8);
	return strlen(digits) == DATE_DIGITS && parse_u32(digits, &version) == 0 ? version : 0;
}

static const char *find_iasl(const struct acrn_platform *host, uint32_t release)
{
	size_t n = release == 0 || release >= IASL_SEARCHED
			   ? sizeof(iasl_places) / sizeof(iasl_places[0])
			   : 1;

	for (size_t i = 0; i < n; i++)
		if (host->find_program(host->arg, iasl_places[i]) == 0)
			return iasl_places[i];
	return NULL;
}

static void check_iasl(const struct acrn_platform *host, const struct acrn_host_found *found,
		       const struct host_checks *checks)
{
	const char *path = find_iasl(host, found->release);
	auto_strbuf struct strbuf said = { 0 };
	struct error err = { 0 };
	uint32_t version;

	if (!path) {
		host_check_add(checks, "iasl", HOST_CHECK_FAIL,
			       find_iasl(host, IASL_SEARCHED)
				       ? "this release looks there only: ln -s /usr/bin/iasl "
					 "/usr/sbin/iasl"
				       : "install acpica-tools",
			       "there is no '%s': the device model cannot make ACPI tables",
			       iasl_places[0]);
		return;
	}
	if (host->ask(host->arg, path, "-v", &said, &err) < 0) {
		host_check_add(checks, "iasl", HOST_CHECK_FAIL, "install acpica-tools", "%s",
			       err.text);
		return;
	}
	version = iasl_version(strbuf_str(&said));
	if (version >= IASL_OLDEST)
		host_check_add(checks, "iasl", HOST_CHECK_OK, NULL, "'%s', version %u", path,
			       version);
	else
		host_check_add(checks, "iasl",
			       found->release >= IASL_SEARCHED ? HOST_CHECK_FAIL : HOST_CHECK_WARN,
			       "install acpica-tools of July 2019 or newer",
			       "'%s' is of version %u, %u is needed", path, version, IASL_OLDEST);
}

/* A number of the host in a file, or behind a key in one. */
static int read_number(const struct acrn_platform *host, const char *path, const char *key,
		       uint64_t *out)
{
	auto_strbuf struct strbuf text = { 0 };
	char digits[24];
	const char *at;
	int ret = host->read_file(host->arg, path, &text);

	if (ret < 0)
		return ret;
	at = strstr(strbuf_str(&text), key);
	if (!at)
		return -ENOENT;
	at += strlen(key);
	at += strspn(at, " \t");
	(void)snprintf(digits, sizeof(digits), "%.*s", (int)strspn(at, "0123456789"), at);
	return parse_u64(digits, out);
}

/* The device model makes huge pages of free memory by itself, and never gives them back. */
static void check_huge_pages(const struct acrn_platform *host, const struct hypervisor_config *cfg,
			     const struct acrn_host_found *found, const struct host_checks *checks)
{
	uint64_t need = cfg->default_memory_mib +
			(found->release >= ACRN_RELEASE(3, 0) ? FRAMEBUFFER_MIB : 0);
	uint64_t pages = 0;
	uint64_t free_kib = 0;
	uint64_t have;

	if (read_number(host, FREE_HUGE_PAGES, "", &pages) < 0) {
		host_check_add(checks, "hugepages", HOST_CHECK_FAIL,
			       "use a kernel with CONFIG_HUGETLBFS, of 2 MiB pages",
			       "there is no '" FREE_HUGE_PAGES "'");
		return;
	}
	(void)!read_number(host, "/proc/meminfo", "MemAvailable:", &free_kib);
	have = pages * HUGE_PAGE_MIB + free_kib / 1024;
	if (have >= need)
		host_check_add(checks, "hugepages", HOST_CHECK_OK, NULL,
			       "%" PRIu64 " MiB in huge pages are free, %" PRIu64
			       " MiB could become some; a machine takes %" PRIu64,
			       pages * HUGE_PAGE_MIB, free_kib / 1024, need);
	else
		host_check_add(checks, "hugepages", HOST_CHECK_WARN,
			       "keep some from the start (hugepages=N on the service VM's command "
			       "line), or lower default_memory in [hypervisor." ACRN_TABLE "]",
			       "a machine takes %" PRIu64 " MiB in huge pages, there is room for "
			       "%" PRIu64,
			       need, have);
}

static void check_cpus(const struct acrn_platform *host, const struct hypervisor_config *cfg,
		       const struct acrn_host_found *found, const struct host_checks *checks)
{
	auto_strbuf struct strbuf cpus = { 0 };
	struct error err = { 0 };
	int ret = cpus_choose(host, found->profile, cfg->cpu_affinity, cfg->default_vcpus, 0, &cpus,
			      &err);

	if (ret == 0 && cpus.len == 0)
		return;
	host_check_add_result(checks, "acrn-cpus", ret, strbuf_str(&cpus), &err,
			      "set cpu_affinity in [hypervisor." ACRN_TABLE "]");
}

static void check_uuids(const struct acrn_platform *host, const struct hypervisor_config *cfg,
			const struct acrn_host_found *found, const struct host_checks *checks)
{
	struct uuid_list list;
	struct error err = { 0 };
	uint32_t max = cfg->max_vms;
	int ret;

	if (!found->profile->by_uuid)
		return;
	ret = uuid_list_parse(cfg->vm_uuids, &list, &err);
	if (ret == 0 && max == 0)
		ret = platform_max_vms(host, found->profile, found->device, &max, &err);
	if (ret < 0)
		host_check_add(checks, "acrn-uuids", HOST_CHECK_FAIL,
			       "set vm_uuids and max_vms in [hypervisor." ACRN_TABLE "]", "%s",
			       err.text);
	else if (max > 0 && max < list.len)
		host_check_add(checks, "acrn-uuids", HOST_CHECK_OK, NULL,
			       "%u of the %u configured may be in use at a time", max, list.len);
	else
		host_check_add(checks, "acrn-uuids", HOST_CHECK_OK, NULL,
			       "%u: as many sandboxes at a time", list.len);
}

static void check_vsock(const struct acrn_platform *host, const struct acrn_host_found *found,
			const struct host_checks *checks)
{
	auto_close int fd = -1;

	if (!found->profile->vsock)
		return;
	fd = host->open_device(host->arg, VSOCK_DEVICE);
	if (fd >= 0)
		host_check_add(checks, "vhost-vsock", HOST_CHECK_OK, NULL, VSOCK_DEVICE);
	else
		host_check_add(checks, "vhost-vsock", HOST_CHECK_OK, NULL,
			       "'" VSOCK_DEVICE "': %s; agents are reached by consoles, so nothing "
			       "is lost",
			       strerror(-fd));
}

static void check_acrnctl(const struct acrn_platform *host, const struct hypervisor_config *cfg,
			  const struct acrn_host_found *found, const struct host_checks *checks)
{
	const char *path = cfg->control_path;
	int ret;

	if (found->profile->cmd_monitor) {
		host_check_add(checks, "acrnctl", HOST_CHECK_OK, NULL,
			       "not needed: disks are added through a socket of our own");
		return;
	}
	if (!path || !*path) {
		host_check_add(checks, "acrnctl", HOST_CHECK_OK, NULL,
			       "none configured: disks are added through the monitor's socket");
		return;
	}
	ret = host->find_program(host->arg, path);
	if (ret == 0)
		host_check_add(checks, "acrnctl", HOST_CHECK_OK, NULL,
			       "'%s', for when the monitor's socket cannot be reached", path);
	else
		host_check_add(checks, "acrnctl", HOST_CHECK_WARN,
			       "set ctlpath in [hypervisor." ACRN_TABLE "]", "cannot run '%s': %s",
			       path, strerror(-ret));
}

void acrn_check_host_on(const struct acrn_platform *host, const struct hypervisor_config *cfg,
			const struct host_checks *checks)
{
	struct acrn_host_found found = { 0 };
	struct error err = { 0 };
	int ret;

	check_cpu(host, checks);
	check_device(host, cfg, checks);
	ret = acrn_look(cfg, host, &found, &err);
	check_model(cfg, &found, ret, &err, checks);
	check_iasl(host, &found, checks);
	check_huge_pages(host, cfg, &found, checks);
	/* the rest depends on the release */
	if (ret < 0)
		return;
	check_cpus(host, cfg, &found, checks);
	check_uuids(host, cfg, &found, checks);
	check_vsock(host, &found, checks);
	check_acrnctl(host, cfg, &found, checks);
}

void acrn_check_host(const struct hypervisor_config *cfg, const struct host_checks *checks)
{
	acrn_check_host_on(&acrn_host, cfg, checks);
}
