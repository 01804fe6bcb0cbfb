#include "agent/guest/program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/guest/fail.h"
#include "base/cleanup.h"

const char *program_getenv(const struct json_strs *env, const char *name)
{
	size_t len = strlen(name);
	const char *value = NULL;

	for (size_t i = 0; i < env->len; i++)
		if (strncmp(env->items[i], name, len) == 0 && env->items[i][len] == '=')
			value = env->items[i] + len + 1;
	return value;
}

/* 0, or why it can't be run: -EACCES for what is there but no program. */
static int check_program(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode) || !(st.st_mode & 0111))
		return -EACCES;
	/* access(2) knows nothing of the capabilities that exec has. A filter that is in force may
	 * refuse to tell: then exec does */
	if (syscall(SYS_faccessat2, AT_FDCWD, path, X_OK, AT_EACCESS) == 0 || errno == EPERM ||
	    errno == ENOSYS)
		return 0;
	return -errno;
}

static int find_in_path(const char *name, const char *dirs, char **path)
{
	while (dirs && *dirs) {
		size_t len = strcspn(dirs, ":");
		auto_free char *candidate = NULL;

		if (asprintf(&candidate, "%.*s/%s", (int)len, len ? dirs : "", name) < 0)
			candidate = NULL;
		if (!candidate)
			return -ENOMEM;
		if (check_program(len ? candidate : name) == 0) {
			*path = take_ptr(&candidate);
			return 0;
		}
		dirs += len;
		dirs += *dirs == ':';
	}
	return -ENOENT;
}

int program_find(const char *name, const struct json_strs *env, char **path, struct error *err)
{
	int ret;

	*path = NULL;
	if (!strchr(name, '/')) {
		if (*name && find_in_path(name, program_getenv(env, "PATH"), path) == 0)
			return 0;
		return err_msg(err, -ENOENT, "exec: \"%s\": executable file not found in $PATH",
			       name);
	}
	ret = check_program(name);
	if (ret == -EACCES || ret == -EPERM)
		return err_msg(err, -EACCES, "exec: \"%s\": permission denied", name);
	if (ret == -EISDIR)
		return err_msg(err, -EISDIR, "exec: \"%s\": is a directory", name);
	if (ret < 0)
		return fail_set(err, ret, "exec: \"%s\": stat %s", name, name);
	*path = strdup(name);
	return *path ? 0 : fail_set(err, -ENOMEM, "exec: \"%s\"", name);
}
