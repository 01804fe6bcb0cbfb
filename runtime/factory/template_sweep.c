/* Which templates have had their day. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/uuid.h"
#include "runtime/factory/template_internal.h"

enum { TEMPLATES_MAX = 4, RECORD_MAX = 64 << 10 };

static bool has_prefix(const char *name, const char *prefix)
{
	return !strncmp(name, prefix, strlen(prefix));
}

/* A directory that its maker does not hold any more. */
static bool is_left_over(int path_fd, const char *name)
{
	auto_close int fd = openat(path_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;
}

static bool is_stale(int path_fd, const char *name)
{
	auto_close int fd = openat(path_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	auto_arena struct arena arena = { 0 };
	auto_strbuf struct strbuf text = { 0 };
	struct template_record record;

	if (fd < 0 || fs_read_file_at(fd, TEMPLATE_FILE, &text, RECORD_MAX) < 0)
		return true;
	if (json_decode(&template_record_type, strbuf_str(&text), text.len, NULL, &arena, &record,
			NULL) < 0)
		return true;
	return record.version != TEMPLATE_VERSION || template_key_is_stale(record.key);
}

/* The template that was made first; counts them all. */
static unsigned find_oldest(int path_fd, DIR *dir, const char *keep,
			    char oldest[static TEMPLATE_HASH_LEN])
{
	struct dirent *entry;
	struct timespec least = { 0 };
	unsigned n = 0;

	rewinddir(dir);
	while ((entry = readdir(dir))) {
		struct stat st;

		if (strlen(entry->d_name) != TEMPLATE_HASH_LEN - 1 || !strcmp(entry->d_name, keep))
			continue;
		if (fstatat(path_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISDIR(st.st_mode))
			continue;
		if (n++ > 0 &&
		    (st.st_mtim.tv_sec > least.tv_sec ||
		     (st.st_mtim.tv_sec == least.tv_sec && st.st_mtim.tv_nsec > least.tv_nsec)))
			continue;
		least = st.st_mtim;
		memcpy(oldest, entry->d_name, TEMPLATE_HASH_LEN);
	}
	return n;
}

int template_remove(int path_fd, const char *name)
{
	char dead[TEMPLATE_NAME_LEN], uuid[UUID_TEXT_LEN];

	uuid_generate_text(uuid);
	(void)snprintf(dead, sizeof(dead), "dead-%s", uuid);
	if (renameat(path_fd, name, path_fd, dead) < 0)
		return errno == ENOENT ? 0 : -errno;
	return fs_remove_tree_at(path_fd, dead);
}

void template_sweep(int path_fd, const char *keep)
{
	int fd = openat(path_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_dir DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	char oldest[TEMPLATE_HASH_LEN];
	struct dirent *entry;

	if (!dir) {
		cleanup_close(&fd);
		return;
	}
	while ((entry = readdir(dir))) {
		const char *name = entry->d_name;

		if ((has_prefix(name, "new-") || has_prefix(name, "dead-")) &&
		    is_left_over(path_fd, name))
			(void)!fs_remove_tree_at(path_fd, name);
		else if (strlen(name) == TEMPLATE_HASH_LEN - 1 && strcmp(name, keep) != 0 &&
			 is_stale(path_fd, name))
			(void)!template_remove(path_fd, name);
	}
	while (find_oldest(path_fd, dir, keep, oldest) >= TEMPLATES_MAX)
		if (template_remove(path_fd, oldest) < 0)
			return;
}
