#include "hypervisor/acrn/uuid_pool.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "base/strbuf.h"

#define POOL_FILE "acrn-uuids.json"
#define LOCK_FILE "acrn-uuids.lock"

enum { LOCK_TIMEOUT_MS = 10000, FILE_MAX = 64 << 10, UUID_CHARS = UUID_TEXT_LEN - 1 };

struct uuid_owner {
	const char *uuid;
	const char *vm;
	int64_t pid;
	uint64_t start_time;
};

struct uuid_file {
	struct json_objs owners;
};

static const struct json_row owner_rows[] = {
	{ .name = "uuid",
	  .kind = JSON_STR,
	  .offset = offsetof(struct uuid_owner, uuid),
	  .flags = JSON_REQUIRED },
	{ .name = "vm",
	  .kind = JSON_STR,
	  .offset = offsetof(struct uuid_owner, vm),
	  .flags = JSON_REQUIRED },
	{ .name = "pid",
	  .kind = JSON_I64,
	  .offset = offsetof(struct uuid_owner, pid),
	  .flags = JSON_REQUIRED },
	{ .name = "startTime",
	  .kind = JSON_U64,
	  .offset = offsetof(struct uuid_owner, start_time),
	  .flags = JSON_REQUIRED },
};
static const struct json_type owner_type = JSON_TYPE(uuid_owner, owner_rows);

static const struct json_row file_rows[] = {
	{ .name = "owners",
	  .kind = JSON_OBJS,
	  .offset = offsetof(struct uuid_file, owners),
	  .flags = JSON_REQUIRED,
	  .type = &owner_type },
};
static const struct json_type file_type = JSON_TYPE(uuid_file, file_rows);

/* The pool while it is locked. What stands in `owners` lives in the arena. */
struct pool {
	int dir_fd;
	int lock_fd;
	struct arena arena;
	struct uuid_owner owners[UUID_POOL_MAX];
	size_t n;
};

static void pool_close(struct pool *pool)
{
	cleanup_close(&pool->lock_fd);
	cleanup_close(&pool->dir_fd);
	arena_done(&pool->arena);
}

#define auto_pool __attribute__((cleanup(pool_close)))

static bool uuid_is_valid(const char *text, size_t len)
{
	if (len != UUID_CHARS)
		return false;
	for (size_t i = 0; i < len; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
			return false;
	}
	return true;
}

static bool list_has(const struct uuid_list *list, const char *uuid)
{
	for (uint32_t i = 0; i < list->len; i++)
		if (!strcmp(list->items[i], uuid))
			return true;
	return false;
}

static int list_put(struct uuid_list *list, const char *text, size_t len, struct error *err)
{
	char *item = list->items[list->len];

	if (!uuid_is_valid(text, len))
		return err_msg(err, -EINVAL, "'%.*s' is no UUID", (int)len, text);
	if (list->len == UUID_POOL_MAX)
		return err_msg(err, -E2BIG, "more than %d UUIDs", UUID_POOL_MAX);
	for (size_t i = 0; i < len; i++)
		item[i] = (char)tolower((unsigned char)text[i]);
	item[len] = '\0';
	if (list_has(list, item))
		return err_msg(err, -EINVAL, "UUID %s stands there twice", item);
	list->len++;
	return 0;
}

int uuid_list_parse(const char *text, struct uuid_list *list, struct error *err)
{
	static const char separators[] = ", \t\n";

	list->len = 0;
	for (;;) {
		size_t len;
		int ret;

		text += strspn(text, separators);
		len = strcspn(text, separators);
		if (len == 0)
			return 0;
		ret = list_put(list, text, len, err);
		if (ret < 0)
			return ret;
		text += len;
	}
}

static bool owner_is_alive(const struct uuid_owner *owner)
{
	const struct proc_id id = { .pid = owner->pid, .start_time = owner->start_time };

	return proc_is_alive(&id);
}

/* What a crash or a stranger left of the file must not stop anybody: the hypervisor itself refuses
 * a UUID that is in use. */
static void pool_load(struct pool *pool)
{
	static const struct json_limits limits = { .max_depth = 4, .max_bytes = FILE_MAX };
	auto_strbuf struct strbuf text = { 0 };
	struct uuid_file file = { 0 };
	struct error why;
	int ret = fs_read_file_at(pool->dir_fd, POOL_FILE, &text, FILE_MAX);

	pool->n = 0;
	if (ret == -ENOENT)
		return;
	if (ret == 0)
		ret = json_decode(&file_type, strbuf_str(&text), text.len, &limits, &pool->arena,
				  &file, &why);
	else
		err_set(&why, ret, "read it");
	if (ret < 0) {
		log_warning("'%s' is damaged and starts anew: %s", POOL_FILE, why.text);
		return;
	}
	for (size_t i = 0; i < file.owners.len && pool->n < UUID_POOL_MAX; i++) {
		const struct uuid_owner *owner = &((struct uuid_owner *)file.owners.items)[i];

		if (owner_is_alive(owner))
			pool->owners[pool->n++] = *owner;
	}
}

