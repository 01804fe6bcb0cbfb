#include "runtime/cgroup/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/proc.h"
#include "base/strbuf.h"

enum {
	FILE_BYTES_MAX = 64 << 10,
	DYING_TRIES = 3,
	DYING_TIMEOUT_MS = 2000, /* how long a process that was killed may take to leave */
};

/* A new cpuset has no processors, and takes no process, before it is told. */
static int inherit_cpuset(int parent_fd, int fd)
{
	static const char *const files[] = { "cpuset.cpus", "cpuset.mems" };

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		auto_strbuf struct strbuf text = { 0 };
		int ret;

		if (!fs_exists_at(fd, files[i]) || !fs_exists_at(fd, "cgroup.clone_children"))
			return 0;
		ret = fs_read_file_at(fd, files[i], &text, FILE_BYTES_MAX);
		if (ret < 0)
			return ret;
		if (strbuf_str(&text)[0] != '\n' && text.len > 0)
			continue;
		strbuf_clear(&text);
		ret = fs_read_file_at(parent_fd, files[i], &text, FILE_BYTES_MAX);
		if (ret == 0)
			ret = fs_write_file_at(fd, files[i], strbuf_str(&text));
		if (ret < 0)
			return ret;
	}
	return 0;
}

/* Version 2: what the parent does not hand on, its children do not have. One that cannot be handed
 * on is missed by its limit, if there is one. */
static void hand_on_controllers(int fd)
{
	static const char *const controllers[] = { "+cpu", "+cpuset", "+memory", "+pids", "+io" };

	if (!fs_exists_at(fd, "cgroup.subtree_control"))
		return;
	for (size_t i = 0; i < sizeof(controllers) / sizeof(controllers[0]); i++)
		(void)!fs_write_file_at(fd, "cgroup.subtree_control", controllers[i]);
}

/* Descends from the hierarchy's root, for each level needs the one above. */
static int make_one(const char *dir, struct error *err)
{
	auto_close int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (const char *part = dir + 1; fd >= 0 && *part;) {
		size_t len = strcspn(part, "/");
		auto_close int child = -1;
		char name[NAME_MAX + 1];
		bool is_cgroup = fs_exists_at(fd, "cgroup.procs") > 0;
		int ret = 0;

		if (len > NAME_MAX)
			return err_set(err, -ENAMETOOLONG, "make the cgroup '%s'", dir);
		(void)snprintf(name, sizeof(name), "%.*s", (int)len, part);
		part += len + (part[len] == '/');
		if (len == 0)
			continue;
		if (is_cgroup)
			hand_on_controllers(fd);
		if (is_cgroup && mkdirat(fd, name, 0755) < 0 && errno != EEXIST)
			return err_set(err, -errno, "make the cgroup '%s'", dir);
		child = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (child < 0)
			return err_set(err, -errno, "open the cgroup '%s'", dir);
		if (is_cgroup)
			ret = inherit_cpuset(fd, child);
		if (ret < 0)
			return err_set(err, ret, "give '%s' its parent's cpuset", dir);
		cleanup_close(&fd);
		fd = take_fd(&child);
	}
	return fd < 0 ? err_set(err, -errno, "open '/'") : 0;
}

static bool has_processes(const char *dir)
{
	auto_close int fd = fs_open_dir_at(AT_FDCWD, dir);
	auto_strbuf struct strbuf text = { 0 };

	return fd >= 0 && fs_read_file_at(fd, "cgroup.procs", &text, FILE_BYTES_MAX) != -ENOENT &&
	       text.len > 0;
}

/* Whoever entered it, or what is made below it, would stand still: us. */
static bool is_frozen(const char *dir)
{
	static const struct {
		const char *file, *word;
	} signs[] = {
		{ "freezer.state", "FROZEN" },
		{ "freezer.state", "FREEZING" },
		{ "cgroup.events", "frozen 1" },
	};
	char path[PATH_MAX];
	auto_close int fd = -1;
	int len = snprintf(path, sizeof(path), "%s", dir);

	if (len >= PATH_MAX)
		return false;
	for (char *end = path + len; (fd = fs_open_dir_at(AT_FDCWD, path)) == -ENOENT; *end = '\0')
		if (!(end = strrchr(path, '/')) || end == path)
			return false;
	for (size_t i = 0; fd >= 0 && i < sizeof(signs) / sizeof(signs[0]); i++) {
		auto_strbuf struct strbuf text = { 0 };

		if (fs_read_file_at(fd, signs[i].file, &text, FILE_BYTES_MAX) == 0 &&
		    strstr(strbuf_str(&text), signs[i].word))
			return true;
	}
	return false;
}

int cgroup_make(const struct json_strs *dirs, struct error *err)
{
	int ret = 0;

	for (size_t i = 0; i < dirs->len; i++)
		if (is_frozen(dirs->items[i]))
			return err_msg(err, -EBUSY,
				       "container's cgroup unexpectedly frozen: '%s' (thaw it, or "
				       "choose another linux.cgroupsPath)",
				       dirs->items[i]);
	for (size_t i = 0; i < dirs->len; i++)
		if (has_processes(dirs->items[i]))
			return err_msg(err, -EBUSY,
				       "container's cgroup is not empty: '%s' has processes "
				       "(another container's? choose another linux.cgroupsPath)",
				       dirs->items[i]);
	for (size_t i = 0; ret == 0 && i < dirs->len; i++)
		ret = make_one(dirs->items[i], err);
	return ret;
}

int cgroup_join(const struct json_strs *dirs, pid_t pid, struct error *err)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%lld", (long long)pid);
	for (size_t i = 0; i < dirs->len; i++) {
		auto_close int fd = fs_open_dir_at(AT_FDCWD, dirs->items[i]);
		int ret = fd < 0 ? fd : fs_write_file_at(fd, "cgroup.procs", text);

		if (ret < 0)
			return err_set(err, ret, "put process %s into the cgroup '%s'", text,
				       dirs->items[i]);
	}
	return 0;
}

/* Version 1 has no event for the last process that leaves, but each process has one. */
static void wait_for_leavers(const char *dir)
{
	auto_close int fd = fs_open_dir_at(AT_FDCWD, dir);
	auto_strbuf struct strbuf text = { 0 };

	if (fd < 0 || fs_read_file_at(fd, "cgroup.procs", &text, FILE_BYTES_MAX) < 0)
		return;
	for (const char *line = strbuf_str(&text); *line; line += strspn(line, "\n")) {
		struct proc_id id;
		long long pid;

		if (sscanf(line, "%lld", &pid) == 1 && proc_identify((pid_t)pid, &id) == 0 &&
		    proc_wait_gone(&id, DYING_TIMEOUT_MS) < 0)
			return;
		line += strcspn(line, "\n");
	}
}

static int remove_one(const char *dir, int max_tries)
{
	for (int tries = 1; rmdir(dir) < 0; tries++) {
		if (errno == ENOENT)
			return 0;
		if (errno != EBUSY || tries == max_tries)
			return -errno;
		wait_for_leavers(dir);
	}
	return 0;
}

int cgroup_remove(const struct json_strs *dirs, struct error *err)
{
	int first = 0;

	for (size_t i = 0; i < dirs->len; i++) {
		/* Who does not leave the first stays in all. */
		int ret = remove_one(dirs->items[i], first < 0 ? 1 : DYING_TRIES);

		if (ret < 0 && first == 0)
			first = err_set(err, ret, "remove the cgroup '%s'", dirs->items[i]);
	}
	return first;
}
