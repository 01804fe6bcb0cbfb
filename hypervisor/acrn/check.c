/* What is looked at before a VM is made: configuration, files, device model, host. */
#include "hypervisor/acrn/acrn_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "hypervisor/acrn/argv.h"
#include "hypervisor/acrn/cpus.h"
#include "hypervisor/acrn/uuid_pool.h"
#include "hypervisor/asset.h"

enum {
	BZIMAGE_MAGIC_OFFSET = 0x202,
	SECTOR_BYTES = 512,
};

static bool is_set(const char *text)
{
	return text && *text;
}

static int check_program(const struct acrn_platform *host, const char *path, const char *key,
			 struct error *err)
{
	int ret;

	if (!path || path[0] != '/') {
		err_msg(err, -EINVAL, "'%s' is not the absolute path of a program",
			path ? path : "");
		return err_hint(err, "set %s in [hypervisor." ACRN_TABLE "]", key);
	}
	ret = host->find_program(host->arg, path);
	if (ret == 0)
		return 0;
	err_set(err, ret, "cannot run '%s'", path);
	return err_hint(err,
			"install the ACRN device model, or set %s in [hypervisor." ACRN_TABLE "]",
			key);
}

/* Its loader takes nothing else, and what it does not understand it runs all the same. */
static int check_bzimage(const char *path, struct error *err)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	char magic[4] = { 0 };

	if (fd < 0)
		return err_set(err, -errno, "cannot open kernel '%s'", path);
	if (pread(fd, magic, sizeof(magic), BZIMAGE_MAGIC_OFFSET) == sizeof(magic) &&
	    !memcmp(magic, "HdrS", 4))
		return 0;
	err_msg(err, -ENOEXEC, "kernel '%s' is not a bzImage", path);
	return err_hint(err, "set kernel in [hypervisor." ACRN_TABLE "] to one");
}

static int check_image(const char *path, struct error *err)
{
	struct stat st;
	int ret = asset_check_file(path, "image", ACRN_TABLE, err);

	if (ret == 0)
		ret = device_check_disk_path(path, "image", err);
	if (ret < 0 || stat(path, &st) < 0 || st.st_size % SECTOR_BYTES == 0)
		return ret;
	return err_msg(err, -EINVAL, "image '%s' has %lld bytes, which are no whole sectors of %d",
		       path, (long long)st.st_size, SECTOR_BYTES);
}

static int check_boot_files(const struct hypervisor_config *cfg, struct error *err)
{
	int ret = asset_check_file(cfg->kernel, "kernel", ACRN_TABLE, err);

	if (ret == 0)
		ret = check_bzimage(cfg->kernel, err);
	if (ret == 0 && is_set(cfg->initrd))
		ret = asset_check_file(cfg->initrd, "initrd", ACRN_TABLE, err);
	if (ret == 0 && (is_set(cfg->image) || !is_set(cfg->initrd)))
		ret = check_image(cfg->image, err);
	return ret;
}

/* 0 when the program says nothing that could be understood. */
static int ask_release(const struct acrn_platform *host, const char *path, uint32_t *release,
		       struct error *err)
{
	auto_strbuf struct strbuf output = { 0 };
	int ret = host->ask(host->arg, path, "-v", &output, err);

	*release = 0;
	if (ret < 0)
		return err_ctx(err, "ask '%s' for its release", path);
	if (profile_parse_banner(strbuf_str(&output), release) < 0)
		*release = 0;
	return 0;
}

int acrn_look(const struct hypervisor_config *cfg, const struct acrn_platform *host,
	      struct acrn_host_found *found, struct error *err)
{
	int ret = check_program(host, cfg->path, "path", err);

	if (ret == 0)
		ret = platform_find_device(host, cfg->device, &found->device, err);
	if (ret == 0)
		ret = ask_release(host, cfg->path, &found->release, err);
	if (ret < 0)
		return ret;
	/* A device that was named is not one of the two to judge by. */
	return profile_decide(is_set(cfg->profile) ? cfg->profile : "auto", found->release,
			      is_set(cfg->device) ? NULL : found->device, &found->profile, err);
}

static int check_options(const struct hypervisor_config *cfg, const struct acrn_profile *profile,
			 struct error *err)
{
	struct uuid_list uuids;
	struct cpu_list cpus;
	int ret = 0;

	if (cfg->block_slots > ACRN_BLOCK_SLOTS_MAX) {
		err_msg(err, -EINVAL, "block_slots is %u, the limit is %d", cfg->block_slots,
			ACRN_BLOCK_SLOTS_MAX);
		return err_hint(err, "lower it in [hypervisor." ACRN_TABLE "]");
	}
	if (profile->by_uuid)
		ret = uuid_list_parse(cfg->vm_uuids, &uuids, err);
	if (ret < 0)
		return err_ctx(err, "vm_uuids in [hypervisor." ACRN_TABLE "]");
	if (is_set(cfg->cpu_affinity))
		ret = cpu_list_parse(cfg->cpu_affinity, profile->affinity == ACRN_AFFINITY_LAPIC,
				     &cpus, err);
	if (ret == 0 && is_set(cfg->control_path))
		ret = check_program(&acrn_host, cfg->control_path, "ctlpath", err);
	return ret;
}

int acrn_check(const struct hypervisor_config *cfg, struct error *err)
{
	struct acrn_host_found found;
	int ret = acrn_look(cfg, &acrn_host, &found, err);

	if (ret == 0)
		ret = check_boot_files(cfg, err);
	return ret < 0 ? ret : check_options(cfg, found.profile, err);
}
