/* Disks for a machine that runs. */
#include "hypervisor/qemu/qemu_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sock.h"
#include "base/strbuf.h"

enum { ID_MAX = 32, SECTOR_BYTES = 512, LETTERS = 26 };

/* An entry of query-block. */
struct drive {
	const char *device;
};

struct drives {
	struct json_objs list; /* struct drive */
};

static const struct json_row drive_rows[] = {
	{ .name = "device", .kind = JSON_STR, .offset = offsetof(struct drive, device) },
};
static const struct json_type drive_type = JSON_TYPE(drive, drive_rows);

static const struct json_row drives_rows[] = {
	{ .name = "list",
	  .kind = JSON_OBJS,
	  .offset = offsetof(struct drives, list),
	  .type = &drive_type },
};
static const struct json_type drives_type = JSON_TYPE(drives, drives_rows);

/* QEMU's own message on a file that it cannot use comes late and says less. */
static int measure(const struct vm_disk *disk, bool *is_block, uint64_t *bytes, struct error *err)
{
	auto_close int fd = open(disk->path, (disk->readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC |
						     O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(err, -errno, "open disk '%s'", disk->path);
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return err_msg(err, -ENOTBLK, "disk '%s' is neither a file nor a block device",
			       disk->path);
	*is_block = S_ISBLK(st.st_mode);
	*bytes = (uint64_t)st.st_size;
	if (*is_block && ioctl(fd, BLKGETSIZE64, bytes) < 0)
		return err_set(err, -errno, "measure disk '%s'", disk->path);
	if (*bytes > 0 && *bytes % SECTOR_BYTES == 0)
		return 0;
	return err_msg(err, -EINVAL, "disk '%s' has %llu bytes, which are no whole sectors",
		       disk->path, (unsigned long long)*bytes);
}

/* The first number that no disk has; -ENOSPC without a port for it. *ports: whether there are any.
 */
static int find_slot(struct qmp *qmp, unsigned *slot, bool *ports, struct error *err)
{
	auto_arena struct arena arena = { 0 };
	struct qemu_peripherals all;
	char id[ID_MAX];
	int ret = qemu_ask_peripherals(qmp, &arena, &all, err);

	if (ret < 0)
		return ret;
	(void)snprintf(id, sizeof(id), QEMU_DISK_PORT_ID, 0U);
	*ports = qemu_has_peripheral(&all, id);
	for (*slot = 0;; ++*slot) {
		(void)snprintf(id, sizeof(id), QEMU_DISK_ID, *slot);
		if (!qemu_has_peripheral(&all, id))
			break;
	}
	(void)snprintf(id, sizeof(id), QEMU_DISK_PORT_ID, *slot);
	if (*ports ? qemu_has_peripheral(&all, id) : *slot < LETTERS)
		return 0;
	err_msg(err, -ENOSPC, "no place for another disk: all %u are in use", *slot);
	return err_hint(err, "raise block_slots in [hypervisor.qemu]");
}

/* The guest counts its disks as they come; what it boots from is the first. */
static int name_disk(struct qmp *qmp, unsigned slot, struct vm_disk_place *place, struct error *err)
{
	auto_arena struct arena arena = { 0 };
	struct drives drives = { 0 };
	const struct drive *drive;
	int ret = control_ask(qmp, "query-block", NULL, &drives_type, &arena, &drives, err);

	if (ret < 0)
		return ret;
	drive = drives.list.items;
	for (size_t i = 0; i < drives.list.len; i++)
		if (drive[i].device && !strcmp(drive[i].device, QEMU_IMAGE_ID))
			slot++;
	if (slot >= LETTERS)
		return err_msg(err, -ENOSPC, "the guest has no name for disk %u", slot + 1);
	(void)snprintf(place->name, sizeof(place->name), "vd%c", 'a' + (int)slot);
	return 0;
}

static int add_file(struct qmp *qmp, unsigned slot, const struct vm_disk *disk, bool is_block,
		    struct error *err)
{
	auto_strbuf struct strbuf args = { 0 };

	(void)strbuf_addf(&args,
			  "{\"driver\":\"%s\",\"node-name\":\"" QEMU_DISK_ID "-file\","
			  "\"read-only\":%s,\"auto-read-only\":false,\"filename\":",
			  is_block ? "host_device" : "file", slot,
			  disk->readonly ? "true" : "false");
	(void)json_quote(&args, disk->path);
	(void)strbuf_addc(&args, '}');
	if (strbuf_error(&args) < 0)
		return err_set(err, strbuf_error(&args), "describe a disk for QEMU");
	return qmp_execute(qmp, "blockdev-add", strbuf_str(&args), CONTROL_TIMEOUT_MS, NULL, err);
}

static int plug(struct qmp *qmp, unsigned slot, bool port, struct error *err)
{
	char bus[ID_MAX + sizeof(",\"bus\":\"\"")] = "";
	char args[256];
	struct error ignored;
	int ret;

	if (port)
		(void)snprintf(bus, sizeof(bus), ",\"bus\":\"" QEMU_DISK_PORT_ID "\"", slot);
	(void)snprintf(args, sizeof(args),
		       "{\"driver\":\"virtio-blk-pci\",\"id\":\"" QEMU_DISK_ID
		       "\",\"drive\":\"" QEMU_DISK_ID "-file\"%s}",
		       slot, slot, bus);
	ret = qmp_execute(qmp, "device_add", args, CONTROL_TIMEOUT_MS, NULL, err);
	if (ret == 0)
		return 0;
	(void)snprintf(args, sizeof(args), "{\"node-name\":\"" QEMU_DISK_ID "-file\"}", slot);
	/* The failure before is what counts. */
	if (qmp_execute(qmp, "blockdev-del", args, CONTROL_TIMEOUT_MS, NULL, &ignored) < 0)
		return ret;
	return ret;
}

int qemu_add_disk(const struct vm *vm, int dir_fd, const struct vm_disk *disk,
		  struct vm_disk_place *place, struct error *err)
{
	auto_qmp struct qmp qmp = { 0 };
	bool is_block = false;
	bool ports = false;
	unsigned slot = 0;
	int ret = measure(disk, &is_block, &place->bytes, err);

	(void)vm;
	if (ret < 0)
		return ret;
	ret = control_open(&qmp, sock_connect_at(dir_fd, VM_CONTROL_SOCKET), err);
	if (ret == 0)
		ret = find_slot(&qmp, &slot, &ports, err);
	if (ret == 0)
		ret = name_disk(&qmp, slot, place, err);
	if (ret == 0)
		ret = add_file(&qmp, slot, disk, is_block, err);
	return ret < 0 ? ret : plug(&qmp, slot, ports, err);
}
