#include "hypervisor/acrn/disks.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"

#define LOCK_FILE "acrn.lock"

enum { STATE_MAX = 64 << 10, LOCK_TIMEOUT_MS = 30000, SECTOR_BYTES = 512 };

/* A placeholder; `path` is NULL while it is empty. What is in it is known by its numbers, which
 * nothing else gets while the device model has it open. */
struct disk_slot {
	uint32_t slot;
	const char *path;
	bool readonly;
	bool doubtful; /* the device model did not answer: it may be empty */
	uint64_t device, inode, bytes;
};

/* What a disk is, found by looking at it. */
struct identity {
	uint64_t device, inode; /* inode 0: a block device of that number */
	uint64_t bytes;
};

struct machine_state {
	const char *profile;
	const char *name;
	const char *acrnctl;
	bool image; /* the first of the guest's disks is not one of ours */
	struct json_objs slots;
};

static const struct json_row slot_rows[] = {
	{ .name = "slot",
	  .kind = JSON_U32,
	  .offset = offsetof(struct disk_slot, slot),
	  .flags = JSON_REQUIRED },
	{ .name = "path",
	  .kind = JSON_STR,
	  .offset = offsetof(struct disk_slot, path),
	  .flags = JSON_OMIT_EMPTY },
	{ .name = "readonly",
	  .kind = JSON_BOOL,
	  .offset = offsetof(struct disk_slot, readonly),
	  .flags = JSON_OMIT_EMPTY },
	{ .name = "doubtful",
	  .kind = JSON_BOOL,
	  .offset = offsetof(struct disk_slot, doubtful),
	  .flags = JSON_OMIT_EMPTY },
	{ .name = "device",
	  .kind = JSON_U64,
	  .offset = offsetof(struct disk_slot, device),
	  .flags = JSON_OMIT_EMPTY },
	{ .name = "inode",
	  .kind = JSON_U64,
	  .offset = offsetof(struct disk_slot, inode),
	  .flags = JSON_OMIT_EMPTY },
	{ .name = "bytes",
	  .kind = JSON_U64,
	  .offset = offsetof(struct disk_slot, bytes),
	  .flags = JSON_OMIT_EMPTY },
};
static const struct json_type slot_type = JSON_TYPE(disk_slot, slot_rows);

static const struct json_row state_rows[] = {
	{ .name = "profile",
	  .kind = JSON_STR,
	  .offset = offsetof(struct machine_state, profile),
	  .flags = JSON_REQUIRED },
	{ .name = "name",
	  .kind = JSON_STR,
	  .offset = offsetof(struct machine_state, name),
	  .flags = JSON_REQUIRED },
	{ .name = "acrnctl",
	  .kind = JSON_STR,
	  .offset = offsetof(struct machine_state, acrnctl),
	  .flags = JSON_OMIT_EMPTY },
	{ .name = "image", .kind = JSON_BOOL, .offset = offsetof(struct machine_state, image) },
	{ .name = "slots",
	  .kind = JSON_OBJS,
	  .offset = offsetof(struct machine_state, slots),
	  .flags = JSON_REQUIRED,
	  .type = &slot_type },
};
static const struct json_type state_type = JSON_TYPE(machine_state, state_rows);

static int save_state(int dir_fd, const struct machine_state *state, struct error *err)
{
	auto_strbuf struct strbuf text = { 0 };
	int ret = json_encode(&state_type, state, 2, &text);

	if (ret == 0)
		ret = fs_replace_at(dir_fd, ACRN_STATE_FILE, text.data, text.len, 0600, false);
	return ret < 0 ? err_set(err, ret, "write '%s'", ACRN_STATE_FILE) : 0;
}

int disks_save_machine(int dir_fd, const struct acrn_machine *machine, const char *acrnctl,
		       struct error *err)
{
	struct disk_slot slots[ACRN_SLOTS];
	struct machine_state state = {
		.profile = machine->profile->name,
		.name = machine->name,
		.acrnctl = acrnctl && *acrnctl ? acrnctl : NULL,
		.slots = { .items = slots },
	};

