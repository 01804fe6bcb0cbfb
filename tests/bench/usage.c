#include "tests/bench/usage.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { LINE_MAX_LEN = 4352 };

static void add_line(const char *line, struct usage *usage)
{
	unsigned long long kib;

	if (sscanf(line, "Rss: %llu", &kib) == 1)
		usage->rss += kib;
	else if (sscanf(line, "Pss: %llu", &kib) == 1)
		usage->pss += kib;
	else if (sscanf(line, "Private_Clean: %llu", &kib) == 1 ||
		 sscanf(line, "Private_Dirty: %llu", &kib) == 1)
		usage->private += kib;
}

static FILE *open_maps(pid_t pid, const char *name, char *path, size_t size, struct error *err)
{
	FILE *file;

	(void)snprintf(path, size, "/proc/%lld/%s", (long long)pid, name);
	file = fopen(path, "re");
	if (!file)
		(void)err_set(err, -errno, "open '%s'", path);
	return file;
}

int usage_add_process(pid_t pid, struct usage *usage, struct error *err)
{
	char path[64], line[LINE_MAX_LEN];
	FILE *file = open_maps(pid, "smaps_rollup", path, sizeof(path), err);
	bool any = false;

	if (!file)
		return err->code;
	while (fgets(line, sizeof(line), file)) {
		add_line(line, usage);
		any = true;
	}
	(void)fclose(file);
	return any ? 0 : err_msg(err, -ESRCH, "process %lld has ended", (long long)pid);
}

/* Does this line begin a mapping ("55d0-55d8 r--p ...")? *ours: of such a file. */
static bool begins_mapping(const char *line, const char *prefix, bool *ours)
{
	unsigned long long from, to;
	const char *name;

	if (sscanf(line, "%llx-%llx ", &from, &to) != 2)
		return false;
	name = strrchr(line, '/');
	*ours = name && strncmp(name + 1, prefix, strlen(prefix)) == 0;
	return true;
}

int usage_add_mappings(pid_t pid, const char *prefix, struct usage *usage, struct error *err)
{
	char path[64], line[LINE_MAX_LEN];
	FILE *file = open_maps(pid, "smaps", path, sizeof(path), err);
	bool ours = false, any = false;

	if (!file)
		return err->code;
	while (fgets(line, sizeof(line), file)) {
		if (begins_mapping(line, prefix, &ours))
			any |= ours;
		else if (ours)
			add_line(line, usage);
	}
	(void)fclose(file);
	return any ? 0
		   : err_msg(err, -ENOENT, "process %lld maps no file '%s*'", (long long)pid,
			     prefix);
}
