#include "runtime/sandbox/orphans.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "agent/proto/proxyhome.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/name.h"
#include "base/parse.h"
#include "runtime/sandbox/create_internal.h"
#include "runtime/sandbox/leftovers.h"

enum { CMDLINE_MAX = 1 << 20, ID_MAX = 256 };

/* Where the path begins with `root` and does not merely contain it. */
static bool is_start(const char *text, const char *at)
{
	return at == text || strchr("=,", at[-1]) != NULL || at[-1] == '\0' ||
	       (at - text >= 3 && !memcmp(at - 3, "://", 3));
}

/* The sandbox below root whose proxy's socket or share is in the command line. */
static bool find_id(const struct strbuf *cmdline, const char *root, char id[static ID_MAX])
{
	const char *end = cmdline->data + cmdline->len;
	size_t root_len = strlen(root);

	for (const char *at = cmdline->data; at && at < end; at++) {
		const char *name, *slash;

		at = memmem(at, (size_t)(end - at), root, root_len);
		if (!at)
			return false;
		name = at + root_len;
		if (*name != '/' || !is_start(cmdline->data, at))
			continue;
		slash = strchr(++name, '/');
		if (!slash || slash - name >= ID_MAX)
			continue;
		if (strncmp(slash + 1, PROXYHOME_SOCKET, strlen(PROXYHOME_SOCKET)) != 0 &&
		    strncmp(slash + 1, MACHINE_SHARE, strlen(MACHINE_SHARE)) != 0)
			continue;
		(void)snprintf(id, ID_MAX, "%.*s", (int)(slash - name), name);
		return name_is_valid(id);
	}
	return false;
}

/* Somebody's editor may have the same path on its command line: a helper is known by its program, a
 * VMM by the name of its machine. */
static bool is_ours(uint32_t pid, const struct strbuf *cmdline, const char *id)
{
	char path[64], exe[PATH_MAX], name[ID_MAX + 16];
	const char *base;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%u/exe", pid);
	n = readlink(path, exe, sizeof(exe) - 1);
	if (n < 0)
		return false;
	exe[n] = '\0';
	base = strrchr(exe, '/');
	(void)snprintf(name, sizeof(name), "sandbox-%s", id);
	return (base && !strncmp(base, "/acrun-", 7)) ||
	       memmem(cmdline->data, cmdline->len, name, strlen(name));
}

static bool is_orphan(uint32_t pid, const char *root, char id[static ID_MAX])
{
	auto_strbuf struct strbuf cmdline = { 0 };
	auto_free char *dir = NULL;
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%u/cmdline", pid);
	if (fs_read_file_at(AT_FDCWD, path, &cmdline, CMDLINE_MAX) < 0 || cmdline.len == 0)
		return false;
	if (!find_id(&cmdline, root, id) || !is_ours(pid, &cmdline, id))
		return false;
	if (asprintf(&dir, "%s/%s", root, id) < 0) {
		dir = NULL;
		return false;
	}
	return fs_exists_at(AT_FDCWD, dir) == 0;
}

static void end_all(const char *root, const char *id)
{
	auto_free char *dir = NULL;

	if (asprintf(&dir, "%s/%s", root, id) < 0) {
		dir = NULL;
		return;
	}
	(void)leftovers_end(dir);
}

void orphans_end(const char *root, bool dry_run, void (*tell)(const void *arg, const char *id),
		 const void *arg)
{
	auto_dir DIR *proc = opendir("/proc");
	char told[ID_MAX] = "";
	struct dirent *entry;

	while (proc && (entry = readdir(proc))) {
		char id[ID_MAX];
		uint32_t pid;

		if (parse_u32(entry->d_name, &pid) < 0 || (pid_t)pid == getpid() ||
		    !is_orphan(pid, root, id))
			continue;
		/* Those of one sandbox mostly follow each other; once ended they are not met again.
		 */
		if (strcmp(told, id) != 0)
			tell(arg, id);
		(void)snprintf(told, sizeof(told), "%s", id);
		if (!dry_run)
			end_all(root, id);
	}
}
