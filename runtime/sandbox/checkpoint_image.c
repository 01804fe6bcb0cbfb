#include "runtime/sandbox/checkpoint_image.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/log.h"

enum { FILE_MAX = 4 << 20, CHUNK = 1 << 20 };

#define FNV_START UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)

#define ROW(field, kind_, member)                                                                \
	{                                                                                        \
		.name = (field), .kind = (kind_), .offset = offsetof(struct checkpoint, member), \
		.flags = JSON_REQUIRED                                                           \
	}

static const struct json_row rows[] = {
	ROW("version", JSON_U32, version),
	ROW("acrun", JSON_STR, acrun),
	ROW("created", JSON_STR, created),
	ROW("id", JSON_STR, id),
	ROW("hypervisor", JSON_STR, hypervisor),
	ROW("accelerator", JSON_STR, accelerator),
	ROW("cpu", JSON_STR, cpu),
	ROW("key", JSON_STR, key),
	ROW("terminal", JSON_BOOL, terminal),
	ROW("vcpus", JSON_U32, vcpus),
	ROW("memoryMib", JSON_U32, memory_mib),
	ROW("stdio", JSON_U64, stdio),
	ROW("nextStream", JSON_U64, next_stream),
	ROW("stdout", JSON_U64, out),
	ROW("stderr", JSON_U64, err),
	ROW("state", JSON_STR, state),
	ROW("stateBytes", JSON_U64, state_bytes),
	ROW("stateSum", JSON_STR, state_sum),
	{ .name = "copies",
	  .kind = JSON_STR,
	  .offset = offsetof(struct checkpoint, copies),
	  .flags = JSON_OMIT_EMPTY },
	{ .name = "machine",
	  .kind = JSON_OBJ,
	  .offset = offsetof(struct checkpoint, machine),
	  .flags = JSON_REQUIRED,
	  .type = &vm_saved_type },
};
static const struct json_type checkpoint_type = JSON_TYPE(checkpoint, rows);

/* Read before the rest, which another version may have otherwise. */
static const struct json_row version_rows[] = { ROW("version", JSON_U32, version) };
static const struct json_type version_type = JSON_TYPE(checkpoint, version_rows);

int checkpoint_open_dir(const char *path, bool make, struct error *err)
{
	auto_close int fd = -1;
	int ret = make ? fs_mkdir_all(path, 0700) : 0;

	if (ret < 0)
		return err_set(err, ret, "make the directory '%s'", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, -errno, "open the directory '%s'", path);
	if (flock(fd, (make ? LOCK_EX : LOCK_SH) | LOCK_NB) < 0)
		return errno == EWOULDBLOCK
			       ? err_msg(err, -EBUSY,
					 "'%s' is being written or read by another acrun", path)
			       : err_set(err, -errno, "lock '%s'", path);
	return take_fd(&fd);
}

/* Who can write to what a machine goes on from is that machine's master. */
static int check_owner(int fd, const char *what, struct stat *st, struct error *err)
{
	if (fstat(fd, st) < 0)
		return err_set(err, -errno, "look at '%s'", what);
	if (st->st_uid != geteuid() || (st->st_mode & 022)) {
		err_msg(err, -EPERM, "'%s' belongs to somebody else, or others may write to it",
			what);
		return err_hint(err, "chown it to yourself and chmod go-w");
	}
	return 0;
}

static bool is_file_name(const char *name)
{
	return *name && *name != '.' && !strchr(name, '/');
}

static int check_names(const struct checkpoint *checkpoint, const char *path, struct error *err)
{
	const struct vm_saved_disk *disk = checkpoint->machine.disks.items;
	bool fine = is_file_name(checkpoint->state) &&
		    (!checkpoint->copies || is_file_name(checkpoint->copies));

	for (size_t i = 0; fine && i < checkpoint->machine.disks.len; i++)
		fine = is_file_name(disk[i].path) && disk[i].readonly;
	return fine ? 0 : err_msg(err, -EINVAL, "'%s/" CHECKPOINT_FILE "' makes no sense", path);
}

static int decode(int dir_fd, const char *path, struct arena *arena, struct checkpoint *out,
		  struct error *err)
{
	auto_strbuf struct strbuf text = { 0 };
	int ret = fs_read_file_at(dir_fd, CHECKPOINT_FILE, &text, FILE_MAX);

	if (ret == -ENOENT)
		return err_msg(err, ret, "'%s' holds no complete checkpoint of acrun", path);
	if (ret < 0)
		return err_set(err, ret, "read '%s/" CHECKPOINT_FILE "'", path);
	ret = json_decode(&version_type, strbuf_str(&text), text.len, NULL, arena, out, err);
	if (ret == 0 && out->version != CHECKPOINT_VERSION)
		return err_msg(err, -EPROTO,
			       "'%s' is a checkpoint of version %u, this acrun reads version %d",
			       path, out->version, CHECKPOINT_VERSION);
	if (ret == 0)
		ret = json_decode(&checkpoint_type, strbuf_str(&text), text.len, NULL, arena, out,
				  err);
	return ret < 0 ? err_ctx(err, "read '%s/" CHECKPOINT_FILE "'", path)
		       : check_names(out, path, err);
}

