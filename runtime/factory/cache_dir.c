#include "runtime/factory/cache_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "base/name.h"
#include "hypervisor/vm.h"

#define STATE_MAKING "making"
#define STATE_POOLED "pooled"
#define STATE_TAKEN  "taken"
#define STATE_DEAD   "dead"

enum { RECORD_MAX = 4096 };

static const struct json_row vmm_rows[] = {
	{ .name = "pid",
	  .kind = JSON_I64,
	  .offset = offsetof(struct proc_id, pid),
	  .flags = JSON_REQUIRED },
	{ .name = "startTime",
	  .kind = JSON_U64,
	  .offset = offsetof(struct proc_id, start_time),
	  .flags = JSON_REQUIRED },
};
static const struct json_type vmm_type = JSON_TYPE(proc_id, vmm_rows);

char *cache_dir_path(const char *endpoint, struct arena *arena)
{
	return arena_printf(arena, "%s.d", endpoint);
}

int cache_dir_open(const char *path, bool make, struct error *err)
{
	auto_close int fd = -1;
	struct stat st;
	int ret = make ? fs_mkdir_all(path, 0700) : 0;

	if (ret < 0)
		return err_set(err, ret, "make the directory '%s' (vm_cache_endpoint)", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(err, -errno, "open the directory '%s' (vm_cache_endpoint)", path);
	if (st.st_uid != geteuid() || (st.st_mode & 022))
		return err_msg(err, -EPERM,
			       "'%s' belongs to somebody else, or others may write to it", path);
	return take_fd(&fd);
}

int cache_machine_record_self(int machine_fd, struct error *err)
{
	auto_strbuf struct strbuf text = { 0 };
	struct proc_id self;
	int ret = proc_identify(getpid(), &self);

	if (ret == 0)
		ret = json_encode(&vmm_type, &self, 0, &text);
	if (ret == 0)
		ret = fs_replace_at(machine_fd, STATE_MAKING, strbuf_str(&text), text.len, 0600,
				    false);
	return ret < 0 ? err_set(err, ret, "record a machine of the VM cache") : 0;
}

static int move(int machine_fd, const char *from, const char *to)
{
	return renameat(machine_fd, from, machine_fd, to) < 0 ? -errno : 0;
}

int cache_machine_publish(int machine_fd, struct error *err)
{
	int ret = move(machine_fd, STATE_MAKING, STATE_POOLED);

	return ret < 0 ? err_set(err, ret, "put a machine into the VM cache") : 0;
}

int cache_machine_claim(int machine_fd)
{
	return move(machine_fd, STATE_POOLED, STATE_TAKEN);
}

bool cache_machine_is_claimed(int machine_fd)
{
	return fs_exists_at(machine_fd, STATE_TAKEN) == 1;
}

static int read_vmm(int machine_fd, const char *state, struct proc_id *vmm)
{
	auto_arena struct arena arena = { 0 };
	auto_strbuf struct strbuf text = { 0 };
	int ret = fs_read_file_at(machine_fd, state, &text, RECORD_MAX);

	if (ret < 0)
		return ret;
	return json_decode(&vmm_type, strbuf_str(&text), text.len, NULL, &arena, vmm, NULL);
}

static void end_vmm(int machine_fd, const char *state)
{
	struct proc_id vmm = { 0 };
	struct error err = { 0 };

	if (read_vmm(machine_fd, state, &vmm) == 0 && vm_kill(&vmm, &err) < 0)
		log_warning("%s", err.text);
}

int cache_machine_end(int dir_fd, const char *uuid)
{
	auto_close int machine_fd =
		openat(dir_fd, uuid, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (machine_fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (move(machine_fd, STATE_POOLED, STATE_DEAD) == -ENOENT &&
	    cache_machine_is_claimed(machine_fd))
		return 0;
	if (move(machine_fd, STATE_MAKING, STATE_DEAD) < 0)
		errno = 0;
	end_vmm(machine_fd, STATE_DEAD);
	return fs_remove_tree_at(dir_fd, uuid);
}

int cache_machine_remove(const char *machine_dir)
{
	auto_close int machine_fd =
		open(machine_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (machine_fd < 0)
		return errno == ENOENT ? 0 : -errno;
	/* Not claimed after all: the server's, or gone with its server. */
	if (!cache_machine_is_claimed(machine_fd))
		return 0;
	return fs_remove_tree_at(AT_FDCWD, machine_dir);
}

int cache_dir_lock(int dir_fd, int timeout_ms)
{
	return fs_lock_wait(dir_fd, timeout_ms);
}

static void sweep_one(int dir_fd, const char *uuid)
{
	auto_close int machine_fd =
		openat(dir_fd, uuid, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct proc_id vmm;
	int ret;

	if (machine_fd < 0)
		return;
	if (cache_machine_is_claimed(machine_fd) && read_vmm(machine_fd, STATE_TAKEN, &vmm) == 0 &&
	    !proc_is_alive(&vmm))
		ret = fs_remove_tree_at(dir_fd, uuid);
	else
		ret = cache_machine_end(dir_fd, uuid);
	if (ret < 0)
		log_warning("remove machine '%s' of the VM cache: %s", uuid, strerror(-ret));
}

void cache_dir_sweep(int dir_fd)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_dir DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;

	if (!dir) {
		cleanup_close(&fd);
		return;
	}
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.' && name_is_valid(entry->d_name))
			sweep_one(dir_fd, entry->d_name);
}
