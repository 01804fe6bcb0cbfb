#include <errno.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include "acrun_version.h"
#include "base/strbuf.h"
#include "runtime/check/check_internal.h"
#include "runtime/storage/image.h"

enum { SPARE_MIB = 64 }; /* what a VMM and our own processes need beside the guest's memory */

static void check_program(const char *name, const char *path, const struct host_checks *checks)
{
	struct stat st;
	int ret = stat(path, &st) < 0 || access(path, X_OK) < 0 ? -errno : 0;

	if (ret == 0 && !S_ISREG(st.st_mode))
		ret = -EACCES;
	if (ret == 0)
		host_check_add(checks, name, HOST_CHECK_OK, NULL, "%s", path);
	else
		host_check_add(checks, name, HOST_CHECK_FAIL,
			       "install all of acrun below one prefix, or set path in its table",
			       "cannot run '%s': %s", path, strerror(-ret));
}

/* Looks at the nearest parent that is there. */
static int stat_nearest(const char *path, struct statfs *fs)
{
	auto_strbuf struct strbuf at = { 0 };

	if (strbuf_adds(&at, path) < 0)
		return -ENOMEM;
	while (statfs(at.data, fs) < 0) {
		char *slash = strrchr(at.data, '/');

		if (errno != ENOENT || !slash || slash == at.data)
			return -errno;
		*slash = '\0';
	}
	return 0;
}

static bool is_in_memory(const struct statfs *fs)
{
	return fs->f_type == TMPFS_MAGIC || fs->f_type == RAMFS_MAGIC ||
	       fs->f_type == HUGETLBFS_MAGIC;
}

static void check_state(const char *root, const struct host_checks *checks)
{
	struct statfs fs;
	int ret = stat_nearest(root, &fs);

	if (ret < 0)
		host_check_add(checks, "state", HOST_CHECK_FAIL, "choose another --root",
			       "'%s': %s", root, strerror(-ret));
	else if (fs.f_flags & ST_RDONLY)
		host_check_add(checks, "state", HOST_CHECK_FAIL, "choose another --root",
			       "'%s' is on a read-only file system", root);
	else if (!is_in_memory(&fs))
		host_check_add(checks, "state", HOST_CHECK_WARN,
			       "choose a --root on a tmpfs, as /run is",
			       "'%s' outlives a reboot, its containers do not", root);
	else
		host_check_add(checks, "state", HOST_CHECK_OK, NULL, "%s", root);
}

static void check_template(const struct config *config, const struct hypervisor_config *machine,
			   const struct host_checks *checks)
{
	const char *path = config->factory.template_path;
	uint64_t need = machine ? machine->default_memory_mib : 0;
	struct statfs fs;
	uint64_t free_mib;
	int ret;

	if (!strcmp(config->factory.enable_template, "false"))
		return;
	ret = stat_nearest(path, &fs);
	free_mib = ret < 0 ? 0 : (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize >> 20;
	if (ret < 0)
		host_check_add(checks, "template", HOST_CHECK_WARN,
			       "set template_path in [factory]", "'%s': %s", path, strerror(-ret));
	else if (!is_in_memory(&fs))
		host_check_add(checks, "template", HOST_CHECK_WARN,
			       "set template_path in [factory] to a directory on a tmpfs",
			       "'%s' is not on a memory file system: machines boot anew each time",
			       path);
	else if (free_mib < need)
		host_check_add(checks, "template", HOST_CHECK_WARN,
			       "enlarge it (mount -o remount,size=...), or lower default_memory",
			       "'%s' has room for %" PRIu64 " MiB, a template needs up to %" PRIu64,
			       path, free_mib, need);
	else
		host_check_add(checks, "template", HOST_CHECK_OK, NULL,
			       "%s, room for %" PRIu64 " MiB", path, free_mib);
}

/* Where no directory can be shared, files go to the guest as an image that somebody has to pack. */
static void check_packer(const struct machine *machine, const struct host_checks *checks)
{
	struct error err = { 0 };
	const char *packer;

	if (!machine->hypervisor || !machine->no_share)
		return;
	packer = image_find_packer(&err);
	host_check_add_result(checks, "mkfs.erofs", packer ? 0 : err.code, packer ? packer : "",
			      &err, "install erofs-utils");
}

void check_files(const struct config *config, const struct machine *machine, const char *root,
		 const struct host_checks *checks)
{
	char cached[4096];

	check_program("proxy", config->proxy.path, checks);
	check_program("shim", config->shim.path, checks);
	if (config->factory.vm_cache_number > 0) {
		(void)snprintf(cached, sizeof(cached), "%s/" ACRUN_REL_LIBEXECDIR "/acrun-cached",
			       config->prefix);
		check_program("cache", cached, checks);
	}
	check_state(root, checks);
	check_packer(machine, checks);
	if (!machine->hypervisor || (machine->hypervisor->caps & HV_CAP_SNAPSHOT))
		check_template(config, machine->config, checks);
}

void check_memory(const struct host_facts *facts, const struct hypervisor_config *machine,
		  const struct host_checks *checks)
{
	uint64_t available = facts->memory_available_kib >> 10;
	uint64_t need = (uint64_t)machine->default_memory_mib + SPARE_MIB;

	host_check_add(checks, "memory", available < need ? HOST_CHECK_WARN : HOST_CHECK_OK,
		       available < need ? "free memory, or lower default_memory" : NULL,
		       "%" PRIu64 " MiB available, a machine may take %" PRIu64, available, need);
}
