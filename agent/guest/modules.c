#include "agent/guest/modules.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/log.h"

enum { LIST_MAX = 64 << 10, STATE_MAX = 64, DEPTH_MAX = 8 };

static bool is_name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-';
}

/* Length of the module name at text; 0 when there is none. */
static size_t name_len(const char *text)
{
	size_t len = 0;

	while (is_name_char(text[len]))
		len++;
	return len;
}

static bool same_name(const char *a, const char *b, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char x = a[i] == '-' ? '_' : a[i];
		char y = b[i] == '-' ? '_' : b[i];

		if (x != y || x == '\0')
			return false;
	}
	return b[len] == '\0';
}

bool modules_next_name(const char **text, char name[static MODULE_NAME_MAX])
{
	const char *at = *text;

	while (*at) {
		size_t line = strcspn(at, "\n");
		const char *start = at + strspn(at, " \t\r");
		size_t len = name_len(start);
		size_t rest = len + strspn(start + len, " \t\r");

		at += line;
		at += *at == '\n';
		if (len == 0 || len >= MODULE_NAME_MAX ||
		    (start[rest] != '\n' && start[rest] != '\0' && start[rest] != '#'))
			continue;
		memcpy(name, start, len);
		name[len] = '\0';
		*text = at;
		return true;
	}
	*text = at;
	return false;
}

const char *modules_find_deps(const char *table, const char *name)
{
	while (*table) {
		size_t len = name_len(table);

		if (table[len] == ':' && same_name(table, name, len))
			return table + len + 1;
		table += strcspn(table, "\n");
		table += *table == '\n';
	}
	return NULL;
}

bool modules_next_alias(const char **text, const char *request, char name[static MODULE_NAME_MAX])
{
	const char *at = *text;
	bool found = false;

	while (*at && !found) {
		size_t line = strcspn(at, "\n");
		size_t alias = strcspn(at, " \n");
		const char *module = at + alias + strspn(at + alias, " ");
		size_t len = name_len(module);

		if (alias < line && same_name(at, request, alias) && len > 0 &&
		    len < MODULE_NAME_MAX) {
			memcpy(name, module, len);
			name[len] = '\0';
			found = true;
		}
		at += line;
		at += *at == '\n';
	}
	*text = at;
	return found;
}

/* Opens MODULES_DIR/<name>.ko, with either spelling of its dashes. */
static int open_module(const char *name)
{
	char path[sizeof(MODULES_DIR) + MODULE_NAME_MAX + 8];
	int fd = -1;

	for (int attempt = 0; attempt < 3 && fd < 0; attempt++) {
		int n = snprintf(path, sizeof(path), MODULES_DIR "/%s.ko", name);

		if (n < 0 || (size_t)n >= sizeof(path))
			return -ENAMETOOLONG;
		for (char *c = path + sizeof(MODULES_DIR); attempt > 0 && *c; c++)
			if (*c == '-' || *c == '_')
				*c = attempt == 1 ? '_' : '-';
		fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	return fd < 0 ? -errno : fd;
}

bool modules_have(const char *name)
{
	auto_close int fd = open_module(name);

	return fd >= 0;
}

/* Is it there, and done with its start? Its directory comes first. The kernel spells names with
 * underscores. */
static bool is_loaded(const char *name)
{
	char path[sizeof("/sys/module//initstate") + MODULE_NAME_MAX];
	auto_strbuf struct strbuf state = { 0 };
	int n = snprintf(path, sizeof(path), "/sys/module/%s/initstate", name);

	if (n < 0 || (size_t)n >= sizeof(path))
		return false;
	for (char *c = path + sizeof("/sys/module/") - 1; *c; c++)
		if (*c == '-')
			*c = '_';
	return fs_read_file_at(AT_FDCWD, path, &state, STATE_MAX) == 0 &&
	       strcmp(strbuf_str(&state), "live\n") == 0;
}

static int insert_module(const char *name)
{
	auto_close int fd = open_module(name);

	if (fd < 0)
		return fd;
	if (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST)
		return -errno;
	return 0;
}

static int load_with_deps(const char *table, const char *name, int depth)
{
	const char *deps = modules_find_deps(table, name);

	while (deps && *deps && *deps != '\n' && depth < DEPTH_MAX) {
		char dep[MODULE_NAME_MAX];
		size_t len = name_len(deps += strspn(deps, " \t"));

		if (len == 0 || len >= sizeof(dep))
			break;
		memcpy(dep, deps, len);
		dep[len] = '\0';
		/* what is missing may be built in: the module itself will tell */
		(void)load_with_deps(table, dep, depth + 1);
		deps += len;
	}
	return insert_module(name);
}

int modules_load(const char *name)
{
	auto_strbuf struct strbuf table = { 0 };

	if (name_len(name) == 0 || name_len(name) >= MODULE_NAME_MAX || name[name_len(name)])
		return -EINVAL;
	/* loading it once more would go as far as linking it */
	if (is_loaded(name))
		return 0;
	(void)!fs_read_file_at(AT_FDCWD, MODULES_DIR "/deps", &table, LIST_MAX);
	return load_with_deps(strbuf_str(&table), name, 0);
}

void modules_load_list(const char *file)
{
	auto_strbuf struct strbuf list = { 0 };
	char path[256];
	char name[MODULE_NAME_MAX];
	const char *at;

	if (snprintf(path, sizeof(path), MODULES_DIR "/%s", file) < 0 ||
	    fs_read_file_at(AT_FDCWD, path, &list, LIST_MAX) < 0)
		return;
	at = strbuf_str(&list);
	while (modules_next_name(&at, name)) {
		int ret = insert_module(name);

		if (ret < 0)
			log_warning("load module '%s': %s", name, strerror(-ret));
	}
}

int modules_modprobe(int argc, char **argv)
{
	auto_strbuf struct strbuf table = { 0 };
	char name[MODULE_NAME_MAX];
	const char *request;
	const char *at;
	bool loaded = false;

	/* modprobe -q -- NAME */
	if (argc < 2)
		return 1;
	request = argv[argc - 1];
	(void)!fs_read_file_at(AT_FDCWD, MODULES_DIR "/aliases", &table, LIST_MAX);
	at = strbuf_str(&table);
	while (modules_next_alias(&at, request, name))
		loaded |= modules_load(name) == 0;
	return loaded || modules_load(request) == 0 ? 0 : 1;
}
