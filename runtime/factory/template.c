#include "runtime/factory/template.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "runtime/factory/progress.h"
#include "runtime/factory/template_internal.h"

enum { RECORD_MAX = 64 << 10, FAILED_FOR_S = 300 };

int template_open_path(const char *path, struct error *err)
{
	auto_close int fd = -1;
	struct stat st;
	int ret = fs_mkdir_all(path, 0700);

	if (ret < 0)
		return err_set(err, ret, "make the directory '%s' (template_path)", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(err, -errno, "open the directory '%s' (template_path)", path);
	if (st.st_uid != geteuid() || (st.st_mode & 022)) {
		err_msg(err, -EPERM, "'%s' belongs to somebody else, or others may write to it",
			path);
		return err_hint(
			err,
			"chown it to yourself and chmod 0700, or set template_path in [factory]");
	}
	return take_fd(&fd);
}

/* Opens a file of a template and holds it against its description. */
static int open_file(int dir_fd, const struct template_file *file, struct error *err)
{
	auto_close int fd = -1;
	struct template_file now;
	struct stat st;
	int ret;

	if (strchr(file->name, '/'))
		return err_msg(err, -EINVAL, "'%s' is no name of a file", file->name);
	fd = openat(dir_fd, file->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(err, -errno, "open '%s'", file->name);
	ret = template_describe(fd, file->name, &now, err);
	if (ret < 0)
		return ret;
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 022))
		return err_msg(err, -EPERM, "others could have written to '%s'", file->name);
	if (now.size != file->size || now.inode != file->inode || now.ctime_ns != file->ctime_ns)
		return err_msg(err, -EBADMSG, "'%s' was changed after it was saved", file->name);
	if (file->sum) {
		ret = template_sum(fd, &now.sum, err);
		if (ret < 0)
			return ret;
		if (now.sum != file->sum)
			return err_msg(err, -EBADMSG, "'%s' is not what was saved", file->name);
	}
	return take_fd(&fd);
}

static int read_record(int dir_fd, struct arena *arena, struct template_record *record,
		       struct error *err)
{
	auto_strbuf struct strbuf text = { 0 };
	int ret = fs_read_file_at(dir_fd, TEMPLATE_FILE, &text, RECORD_MAX);

	if (ret < 0)
		return err_set(err, ret, "read '%s'", TEMPLATE_FILE);
	ret = json_decode(&template_record_type, strbuf_str(&text), text.len, NULL, arena, record,
			  err);
	if (ret == 0 && record->version != TEMPLATE_VERSION)
		return err_msg(err, -EPROTO, "'%s' has version %u", TEMPLATE_FILE, record->version);
	return ret;
}