int checkpoint_load(int dir_fd, const char *path, struct arena *arena, struct checkpoint *out,
		    struct error *err)
{
	auto_close int fd = -1;
	struct stat st;
	int ret = check_owner(dir_fd, path, &st, err);

	if (ret == 0)
		ret = decode(dir_fd, path, arena, out, err);
	if (ret < 0)
		return ret;
	fd = openat(dir_fd, out->state, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return err_set(err, -errno, "open '%s/%s'", path, out->state);
	ret = check_owner(fd, path, &st, err);
	if (ret == 0 && (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != out->state_bytes))
		return err_msg(err, -EBADMSG,
			       "the checkpoint in '%s' is damaged: '%s' has %lld bytes instead of "
			       "%llu",
			       path, out->state, (long long)st.st_size,
			       (unsigned long long)out->state_bytes);
	return ret;
}

static bool is_ours(const char *name)
{
	return !strncmp(name, "state-", 6) || !strncmp(name, "disk-", 5) ||
	       !strncmp(name, "copies-", 7);
}

static bool names(const struct checkpoint *checkpoint, const char *name)
{
	const struct vm_saved_disk *disk = checkpoint->machine.disks.items;

	for (size_t i = 0; i < checkpoint->machine.disks.len; i++)
		if (!strcmp(disk[i].path, name))
			return true;
	return (checkpoint->state && !strcmp(checkpoint->state, name)) ||
	       (checkpoint->copies && !strcmp(checkpoint->copies, name));
}

static void keep_only(int dir_fd, const struct checkpoint *checkpoint)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_dir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!dir && fd >= 0)
		close(fd);
	while (dir && (entry = readdir(dir)))
		if (is_ours(entry->d_name) && !names(checkpoint, entry->d_name))
			(void)unlinkat(dir_fd, entry->d_name, 0);
}

void checkpoint_sweep(int dir_fd)
{
	auto_arena struct arena arena = { .max_bytes = 2 * FILE_MAX };
	struct checkpoint checkpoint;
	struct error err = { 0 };

	if (decode(dir_fd, ".", &arena, &checkpoint, &err) < 0) {
		/* What cannot be read may be a later version's, which knows its files. */
		if (err.code != -ENOENT)
			return;
		checkpoint = (struct checkpoint){ 0 };
	}
	keep_only(dir_fd, &checkpoint);
}

int checkpoint_publish(int dir_fd, const struct checkpoint *checkpoint, struct error *err)
{
	auto_strbuf struct strbuf text = { 0 };
	int ret = json_encode(&checkpoint_type, checkpoint, 2, &text);

	if (ret == 0)
		ret = strbuf_addc(&text, '\n');
	if (ret == 0)
		ret = fs_replace_at(dir_fd, CHECKPOINT_FILE, text.data, text.len, 0600, true);
	if (ret < 0)
		return err_set(err, ret, "write '" CHECKPOINT_FILE "'");
	keep_only(dir_fd, checkpoint);
	return 0;
}

/* Words of eight bytes: as fast as the file can be read. */
static uint64_t add_sum(uint64_t sum, const unsigned char *data, size_t len)
{
	uint64_t word;

	for (; len >= sizeof(word); data += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, data, sizeof(word));
		sum = (sum ^ word) * FNV_PRIME;
		sum ^= sum >> 29;
	}
	for (; len > 0; data++, len--)
		sum = (sum ^ *data) * FNV_PRIME;
	return sum;
}

int checkpoint_sum(int fd, char text[static CHECKPOINT_SUM_LEN], struct error *err)
{
	auto_free unsigned char *data = malloc(CHUNK);
	uint64_t sum = FNV_START;
	size_t have = 0;
	ssize_t n = 1;

	if (!data)
		return err_set(err, -ENOMEM, "read the state of a checkpoint");
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_set(err, -errno, "read the state of a checkpoint");
	while (n > 0) {
		n = read(fd, data + have, CHUNK - have);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			have += (size_t)n;
		if (have == CHUNK || n == 0) {
			sum = add_sum(sum, data, have);
			have = 0;
		}
	}
	if (n < 0)
		return err_set(err, -errno, "read the state of a checkpoint");
	(void)snprintf(text, CHECKPOINT_SUM_LEN, "%016" PRIx64, sum);
	return 0;
}

const char *checkpoint_cpu(const char *accelerator, struct arena *arena)
{
	auto_strbuf struct strbuf text = { 0 };
	const char *line;
	uint64_t sum;

	/* An emulated one is the same everywhere. */
	if (strcmp(accelerator, "kvm") != 0)
		return "";
	if (fs_read_file_at(AT_FDCWD, "/proc/cpuinfo", &text, FILE_MAX) < 0)
		return "unknown";
	line = strstr(strbuf_str(&text), "\nflags");
	if (!line)
		return "unknown";
	sum = add_sum(FNV_START, (const unsigned char *)line + 1, strcspn(line + 1, "\n"));
	return arena_printf(arena, "flags %016llx", (unsigned long long)sum);
}