	for (uint32_t i = 0; i < machine->n_devices; i++) {
		if (machine->devices[i].kind != ACRN_DEVICE_BLOCK)
			continue;
		if (machine->devices[i].block.path)
			state.image = true;
		else
			slots[state.slots.len++] = (struct disk_slot){ .slot = machine_slot(i) };
	}
	return save_state(dir_fd, &state, err);
}

static int load_state(int dir_fd, struct arena *arena, struct machine_state *state,
		      struct error *err)
{
	static const struct json_limits limits = { .max_depth = 4, .max_bytes = STATE_MAX };
	auto_strbuf struct strbuf text = { 0 };
	int ret = fs_read_file_at(dir_fd, ACRN_STATE_FILE, &text, STATE_MAX);

	if (ret < 0)
		return err_set(err, ret, "read '%s'", ACRN_STATE_FILE);
	ret = json_decode(&state_type, strbuf_str(&text), text.len, &limits, arena, state, err);
	if (ret < 0)
		return err_ctx(err, "read '%s'", ACRN_STATE_FILE);
	if (!profile_find(state->profile) || state->slots.len > ACRN_BLOCK_SLOTS_MAX)
		return err_msg(err, -EINVAL, "'%s' makes no sense", ACRN_STATE_FILE);
	return 0;
}

