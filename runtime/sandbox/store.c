#include "runtime/sandbox/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/name.h"

enum { STATE_FILE_MAX = 8 << 20 };

static const char state_file[] = "state.json";

static const struct json_row proc_rows[] = {
	{ .name = "pid", .kind = JSON_I64, .offset = offsetof(struct proc_id, pid) },
	{ .name = "startTime", .kind = JSON_U64, .offset = offsetof(struct proc_id, start_time) },
};
static const struct json_type proc_type = JSON_TYPE(proc_id, proc_rows);

#define FIELD(member) .offset = offsetof(struct record_state, member)

static const struct json_row state_rows[] = {
	{ .name = "version", .kind = JSON_U32, FIELD(version), .flags = JSON_REQUIRED },
	{ .name = "id", .kind = JSON_STR, FIELD(id), .flags = JSON_REQUIRED },
	{ .name = "sandboxId", .kind = JSON_STR, FIELD(sandbox_id), .flags = JSON_REQUIRED },
	{ .name = "uuid", .kind = JSON_STR, FIELD(uuid), .flags = JSON_OMIT_EMPTY },
	{ .name = "hypervisor", .kind = JSON_STR, FIELD(hypervisor), .flags = JSON_OMIT_EMPTY },
	{ .name = "accelerator", .kind = JSON_STR, FIELD(accelerator), .flags = JSON_OMIT_EMPTY },
	{ .name = "ociVersion", .kind = JSON_STR, FIELD(oci_version), .flags = JSON_OMIT_EMPTY },
	{ .name = "bundle", .kind = JSON_STR, FIELD(bundle), .flags = JSON_REQUIRED },
	{ .name = "rootfs", .kind = JSON_STR, FIELD(rootfs), .flags = JSON_OMIT_EMPTY },
	{ .name = "shimPath", .kind = JSON_STR, FIELD(shim_path), .flags = JSON_OMIT_EMPTY },
	{ .name = "agent", .kind = JSON_STR, FIELD(agent), .flags = JSON_OMIT_EMPTY },
	{ .name = "created", .kind = JSON_STR, FIELD(created), .flags = JSON_REQUIRED },
	{ .name = "ownerUid", .kind = JSON_U32, FIELD(owner_uid) },
	{ .name = "status",
	  .kind = JSON_ENUM,
	  FIELD(status),
	  .names = oci_status_names,
	  .flags = JSON_REQUIRED },
	{ .name = "vcpus", .kind = JSON_U32, FIELD(vcpus), .flags = JSON_OMIT_EMPTY },
	{ .name = "memoryMib", .kind = JSON_U32, FIELD(memory_mib), .flags = JSON_OMIT_EMPTY },
	{ .name = "cpuMillis", .kind = JSON_U32, FIELD(cpu_millis), .flags = JSON_OMIT_EMPTY },
	{ .name = "limitMib", .kind = JSON_U32, FIELD(limit_mib), .flags = JSON_OMIT_EMPTY },
	{ .name = "terminal", .kind = JSON_BOOL, FIELD(terminal), .flags = JSON_OMIT_EMPTY },
	{ .name = "noShare", .kind = JSON_BOOL, FIELD(no_share), .flags = JSON_OMIT_EMPTY },
	{ .name = "deleted", .kind = JSON_BOOL, FIELD(deleted), .flags = JSON_OMIT_EMPTY },
	{ .name = "cpuQuotaUs", .kind = JSON_I64, FIELD(cpu_quota_us), .flags = JSON_OMIT_EMPTY },
	{ .name = "cpuPeriodUs", .kind = JSON_U64, FIELD(cpu_period_us), .flags = JSON_OMIT_EMPTY },
	{ .name = "checkpointing",
	  .kind = JSON_BOOL,
	  FIELD(checkpointing),
	  .flags = JSON_OMIT_EMPTY },
	{ .name = "pausedCreated",
	  .kind = JSON_BOOL,
	  FIELD(paused_created),
	  .flags = JSON_OMIT_EMPTY },
	{ .name = "annotations", .kind = JSON_MAP, FIELD(annotations), .flags = JSON_OMIT_EMPTY },
	{ .name = "sandboxCgroups",
	  .kind = JSON_STRS,
	  FIELD(sandbox_cgroups),
	  .flags = JSON_OMIT_EMPTY },
	{ .name = "cgroups", .kind = JSON_STRS, FIELD(cgroups), .flags = JSON_OMIT_EMPTY },
	{ .name = "hooks", .kind = JSON_OBJ_PTR, FIELD(hooks), .type = &oci_hooks_type },
	{ .name = "network", .kind = JSON_OBJ_PTR, FIELD(network), .type = &net_state_type },
	{ .name = "creator", .kind = JSON_OBJ, FIELD(creator), .type = &proc_type },
	{ .name = "vmm", .kind = JSON_OBJ, FIELD(vmm), .type = &proc_type },
	{ .name = "proxy", .kind = JSON_OBJ, FIELD(proxy), .type = &proc_type },
	{ .name = "shim", .kind = JSON_OBJ, FIELD(shim), .type = &proc_type },
};
static const struct json_type state_type = JSON_TYPE(record_state, state_rows);