/* -ENOENT: there is none. Any other failure: there is one, unfit. */
static int load(struct template *template, int path_fd, const char *path, const char *hash,
		const char *key, struct error *err)
{
	auto_close int dir_fd =
		openat(path_fd, hash, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	auto_close int memory_fd = -1;
	struct template_record record;
	int ret;

	template->dir = arena_printf(&template->arena, "%s/%s", path, hash);
	if (dir_fd < 0)
		return err_set(err, errno == ENOENT ? -ENOENT : -EBADMSG, "open '%s/%s'", path,
			       hash);
	ret = read_record(dir_fd, &template->arena, &record, err);
	if (ret == 0 && strcmp(record.key, key) != 0)
		ret = err_msg(err, -EBADMSG, "it is the template of another machine");
	if (ret == 0)
		memory_fd = ret = open_file(dir_fd, &record.memory, err);
	if (ret >= 0)
		template->state_fd = ret = open_file(dir_fd, &record.state, err);
	if (ret < 0)
		return ret == -ENOENT ? -EBADMSG : ret;
	template->memory_file =
		arena_printf(&template->arena, "%s/%s", template->dir, record.memory.name);
	template->accelerator = record.accelerator;
	return template->memory_file ? 0 : err_set(err, -ENOMEM, "open '%s'", template->dir);
}

int template_find(struct template *template, const struct config *config,
		  const struct machine *shape, struct error *err)
{
	const char *path = config->factory.template_path;
	char hash[TEMPLATE_HASH_LEN];
	auto_close int path_fd = -1;
	const char *key;
	int ret = template_key(shape, &template->arena, &key, hash, err);

	if (ret < 0)
		return ret;
	path_fd = fs_exists_at(AT_FDCWD, path) == 1 ? template_open_path(path, err) : -ENOENT;
	return path_fd < 0 ? path_fd : load(template, path_fd, path, hash, key, err);
}

/* Did making it fail a short while ago? Then it is not tried again so soon. */
static bool has_failed(int path_fd, const char *hash)
{
	char name[TEMPLATE_NAME_LEN];
	struct stat st;
	struct timespec now;

	(void)snprintf(name, sizeof(name), "%s.failed", hash);
	if (fstatat(path_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    clock_gettime(CLOCK_REALTIME, &now) < 0)
		return false;
	return now.tv_sec >= st.st_mtime && now.tv_sec - st.st_mtime < FAILED_FOR_S;
}

static void set_failed(int path_fd, const char *hash, const struct error *err)
{
	char name[TEMPLATE_NAME_LEN];

	(void)snprintf(name, sizeof(name), "%s.failed", hash);
	(void)!fs_replace_at(path_fd, name, err->text, strlen(err->text), 0600, false);
}

/* We hold the lock: nobody else makes or removes it. */
static int make_locked(struct template *template, int path_fd, const char *hash, const char *key,
		       const struct config *config, const struct machine *shape, struct error *err)
{
	const char *path = config->factory.template_path;
	int ret = load(template, path_fd, path, hash, key, err);

	if (ret == 0)
		return 0;
	if (ret != -ENOENT) {
		log_warning("template '%s/%s': %s; making it anew", path, hash, err->text);
		(void)!template_remove(path_fd, hash);
	}
	if (has_failed(path_fd, hash))
		return err_msg(err, -EAGAIN, "making a template failed a short while ago");
	ret = template_make(path_fd, path, hash, key, config, shape, err);
	if (ret == 0)
		ret = load(template, path_fd, path, hash, key, err);
	if (ret < 0 && ret != -EINTR)
		set_failed(path_fd, hash, err);
	return ret;
}

int template_get(struct template *template, const struct config *config,
		 const struct machine *shape, struct error *err)
{
	const char *path = config->factory.template_path;
	char hash[TEMPLATE_HASH_LEN], name[TEMPLATE_NAME_LEN];
	auto_close int path_fd = -1;
	auto_close int lock_fd = -1;
	const char *key;
	int ret = template_key(shape, &template->arena, &key, hash, err);

	if (ret < 0)
		return ret;
	path_fd = template_open_path(path, err);
	if (path_fd < 0)
		return path_fd;
	ret = load(template, path_fd, path, hash, key, err);
	if (ret == 0)
		return 0;
	(void)snprintf(name, sizeof(name), "%s.lock", hash);
	lock_fd = openat(path_fd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (lock_fd < 0)
		return err_set(err, -errno, "make '%s/%s'", path, name);
	progress_show("waiting for the template that another acrun makes");
	ret = fs_lock_wait(lock_fd, (int)config->runtime.create_container_timeout_s * 1000);
	progress_show(NULL);
	if (ret < 0)
		return err_set(err, ret, "wait for the template that another create makes");
	return make_locked(template, path_fd, hash, key, config, shape, err);
}

void template_discard(const struct template *template)
{
	const char *slash = template->dir ? strrchr(template->dir, '/') : NULL;
	auto_free char *path = slash ? strndup(template->dir, (size_t)(slash - template->dir))
				     : NULL;
	auto_close int path_fd = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (path_fd >= 0)
		(void)!template_remove(path_fd, slash + 1);
}

int template_remove_all(const char *path, struct error *err)
{
	auto_close int path_fd = -1;
	auto_dir DIR *dir = NULL;
	struct dirent *entry;

	if (fs_exists_at(AT_FDCWD, path) == 0)
		return 0;
	path_fd = template_open_path(path, err);
	if (path_fd < 0)
		return path_fd;
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		int ret;

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		ret = fs_remove_tree_at(path_fd, entry->d_name);
		if (ret < 0)
			return err_set(err, ret, "remove '%s/%s'", path, entry->d_name);
	}
	/* A mount point stays. */
	if (rmdir(path) < 0 && errno != EBUSY && errno != ENOTEMPTY)
		return err_set(err, -errno, "remove '%s'", path);
	return 0;
}

void template_done(struct template *template)
{
	cleanup_close(&template->state_fd);
	arena_done(&template->arena);
}