static int lock_state(int dir_fd, struct error *err)
{
	auto_close int fd = openat(dir_fd, LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int ret = fd < 0 ? -errno : fs_lock_wait(fd, LOCK_TIMEOUT_MS);

	return ret < 0 ? err_set(err, ret, "lock '%s'", LOCK_FILE) : take_fd(&fd);
}

/* What the device model would find wrong without saying so is found here. */
static int measure(const struct vm_disk *disk, struct identity *what, struct error *err)
{
	auto_close int fd = -1;
	struct stat st;
	int ret = device_check_disk_path(disk->path, "disk", err);

	if (ret < 0)
		return ret;
	fd = open(disk->path,
		  (disk->readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(err, -errno, "open disk '%s'", disk->path);
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return err_msg(err, -ENOTBLK, "disk '%s' is neither a file nor a block device",
			       disk->path);
	*what = S_ISBLK(st.st_mode) ? (struct identity){ .device = st.st_rdev }
				    : (struct identity){ .device = st.st_dev,
							 .inode = st.st_ino,
							 .bytes = (uint64_t)st.st_size };
	if (S_ISBLK(st.st_mode) && ioctl(fd, BLKGETSIZE64, &what->bytes) < 0)
		return err_set(err, -errno, "measure disk '%s'", disk->path);
	if (what->bytes > 0 && what->bytes % SECTOR_BYTES == 0)
		return 0;
	return err_msg(err, -EINVAL,
		       "disk '%s' has %llu bytes: they must make up whole sectors of "
		       "%d",
		       disk->path, (unsigned long long)what->bytes, SECTOR_BYTES);
}

/* The machine may have it already: nothing can be taken out, so a container that is made anew in it
 * gets what the one before had. Two disks of one file would be two file systems on it. 1 or 0. */
static int find_filled(const struct machine_state *state, const struct vm_disk *disk,
		       const struct identity *what, size_t *index, struct error *err)
{
	const struct disk_slot *slots = state->slots.items;

	for (*index = 0; *index < state->slots.len; (*index)++) {
		const struct disk_slot *slot = &slots[*index];

		if (!slot->path || slot->doubtful || slot->device != what->device ||
		    slot->inode != what->inode || slot->bytes != what->bytes)
			continue;
		if (slot->readonly && !disk->readonly)
			return err_msg(err, -EROFS,
				       "the virtual machine has disk '%s' already, read-only",
				       disk->path);
		return 1;
	}
	return 0;
}

static int find_free(const struct machine_state *state, const char *path, size_t *index,
		     struct error *err)
{
	const struct disk_slot *slots = state->slots.items;

	for (*index = 0; *index < state->slots.len; (*index)++)
		if (!slots[*index].path)
			return 0;
	err_msg(err, -ENOSPC, "no free block slot for disk '%s': all %zu are in use", path,
		state->slots.len);
	return err_hint(err, "raise block_slots in [hypervisor.acrn]; a slot is used up until the "
			     "virtual machine ends");
}

static int fill_slot(const struct vm *vm, int dir_fd, const char *monitors,
		     const struct machine_state *state, const struct disk_slot *slot,
		     struct error *err)
{
	const struct acrn_control control = {
		.profile = profile_find(state->profile),
		.dir_fd = dir_fd,
		.socket = ACRN_CONTROL_SOCKET,
		.monitors = monitors,
		.name = state->name,
		.pid = (pid_t)vm->vmm.pid,
		.acrnctl = state->acrnctl,
		.timeout_ms = ACRN_CONTROL_TIMEOUT_MS,
	};

	if (!proc_is_alive(&vm->vmm))
		return err_msg(err, -ECONNRESET, "the virtual machine has ended");
	return control_rescan(&control, slot->slot, slot->path, slot->readonly, err);
}

/* Marks it before the device model is told, and once more when that has answered. */
static int use_slot(const struct vm *vm, int dir_fd, const char *monitors,
		    const struct machine_state *state, struct disk_slot *slot, struct error *err)
{
	struct error ignored;
	int ret = save_state(dir_fd, state, err);

	if (ret < 0)
		return ret;
	ret = fill_slot(vm, dir_fd, monitors, state, slot, err);
	/* it is as empty as before; in doubt it stays used up */
	if (ret == -EREMOTEIO || ret == -ENAMETOOLONG)
		*slot = (struct disk_slot){ .slot = slot->slot };
	else if (ret == 0)
		slot->doubtful = false;
	if (save_state(dir_fd, state, &ignored) < 0)
		log_debug("slot %u is lost: %s", slot->slot, ignored.text);
	return ret;
}

static int add_locked(const struct vm *vm, int dir_fd, const char *monitors,
		      const struct vm_disk *disk, const struct identity *what,
		      struct vm_disk_place *place, struct error *err)
{
	auto_arena struct arena arena = { 0 };
	struct machine_state state;
	struct disk_slot *slot;
	size_t index = 0;
	int ret = load_state(dir_fd, &arena, &state, err);
	int filled = ret < 0 ? ret : find_filled(&state, disk, what, &index, err);

	if (filled < 0)
		return filled;
	if (!filled) {
		ret = find_free(&state, disk->path, &index, err);
		if (ret < 0)
			return ret;
		slot = (struct disk_slot *)state.slots.items + index;
		*slot = (struct disk_slot){ .slot = slot->slot,
					    .path = disk->path,
					    .readonly = disk->readonly,
					    .doubtful = true,
					    .device = what->device,
					    .inode = what->inode,
					    .bytes = what->bytes };
		ret = use_slot(vm, dir_fd, monitors, &state, slot, err);
	}
	if (ret == 0)
		(void)snprintf(place->name, sizeof(place->name), "vd%c",
			       (char)('a' + index + (state.image ? 1 : 0)));
	return ret;
}

int disks_add(const struct vm *vm, int dir_fd, const char *monitors, const struct vm_disk *disk,
	      struct vm_disk_place *place, struct error *err)
{
	auto_close int lock = -1;
	struct identity what;
	int ret = measure(disk, &what, err);

	if (ret < 0)
		return ret;
	place->bytes = what.bytes;
	lock = lock_state(dir_fd, err);
	return lock < 0 ? lock : add_locked(vm, dir_fd, monitors, disk, &what, place, err);
}

int acrn_add_disk(const struct vm *vm, int dir_fd, const struct vm_disk *disk,
		  struct vm_disk_place *place, struct error *err)
{
	return disks_add(vm, dir_fd, ACRN_MONITOR_DIR, disk, place, err);
}