int record_check_id(const char *id, struct error *err)
{
	if (!*id)
		return err_msg(err, -EINVAL, "container id cannot be empty");
	if (!name_is_valid(id))
		return err_msg(
			err, -EINVAL,
			"invalid container ID format: '%.64s' (use letters, digits, and _ + - . only)",
			id);
	return 0;
}

static int open_dirs(struct record *rec, const char *root, const char *id, struct error *err)
{
	rec->root_fd = fs_open_dir_at(AT_FDCWD, root);
	if (rec->root_fd < 0)
		return rec->root_fd;
	rec->dir_fd = fs_open_dir_at(rec->root_fd, id);
	if (rec->dir_fd < 0)
		return rec->dir_fd;
	if (asprintf(&rec->dir_path, "%s/%s", root, id) < 0) {
		rec->dir_path = NULL;
		return err_set(err, -ENOMEM, "state of '%s'", id);
	}
	return 0;
}

/* Locks the directory; -ENOENT when it was removed while we waited. */
static int lock_dir(struct record *rec, int operation)
{
	struct stat st;

	while (flock(rec->dir_fd, operation) < 0)
		if (errno != EINTR)
			return -errno;
	if (fstat(rec->dir_fd, &st) < 0)
		return -errno;
	return st.st_nlink == 0 ? -ENOENT : 0;
}

static int fail_open(const struct record *rec, const char *root, const char *id, int ret,
		     struct error *err)
{
	(void)rec;
	if (ret == -ENOENT)
		return err_msg(err, ret, "container does not exist: %s", id);
	return err_set(err, ret, "open the state of '%s' in '%s'", id, root);
}

static int load(struct record *rec, const char *id, struct error *err)
{
	auto_strbuf struct strbuf text = { 0 };
	int ret = fs_read_file_at(rec->dir_fd, state_file, &text, STATE_FILE_MAX);

	if (ret == -ENOENT)
		return err_msg(
			err, -ENODATA,
			"container does not exist: %s (an unfinished create; acrun delete --force removes it)",
			id);
	if (ret < 0)
		return err_set(err, ret, "read '%s/%s'", rec->dir_path, state_file);
	ret = json_decode(&state_type, strbuf_str(&text), text.len, NULL, &rec->arena, &rec->state,
			  err);
	if (ret < 0)
		return err_ctx(err, "'%s/%s'", rec->dir_path, state_file);
	if (rec->state.version != STORE_VERSION)
		return err_msg(
			err, -EPROTO,
			"'%s/%s' has version %u, this acrun knows %u (use the acrun that made it)",
			rec->dir_path, state_file, rec->state.version, STORE_VERSION);
	return record_open_sandbox(rec, err);
}

bool record_is_member(const struct record_state *state)
{
	return state->sandbox_id && strcmp(state->sandbox_id, state->id) != 0;
}

const char *record_sandbox_path(const struct record *rec)
{
	return rec->sandbox_path ? rec->sandbox_path : rec->dir_path;
}

