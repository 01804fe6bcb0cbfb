#include "tests/standins/acrn/dm_parse_internal.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tests/standins/acrn/dm_number.h"

/* A device that -s knows in the releases [since, until). */
struct emul_row {
	const char *name;
	enum dm_kind kind;
	unsigned since;
	unsigned until;
};

#define R DM_RELEASE

static const struct emul_row emuls[] = {
	{ "hostbridge", DM_HOSTBRIDGE },
	{ "amd_hostbridge", DM_HOSTBRIDGE },
	{ "lpc", DM_LPC },
	{ "virtio-blk", DM_BLK },
	{ "virtio-net", DM_NET },
	{ "virtio-console", DM_CONSOLE },
	{ "virtio-rnd", DM_RND },
	{ "vhost-vsock", DM_VSOCK, R(3, 0, 0) },
	{ "passthru", DM_PASSTHRU },
	{ "pci-gvt", DM_OBSOLETE, R(3, 0, 0) },
	{ "virtio-hdcp", DM_OBSOLETE, R(3, 0, 0) },
	{ "npk", DM_OBSOLETE, R(3, 0, 0) },
	{ "virtio-coreu", DM_OBSOLETE, R(3, 0, 0) },
	{ "pci-gvt", DM_OTHER, 0, R(3, 0, 0) },
	{ "npk", DM_OTHER, 0, R(3, 0, 0) },
	{ "igd-lpc", DM_OTHER },
	{ "uart", DM_OTHER },
	{ "ahci", DM_OTHER },
	{ "ahci-hd", DM_OTHER },
	{ "ahci-cd", DM_OTHER },
	{ "xhci", DM_OTHER },
	{ "ivshmem", DM_OTHER },
	{ "dummy", DM_OTHER },
	{ "wdt-i6300esb", DM_OTHER },
	{ "virtio-input", DM_OTHER },
	{ "virtio-gpu", DM_OTHER },
	{ "virtio-i2c", DM_OTHER },
	{ "virtio-gpio", DM_OTHER },
	{ "virtio-audio", DM_OTHER },
	{ "virtio-rpmb", DM_OTHER },
	{ "virtio-heci", DM_OTHER },
	{ "virtio-ipu", DM_OTHER },
	{ "virtio-hyper_dmabuf", DM_OTHER },
};

static const struct emul_row *find_emul(const struct dm_config *cfg, const char *name)
{
	for (size_t i = 0; i < sizeof(emuls) / sizeof(emuls[0]); i++)
		if (!strcmp(emuls[i].name, name) &&
		    dm_release_in(cfg, emuls[i].since, emuls[i].until))
			return &emuls[i];
	return NULL;
}

/* SLOT | SLOT:FUNC | BUS:SLOT:FUNC, decimal, between ':', '/' or '.'. */
static bool parse_place(const char *text, struct dm_device *dev)
{
	int numbers[3] = { 0 };
	unsigned n = 0;

	for (;;) {
		size_t len = strspn(text, "0123456789");

		if (n == 3 || len == 0 || dm_int(text, &numbers[n++]) < 0)
			return false;
		text += len;
		if (!*text)
			break;
		if (!strchr(":/.", *text++))
			return false;
	}
	dev->bus = n == 3 ? (unsigned)numbers[0] : 0;
	dev->slot = (unsigned)(n == 3 ? numbers[1] : numbers[0]);
	dev->func = n == 1 ? 0 : (unsigned)numbers[n - 1];
	return dev->bus < 256 && dev->slot < DM_SLOTS && dev->func < DM_FUNCS;
}

static bool same_place(const struct dm_device *a, const struct dm_device *b)
{
	return a->bus == b->bus && a->slot == b->slot && a->func == b->func;
}

/* Devices are brought up in the order of their places. */
static unsigned rank(const struct dm_device *dev)
{
	return (dev->bus * DM_SLOTS + dev->slot) * DM_FUNCS + dev->func;
}

static int insert(struct dm_config *cfg, const struct dm_device *dev)
{
	struct dm_device *grown;
	unsigned at = 0;

	for (unsigned i = 0; i < cfg->n_devices; i++) {
		if (same_place(&cfg->devices[i], dev))
			return dm_fail("pci slot %u:%u already occupied!", dev->slot, dev->func);
		if (rank(&cfg->devices[i]) < rank(dev))
			at = i + 1;
	}
	grown = reallocarray(cfg->devices, cfg->n_devices + 1, sizeof(*grown));
	if (!grown)
		abort();
	memmove(&grown[at + 1], &grown[at], (cfg->n_devices - at) * sizeof(*grown));
	grown[at] = *dev;
	grown[at].emul = dm_copy(dev->emul);
	grown[at].config = dev->config ? dm_copy(dev->config) : NULL;
	cfg->devices = grown;
	cfg->n_devices++;
	return DM_GO_ON;
}

