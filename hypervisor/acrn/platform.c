#include "hypervisor/acrn/platform.h"

#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/spawn.h"

enum {
	LEAF_FEATURES = 1,
	BIT_HYPERVISOR = 31, /* of ecx */
	BIT_PRIVILEGED = 0,  /* of eax */
	SIGNATURE_LEN = 12,
	FILE_MAX = 4 << 20,
	ANSWER_MAX = 4096,
	ANSWER_TIMEOUT_MS = 10000,
};

#define LEAF_SIGNATURE 0x40000000U
#define LEAF_VM	       0x40000001U

static const char *const devices[] = { "/dev/acrn_vhm", "/dev/acrn_hsm" };

static int host_open_device(void *arg, const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY);

	(void)arg;
	return fd < 0 ? -errno : fd;
}

static int host_ioctl(void *arg, int fd, unsigned long request, void *data)
{
	(void)arg;
	return ioctl(fd, request, data) < 0 ? -errno : 0;
}

static void host_cpuid(void *arg, uint32_t leaf, uint32_t regs[static 4])
{
	(void)arg;
	__cpuid(leaf, regs[0], regs[1], regs[2], regs[3]);
}

static int host_read_file(void *arg, const char *path, struct strbuf *text)
{
	(void)arg;
	return fs_read_file_at(AT_FDCWD, path, text, FILE_MAX);
}

static int host_find_program(void *arg, const char *path)
{
	struct stat st;

	(void)arg;
	if (stat(path, &st) < 0 || (S_ISREG(st.st_mode) && access(path, X_OK) < 0))
		return -errno;
	return S_ISREG(st.st_mode) ? 0 : -EACCES;
}

static int host_ask(void *arg, const char *path, const char *option, struct strbuf *output,
		    struct error *err)
{
	const char *const argv[] = { path, option, NULL };
	static const char *const env[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", NULL };
	const struct spawn sp = {
		.path = path, .argv = argv, .envp = env, .cwd = "/", .setsid = true
	};
	int code = 0;
	int ret = spawn_run(&sp, NULL, 0, output, ANSWER_MAX, ANSWER_TIMEOUT_MS, &code, err);

	(void)arg;
	if (ret == 0)
		log_debug("'%s %s' ended with %d and said: %s", path, option, code,
			  strbuf_str(output));
	return ret;
}

const struct acrn_platform acrn_host = {
	.open_device = host_open_device,
	.ioctl = host_ioctl,
	.cpuid = host_cpuid,
	.read_file = host_read_file,
	.find_program = host_find_program,
	.ask = host_ask,
};

bool platform_is_acrn(const struct acrn_platform *host, struct error *why_not)
{
	uint32_t regs[4];

	host->cpuid(host->arg, LEAF_FEATURES, regs);
	if (!(regs[2] >> BIT_HYPERVISOR & 1)) {
		err_msg(why_not, -ENODEV, "the processor knows of no hypervisor below this kernel");
		return false;
	}
	host->cpuid(host->arg, LEAF_SIGNATURE, regs);
	if (memcmp(&regs[1], "ACRNACRNACRN", SIGNATURE_LEN) != 0 || regs[0] < LEAF_VM) {
		err_msg(why_not, -ENODEV, "the hypervisor below this kernel is '%.*s', not ACRN",
			SIGNATURE_LEN, (const char *)&regs[1]);
		return false;
	}
	host->cpuid(host->arg, LEAF_VM, regs);
	if (regs[0] >> BIT_PRIVILEGED & 1)
		return true;
	err_msg(why_not, -ENODEV, "this is a guest of ACRN, not its service VM");
	return false;
}

static int try_device(const struct acrn_platform *host, const char *path)
{
	auto_close int fd = host->open_device(host->arg, path);
	int ret = fd;

	return ret < 0 ? ret : 0;
}

int platform_find_device(const struct acrn_platform *host, const char *configured,
			 const char **device, struct error *err)
{
	int ret = -ENOENT;

	if (configured && *configured) {
		*device = configured;
		ret = try_device(host, configured);
		return ret < 0 ? err_set(err, ret, "open '%s'", configured) : 0;
	}
	for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++) {
		*device = devices[i];
		ret = try_device(host, devices[i]);
		if (ret == 0)
			return 0;
		if (ret != -ENOENT && ret != -ENODEV && ret != -ENXIO) {
			err_set(err, ret, "open '%s'", devices[i]);
			return err_hint(err, "virtual machines are made by root");
		}
	}
	*device = NULL;
	err_msg(err, -ENODEV, "neither '%s' nor '%s' is there: this is not the service VM of ACRN",
		devices[0], devices[1]);
	return err_hint(err, "boot ACRN with the module acrn_hsm, or set hypervisor = \"qemu\" in "
			     "[runtime]");
}

/* The number in what the ioctl has filled, least byte first. */
static uint32_t read_max(const struct acrn_profile *profile, const uint8_t *info)
{
	uint64_t max = 0;

	for (uint32_t i = profile->info_bytes; i-- > 0;)
		max = max << 8 | info[profile->info_offset + i];
	return max > UINT16_MAX ? UINT16_MAX : (uint32_t)max;
}

int platform_max_vms(const struct acrn_platform *host, const struct acrn_profile *profile,
		     const char *device, uint32_t *max, struct error *err)
{
	uint8_t info[ACRN_INFO_BYTES] = { 0 };
	auto_close int fd = -1;
	int ret;

	*max = 0;
	if (!profile->info_ioctl)
		return 0;
	fd = host->open_device(host->arg, device);
	if (fd < 0)
		return err_set(err, fd, "open '%s'", device);
	ret = host->ioctl(host->arg, fd, profile->info_ioctl, info);
	if (ret == -EINVAL || ret == -ENOTTY) {
		log_debug("'%s' does not tell how many virtual machines there may be", device);
		return 0;
	}
	if (ret < 0)
		return err_set(err, ret, "ask '%s' how many virtual machines there may be", device);
	*max = read_max(profile, info);
	if (*max > 0)
		return 0;
	err_msg(err, -EPERM,
		"the scenario of this hypervisor has no virtual machine for containers");
	return err_hint(err, "build it with MAX_KATA_VM_NUM of 1 or more");
}