static int pool_open(struct pool *pool, const char *host_dir, struct error *err)
{
	int ret = fs_mkdir_all(host_dir, 0700);

	if (ret < 0)
		return err_set(err, ret, "make '%s'", host_dir);
	pool->dir_fd = fs_open_dir_at(AT_FDCWD, host_dir);
	if (pool->dir_fd < 0)
		return err_set(err, pool->dir_fd, "open '%s'", host_dir);
	pool->lock_fd = openat(pool->dir_fd, LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (pool->lock_fd < 0)
		return err_set(err, -errno, "open '%s/%s'", host_dir, LOCK_FILE);
	ret = fs_lock_wait(pool->lock_fd, LOCK_TIMEOUT_MS);
	if (ret < 0)
		return err_set(err, ret, "lock '%s/%s'", host_dir, LOCK_FILE);
	pool_load(pool);
	return 0;
}

static int pool_save(const struct pool *pool, struct error *err)
{
	auto_strbuf struct strbuf text = { 0 };
	struct uuid_file file = { .owners = { .items = (void *)pool->owners, .len = pool->n } };
	int ret = json_encode(&file_type, &file, 2, &text);

	if (ret == 0)
		ret = fs_replace_at(pool->dir_fd, POOL_FILE, text.data, text.len, 0600, false);
	return ret < 0 ? err_set(err, ret, "write '%s'", POOL_FILE) : 0;
}

static struct uuid_owner *pool_find(struct pool *pool, const char *uuid)
{
	for (size_t i = 0; i < pool->n; i++)
		if (!strcmp(pool->owners[i].uuid, uuid))
			return &pool->owners[i];
	return NULL;
}

static bool is_owner(const struct uuid_owner *owner, const struct proc_id *id)
{
	return owner && owner->pid == id->pid && owner->start_time == id->start_time;
}

static int all_taken(struct pool *pool, const struct uuid_list *list, uint32_t limit,
		     struct error *err)
{
	err_msg(err, -EBUSY,
		"Max VMs reached: all %u UUIDs that virtual machines may have are in use", limit);
	for (uint32_t i = 0; i < limit; i++) {
		const struct uuid_owner *owner = pool_find(pool, list->items[i]);
		struct error before = *err;

		if (owner)
			err_msg(err, -EBUSY, "%s%s %s (pid %lld)", before.text, i ? "," : ":",
				owner->vm, (long long)owner->pid);
	}
	if (limit < list->len)
		return err_hint(err, "the hypervisor or max_vms allow no more");
	return err_hint(err, "add the others that the hypervisor knows to vm_uuids in "
			     "[hypervisor.acrn], or end one of them");
}

int uuid_pool_take(const char *host_dir, const struct uuid_list *list, uint32_t limit,
		   const char *vm, const struct proc_id *owner, char out[static UUID_TEXT_LEN],
		   struct error *err)
{
	auto_pool struct pool pool = { .dir_fd = -1, .lock_fd = -1 };
	int ret;

	if (list->len == 0)
		return err_msg(err, -EINVAL, "no vm_uuids are set in [hypervisor.acrn]");
	if (limit == 0 || limit > list->len)
		limit = list->len;
	ret = pool_open(&pool, host_dir, err);
	if (ret < 0)
		return ret;
	for (uint32_t i = 0; i < limit; i++) {
		const char *uuid = list->items[i];

		if (pool_find(&pool, uuid))
			continue;
		if (pool.n == UUID_POOL_MAX)
			break;
		memcpy(out, uuid, UUID_TEXT_LEN);
		pool.owners[pool.n++] = (struct uuid_owner){
			.uuid = out,
			.vm = vm,
			.pid = owner->pid,
			.start_time = owner->start_time,
		};
		return pool_save(&pool, err);
	}
	return all_taken(&pool, list, limit, err);
}

int uuid_pool_hand_over(const char *host_dir, const char *uuid, const struct proc_id *from,
			const struct proc_id *to, struct error *err)
{
	auto_pool struct pool pool = { .dir_fd = -1, .lock_fd = -1 };
	int ret = pool_open(&pool, host_dir, err);
	struct uuid_owner *owner;

	if (ret < 0)
		return ret;
	owner = pool_find(&pool, uuid);
	if (!is_owner(owner, from))
		return err_msg(err, -ESTALE, "UUID %s went to another virtual machine", uuid);
	owner->pid = to->pid;
	owner->start_time = to->start_time;
	return pool_save(&pool, err);
}

int uuid_pool_release(const char *host_dir, const char *uuid, const struct proc_id *owner,
		      struct error *err)
{
	auto_pool struct pool pool = { .dir_fd = -1, .lock_fd = -1 };
	int ret = pool_open(&pool, host_dir, err);
	struct uuid_owner *entry;

	if (ret < 0)
		return ret;
	entry = pool_find(&pool, uuid);
	if (!is_owner(entry, owner))
		return 0;
	*entry = pool.owners[--pool.n];
	return pool_save(&pool, err);
}