/* Beside its own directory. */
static int open_other(struct record *rec, const char *id)
{
	size_t root_len = (size_t)(strrchr(rec->dir_path, '/') - rec->dir_path);

	if (!name_is_valid(id))
		return -EINVAL;
	if (asprintf(&rec->sandbox_path, "%.*s/%s", (int)root_len, rec->dir_path, id) < 0) {
		rec->sandbox_path = NULL;
		return -ENOMEM;
	}
	rec->sandbox_fd = fs_open_dir_at(rec->root_fd, id);
	return rec->sandbox_fd < 0 && rec->sandbox_fd != -ENOENT ? rec->sandbox_fd : 0;
}

int record_open_sandbox(struct record *rec, struct error *err)
{
	const char *id = rec->state.sandbox_id;
	int ret = 0;

	if (record_is_member(&rec->state))
		ret = open_other(rec, id);
	else
		rec->sandbox_fd = rec->dir_fd;
	return ret < 0 ? err_set(err, ret, "open the sandbox '%s' of '%s'", id, rec->state.id) : 0;
}

int record_create(struct record *rec, const char *root, const char *id, struct error *err)
{
	int ret = record_check_id(id, err);

	if (ret < 0)
		return ret;
	ret = fs_mkdir_all(root, 0711);
	if (ret < 0)
		return err_set(err, ret, "make the state directory '%s'", root);
	rec->root_fd = fs_open_dir_at(AT_FDCWD, root);
	if (rec->root_fd < 0)
		return err_set(err, rec->root_fd, "open the state directory '%s'", root);
	if (mkdirat(rec->root_fd, id, 0711) < 0) {
		if (errno == EEXIST)
			return err_msg(err, -EEXIST, "container with given ID already exists: %s",
				       id);
		return err_set(err, -errno, "make '%s/%s'", root, id);
	}
	cleanup_close(&rec->root_fd);
	ret = open_dirs(rec, root, id, err);
	if (ret == 0)
		ret = lock_dir(rec, LOCK_EX);
	/* Between mkdir and lock it may have been deleted, and made again by somebody else. */
	if (ret == 0)
		ret = fs_exists_at(rec->dir_fd, state_file);
	if (ret == 0) {
		rec->sandbox_fd = rec->dir_fd;
		return 0;
	}
	cleanup_close(&rec->dir_fd);
	if (ret == 1)
		return err_msg(err, -EEXIST, "container with given ID already exists: %s", id);
	if (ret == -ENOENT)
		return err_msg(err, ret, "container %s was deleted while it was being created", id);
	return fail_open(rec, root, id, ret, err);
}

int record_open_machine(struct record *rec, const char *root, const char *id, struct error *err)
{
	int ret = record_check_id(id, err);

	if (ret < 0)
		return ret;
	ret = open_dirs(rec, root, id, err);
	if (ret == 0)
		ret = lock_dir(rec, LOCK_EX);
	if (ret < 0)
		return fail_open(rec, root, id, ret, err);
	return load(rec, id, err);
}

int record_peek_machine(struct record *rec, const char *root, const char *id, struct error *err)
{
	int ret = record_check_id(id, err);

	if (ret < 0)
		return ret;
	ret = open_dirs(rec, root, id, err);
	if (ret < 0)
		return fail_open(rec, root, id, ret, err);
	return load(rec, id, err);
}

int record_open(struct record *rec, const char *root, const char *id, struct error *err)
{
	int ret = record_open_machine(rec, root, id, err);

	return ret == 0 && rec->state.deleted ? fail_open(rec, root, id, -ENOENT, err) : ret;
}

int record_peek(struct record *rec, const char *root, const char *id, struct error *err)
{
	int ret = record_peek_machine(rec, root, id, err);

	return ret == 0 && rec->state.deleted ? fail_open(rec, root, id, -ENOENT, err) : ret;
}

int record_lock_shared(struct record *rec, struct error *err)
{
	int ret = lock_dir(rec, LOCK_SH);

	if (ret == -ENOENT)
		return err_msg(err, ret, "container does not exist: %s", rec->state.id);
	return ret < 0 ? err_set(err, ret, "lock '%s'", rec->dir_path) : 0;
}