static int parse_emul(struct dm_config *cfg, struct dm_device *dev, const char *rest)
{
	auto_free char *name = dm_token(&rest, ",");
	const struct emul_row *row = find_emul(cfg, name);

	if (!row)
		return dm_fail("pci slot %u:%u: unknown device \"%s\"", dev->slot, dev->func, name);
	/* the mark of a boot device */
	if (rest && !strncmp(rest, "b,", 2))
		rest += 2;
	dev->kind = row->kind;
	dev->emul = name;
	/* not owned: insert() copies it */
	dev->config = (char *)(uintptr_t)rest;
	return insert(cfg, dev);
}

int dm_parse_slot(struct dm_config *cfg, const char *arg)
{
	struct dm_device dev = { 0 };
	const char *rest = arg;
	auto_free char *place = dm_token(&rest, ",");

	if (!rest || !*rest || !parse_place(place, &dev))
		return dm_fail("Invalid PCI slot info field \"%s\"", arg);
	return parse_emul(cfg, &dev, rest);
}

int dm_parse_com(struct dm_config *cfg, const char *arg)
{
	const char *rest = arg;
	auto_free char *name = dm_token(&rest, ",");
	struct dm_com *com;

	if (strlen(name) != 4 || strncasecmp(name, "com", 3) != 0 || name[3] < '1' || name[3] > '5')
		return DM_EXIT_USAGE;
	if (name[3] == '5')
		return dm_fail("stand-in: no counterpart for com5");
	com = &cfg->coms[name[3] - '1'];
	com->named = true;
	free(com->backend);
	com->backend = rest ? dm_copy(rest) : NULL;
	return DM_GO_ON;
}

static int check_com(struct dm_config *cfg, const struct dm_com *com)
{
	auto_close int fd = -1;

	if (!com->backend)
		return DM_GO_ON;
	if (!strcmp(com->backend, "stdio")) {
		cfg->stdio_taken = true;
		return DM_GO_ON;
	}
	if (!strncmp(com->backend, "tcp:", 4)) {
		int port = -1;

		return dm_int(com->backend + 4, &port) < 0 || port > 65535 ? DM_EXIT_FAIL
									   : DM_GO_ON;
	}
	if (cfg->no_files)
		return DM_GO_ON;
	fd = open(com->backend, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return fd >= 0 && isatty(fd)
		       ? DM_GO_ON
		       : dm_fail("Unable to initialize backend '%s' for LPC device", com->backend);
}

static int parse_vsock(struct dm_config *cfg, struct dm_device *dev)
{
	uint64_t cid = 0;
	const char *end;

	if (!dev->config || strncmp(dev->config, "cid=", 4) != 0 ||
	    dm_number(dev->config + 4, 10, &cid, &end) < 0 || *end || cid < 3 || cid > 0xfffffffe)
		return dm_fail("vsock: invalid cid");
	dev->cid = (uint32_t)cid;
	if (!cfg->no_files && access("/dev/vhost-vsock", R_OK | W_OK) < 0)
		return dm_fail("vsock: open of vhost-vsock failed");
	return DM_GO_ON;
}

static int parse_lpc(struct dm_config *cfg)
{
	for (unsigned i = 0; i < DM_COMS; i++) {
		int ret = check_com(cfg, &cfg->coms[i]);

		if (ret != DM_GO_ON)
			return ret;
	}
	return DM_GO_ON;
}

int dm_parse_device(struct dm_config *cfg, struct dm_device *dev)
{
	int ret;

	switch (dev->kind) {
	case DM_BLK:
		ret = dm_parse_blk(cfg, dev->config ? dev->config : "", false, &dev->blk);
		break;
	case DM_NET:
		ret = dm_parse_net(cfg, dev);
		break;
	case DM_CONSOLE:
		ret = dm_parse_console(cfg, dev);
		break;
	case DM_LPC:
		ret = parse_lpc(cfg);
		break;
	case DM_VSOCK:
		ret = parse_vsock(cfg, dev);
		break;
	case DM_OBSOLETE:
		ret = dm_fail("device emulation \"%s\" is obsolete and ignored", dev->emul);
		break;
	case DM_PASSTHRU:
		ret = dm_fail("stand-in: no device can be passed through");
		break;
	case DM_OTHER:
		ret = dm_fail("stand-in: no counterpart for '%s'", dev->emul);
		break;
	default:
		ret = DM_GO_ON;
	}
	if (ret != DM_GO_ON)
		(void)printf("pci %s init failed\n", dev->emul);
	return ret;
}

struct dm_device *dm_find_device(struct dm_config *cfg, unsigned slot, unsigned func)
{
	for (unsigned i = 0; i < cfg->n_devices; i++)
		if (cfg->devices[i].bus == 0 && cfg->devices[i].slot == slot &&
		    cfg->devices[i].func == func)
			return &cfg->devices[i];
	return NULL;
}
