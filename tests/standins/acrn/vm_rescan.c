#include "tests/standins/acrn/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/fs.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "tests/standins/acrn/dm_number.h"
#include "tests/standins/acrn/dm_parse_internal.h"
#include "tests/standins/acrn/qemu_argv.h"

enum { TIMEOUT_MS = 10000 };

static int disk_size(const char *path, uint64_t *size, bool *is_block, struct error *err)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(err, -errno, "open '%s'", path);
	*is_block = S_ISBLK(st.st_mode);
	*size = (uint64_t)st.st_size;
	if (*is_block && ioctl(fd, BLKGETSIZE64, size) < 0)
		return err_set(err, -errno, "size of '%s'", path);
	return 0;
}

static int run(struct vm *vm, const char *command, struct strbuf *arguments, struct error *err)
{
	int ret = strbuf_error(arguments);

	if (ret < 0)
		return err_set(err, ret, "build %s", command);
	return qmp_execute(&vm->qmp, command, strbuf_str(arguments), TIMEOUT_MS, NULL, err);
}

/*
 * The file under a name of its own. Read-only is not what the guest was told: its writes fail, one
 * by one, and that is what a layer of errors does here.
 */
static int add_file(struct vm *vm, const struct dm_blk *blk, const char *node, bool is_block,
		    struct error *err)
{
	auto_strbuf struct strbuf arguments = { 0 };

	if (blk->readonly)
		(void)strbuf_adds(&arguments, "{\"driver\":\"blkdebug\",\"inject-error\":["
					      "{\"event\":\"none\",\"iotype\":\"write\"},"
					      "{\"event\":\"none\",\"iotype\":\"write-zeroes\"},"
					      "{\"event\":\"none\",\"iotype\":\"discard\"}],"
					      "\"image\":{");
	else
		(void)strbuf_adds(&arguments, "{");
	(void)strbuf_addf(&arguments, "\"driver\":\"%s\",\"locking\":\"off\",\"filename\":",
			  is_block ? "host_device" : "file");
	(void)json_quote(&arguments, blk->path);
	if (blk->readonly)
		(void)strbuf_addc(&arguments, '}');
	(void)strbuf_addf(&arguments, ",\"node-name\":\"%s\"}", node);
	return run(vm, "blockdev-add", &arguments, err);
}

static int swap_file(struct vm *vm, const char *disk, const char *node, struct error *err)
{
	auto_strbuf struct strbuf arguments = { 0 };

	(void)strbuf_addf(&arguments,
			  "{\"options\":[{\"driver\":\"raw\",\"node-name\":\"%s\","
			  "\"file\":\"%s\"}]}",
			  disk, node);
	return run(vm, "blockdev-reopen", &arguments, err);
}

/* Tells the guest: the same size once more, but for the guest it is a change. */
static int tell_size(struct vm *vm, const char *disk, uint64_t size, struct error *err)
{
	auto_strbuf struct strbuf arguments = { 0 };

	(void)strbuf_addf(&arguments, "{\"node-name\":\"%s\",\"size\":%llu}", disk,
			  (unsigned long long)size);
	return run(vm, "block_resize", &arguments, err);
}

int vm_replace_disk(struct vm *vm, const struct dm_device *dev, const struct dm_blk *blk,
		    struct error *err)
{
	char disk[NODE_NAME_LEN];
	char node[32];
	uint64_t size;
	bool is_block;
	int ret = disk_size(blk->path, &size, &is_block, err);

	standin_node_name('d', dev, disk);
	(void)snprintf(node, sizeof(node), "r%u", vm->n_rescans++);
	if (ret == 0)
		ret = add_file(vm, blk, node, is_block, err);
	if (ret == 0)
		ret = swap_file(vm, disk, node, err);
	return ret == 0 ? tell_size(vm, disk, size, err) : ret;
}

/* Slots are on bus 0 and function 0 here, and nothing but the number may stand before the comma. */
static const char *parse_slot(const char *text, unsigned *slot)
{
	const char *end;
	uint64_t number;

	if (dm_number(text, 10, &number, &end) < 0 || *end != ',' || number >= DM_SLOTS)
		return NULL;
	*slot = (unsigned)number;
	return end + 1;
}

static int rescan(struct vm *vm, const char *text, struct dm_blk *blk)
{
	unsigned slot;
	const char *rest = parse_slot(text, &slot);
	struct dm_device *dev = rest ? dm_find_device(vm->cfg, slot, 0) : NULL;
	struct error err = { 0 };

	if (!dev || dev->kind != DM_BLK)
		return dm_fail("blkrescan: no virtio-blk in '%s'", text);
	if (!dev->blk.nodisk || vm->filled[slot])
		return dm_fail("Replacing valid backend file not supported");
	if (strstr(rest, "nodisk"))
		return dm_fail("blkrescan: '%s' names no disk", rest);
	if (dm_parse_blk(vm->cfg, rest, true, blk) != DM_GO_ON || blk->directory)
		return DM_EXIT_FAIL;
	if (blk->readonly)
		dm_fault(vm->cfg, "blk: '%s' is read-only, which the guest does not see",
			 blk->path);
	if (vm_replace_disk(vm, dev, blk, &err) < 0)
		return dm_fail("stand-in: %s", err.text);
	vm->filled[slot] = true;
	return DM_GO_ON;
}

int vm_rescan(struct vm *vm, const char *text)
{
	struct dm_blk blk = { 0 };
	int ret = rescan(vm, text, &blk);

	free(blk.path);
	return ret == DM_GO_ON ? 0 : -1;
}
