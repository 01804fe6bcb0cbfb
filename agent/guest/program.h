/* From args[0] to a file that can be executed, in runc's words when it can't. */
#ifndef AGENT_GUEST_PROGRAM_H
#define AGENT_GUEST_PROGRAM_H

#include "base/error.h"
#include "base/json.h"

/* The value of a variable in "NAME=value" strings (the last one wins), or NULL. */
const char *program_getenv(const struct json_strs *env, const char *name);
/*
 * Finds the program as the current user, below the current root: a name with a slash as it stands,
 * others in the PATH of env. The caller frees *path.
 */
int program_find(const char *name, const struct json_strs *env, char **path, struct error *err)
	must_check;

#endif