void record_unlock(struct record *rec)
{
	(void)flock(rec->dir_fd, LOCK_UN);
}

int record_save(struct record *rec, struct error *err)
{
	auto_strbuf struct strbuf text = { 0 };
	int ret = json_encode(&state_type, &rec->state, 2, &text);

	if (ret == 0)
		ret = fs_replace_at(rec->dir_fd, state_file, strbuf_str(&text), text.len, 0600,
				    true);
	return ret < 0 ? err_set(err, ret, "write '%s/%s'", rec->dir_path, state_file) : 0;
}

int record_remove(struct record *rec, struct error *err)
{
	const char *name = rec->dir_path ? strrchr(rec->dir_path, '/') : NULL;
	int ret = name ? fs_remove_tree_at(rec->root_fd, name + 1) : 0;

	return ret < 0 ? err_set(err, ret, "remove '%s'", rec->dir_path) : 0;
}

void record_done(struct record *rec)
{
	if (!rec)
		return;
	if (rec->sandbox_fd == rec->dir_fd)
		rec->sandbox_fd = -1;
	cleanup_close(&rec->sandbox_fd);
	cleanup_close(&rec->dir_fd);
	cleanup_close(&rec->root_fd);
	free(take_ptr(&rec->sandbox_path));
	free(take_ptr(&rec->dir_path));
	arena_done(&rec->arena);
}

enum oci_status record_status(const struct record_state *state)
{
	enum oci_status status = (enum oci_status)state->status;

	if (status == OCI_STATUS_CREATING)
		return proc_is_alive(&state->creator) ? status : OCI_STATUS_STOPPED;
	if (status == OCI_STATUS_STOPPED || !proc_is_alive(&state->shim))
		return OCI_STATUS_STOPPED;
	return status;
}

void record_to_oci_state(const struct record_state *state, const char *owner, struct oci_state *out)
{
	enum oci_status status = record_status(state);

	*out = (struct oci_state){
		.oci_version = state->oci_version,
		.id = state->id,
		.pid = status == OCI_STATUS_STOPPED ? 0 : (int32_t)state->shim.pid,
		.status = (int)status,
		.bundle = state->bundle,
		.rootfs = state->rootfs,
		.created = state->created,
		.annotations = state->annotations,
		.owner = owner,
	};
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int add_name(struct arena *arena, struct json_strs *ids, size_t *cap, const char *name)
{
	if (ids->len == *cap) {
		size_t more = *cap ? 2 * *cap : 64;
		const char **items = arena_calloc(arena, more, sizeof(*items));

		if (!items)
			return -ENOMEM;
		if (ids->len > 0)
			memcpy(items, ids->items, ids->len * sizeof(*items));
		ids->items = items;
		*cap = more;
	}
	ids->items[ids->len] = arena_strdup(arena, name);
	return ids->items[ids->len++] ? 0 : -ENOMEM;
}

/* Not every file system tells the type. */
static bool is_dir(int dir_fd, const struct dirent *entry)
{
	struct stat st;

	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type == DT_DIR;
	return fstatat(dir_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

int store_list(const char *root, struct arena *arena, struct json_strs *ids, struct error *err)
{
	auto_dir DIR *dir = opendir(root);
	struct dirent *entry;
	size_t cap = 0;

	*ids = (struct json_strs){ 0 };
	if (!dir)
		return err_set(err, -errno, "open the state directory '%s'", root);
	while ((errno = 0, entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || !name_is_valid(entry->d_name) ||
		    !is_dir(dirfd(dir), entry))
			continue;
		if (add_name(arena, ids, &cap, entry->d_name) < 0)
			return err_set(err, -ENOMEM, "list '%s'", root);
	}
	if (errno != 0)
		return err_set(err, -errno, "list '%s'", root);
	if (ids->len > 0)
		qsort(ids->items, ids->len, sizeof(*ids->items), compare_names);
	return 0;
}
