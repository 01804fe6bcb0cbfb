/* `acrun check --create`: an empty VM by the driver's own ioctl, without the device model. */
#include "hypervisor/acrn/host.h"

#include <errno.h>
#include <stdalign.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "hypervisor/acrn/acrn_internal.h"
#include "hypervisor/acrn/name.h"
#include "hypervisor/acrn/uuid_pool.h"

enum {
	PAGE_BYTES = 4096,
	IDENTITY_BYTES = 16,
};

/* What both drivers take; the older one reads a reserved word more. */
struct creation {
	uint16_t vmid;
	uint16_t reserved0;
	uint16_t vcpu_num;
	uint16_t reserved1;
	uint8_t identity[IDENTITY_BYTES]; /* UUID, or name with NULs behind it */
	uint64_t flags;
	uint64_t ioreq_buf; /* a page of ours */
	uint64_t cpu_affinity;
	uint64_t reserved2;
};

_Static_assert(sizeof(struct creation) == 56, "the older driver's struct has 56 bytes");

struct attempt {
	const struct acrn_platform *host;
	const struct hypervisor_config *cfg;
	struct acrn_host_found found;
	struct creation creation;
	char uuid[UUID_TEXT_LEN]; /* "": none */
	struct proc_id self;
};

static void uuid_to_bytes(const char *text, uint8_t out[static IDENTITY_BYTES])
{
	size_t n = 0;

	for (const char *c = text; *c && n < 2 * (size_t)IDENTITY_BYTES; c++) {
		unsigned digit = *c >= 'a' ? (unsigned)(*c - 'a') + 10 : (unsigned)(*c - '0');

		if (*c == '-')
			continue;
		out[n / 2] = (uint8_t)(out[n / 2] << 4 | (digit & 0xf));
		n++;
	}
}

/* A UUID that no machine has, or a name that none will have. */
static int identify(struct attempt *a, struct error *err)
{
	char name[ACRN_NAME_LEN + 1];
	struct uuid_list list;
	char seed[32];
	int ret;

	(void)snprintf(seed, sizeof(seed), "check-%d", (int)getpid());
	name_of_vm(seed, "/", name);
	if (!a->found.profile->by_uuid) {
		memcpy(a->creation.identity, name, strlen(name));
		return 0;
	}
	ret = uuid_list_parse(a->cfg->vm_uuids, &list, err);
	if (ret == 0)
		ret = proc_identify(getpid(), &a->self);
	if (ret == 0)
		ret = uuid_pool_take(a->cfg->host_dir, &list, a->cfg->max_vms, name, &a->self,
				     a->uuid, err);
	if (ret == 0)
		uuid_to_bytes(a->uuid, a->creation.identity);
	return ret;
}

/* Closing the device takes the VM away as well: a destroy that fails is told, no more. */
static int create_and_destroy(struct attempt *a, int fd, struct error *err)
{
	const struct acrn_profile *profile = a->found.profile;
	const struct acrn_platform *host = a->host;
	int ret = host->ioctl(host->arg, fd, profile->create_ioctl, &a->creation);

	if (ret == -ENOTTY)
		return err_set(err, ret, "'%s' makes no virtual machines", a->found.device);
	if (ret < 0)
		return err_set(err, ret, "have '%s' make a virtual machine", a->found.device);
	/* the older driver wants to be told which, the newer ends the one of this descriptor */
	ret = host->ioctl(host->arg, fd, profile->destroy_ioctl,
			  (void *)(uintptr_t)a->creation.vmid);
	return ret < 0 ? err_set(err, ret, "take the virtual machine away again") : 0;
}

static int attempt_run(struct attempt *a, struct error *err)
{
	alignas(PAGE_BYTES) uint8_t requests[PAGE_BYTES] = { 0 };
	auto_close int fd = -1;
	struct error ignored;
	int ret;

	a->creation.ioreq_buf = (uint64_t)(uintptr_t)requests;
	fd = a->host->open_device(a->host->arg, a->found.device);
	if (fd < 0)
		return err_set(err, fd, "open '%s'", a->found.device);
	ret = identify(a, err);
	if (ret == 0)
		ret = create_and_destroy(a, fd, err);
	if (a->uuid[0] && uuid_pool_release(a->cfg->host_dir, a->uuid, &a->self, &ignored) < 0)
		log_warning("%s", ignored.text);
	return ret;
}

static const char *remedy_of(int ret)
{
	switch (ret) {
	case -ENOTTY:
		return "set device in [hypervisor." ACRN_TABLE "], or leave it out";
	case -EBUSY:
		return "end a sandbox, or configure more UUIDs";
	case -EINVAL:
	case -ENODEV:
	case -EIO:
		return "the hypervisor refuses: end other virtual machines, or build it with a "
		       "larger MAX_VM_NUM (up to 2.6: with the UUIDs of the configuration)";
	default:
		return "look at the kernel's log (dmesg) and the hypervisor's (/sys/kernel/debug/"
		       "acrn)";
	}
}

void acrn_try_create_on(const struct acrn_platform *host, const struct hypervisor_config *cfg,
			const struct host_checks *checks)
{
	struct attempt a = { .host = host, .cfg = cfg };
	struct error err = { 0 };
	int ret = acrn_look(cfg, host, &a.found, &err);

	if (ret == 0)
		ret = attempt_run(&a, &err);
	host_check_add_result(checks, "create", ret, "an empty virtual machine was made and ended",
			      &err, remedy_of(ret));
}

void acrn_try_create(const struct hypervisor_config *cfg, const struct host_checks *checks)
{
	acrn_try_create_on(&acrn_host, cfg, checks);
}
