/* Kernel modules: lists in load order, tables of dependencies and aliases, and the kernel's own
 * requests (modprobe). */
#ifndef AGENT_GUEST_MODULES_H
#define AGENT_GUEST_MODULES_H

#include <stdbool.h>
#include <stddef.h>
#include "base/error.h"
#include "base/strbuf.h"

#define MODULES_DIR "/lib/modules"

enum { MODULE_NAME_MAX = 64 };

/*
 * Takes the next name of a list (one a line, blanks around it skipped, "#" starts a comment).
 * `text` is moved on. False at the end. Names that could not be a module's are skipped.
 */
bool modules_next_name(const char **text, char name[static MODULE_NAME_MAX]);
/*
 * Finds the line "name: dep1 dep2" in a dependency table; '-' and '_' are the same. Returns the
 * text behind the colon (up to the line's end), or NULL.
 */
const char *modules_find_deps(const char *table, const char *name);
/*
 * Takes the next line "alias module" of a table whose alias is the request ('-' and '_' are the
 * same); `text` is moved on. False when there is none left.
 */
bool modules_next_alias(const char **text, const char *request, char name[static MODULE_NAME_MAX]);

/* Loads all modules of a list file in MODULES_DIR. A missing list is fine; what could not be loaded
 * is logged. */
void modules_load_list(const char *file);
/* Is there a file to load it from? */
bool modules_have(const char *name);
/* Loads a module after those it needs. Built in or not there is -ENOENT. */
int modules_load(const char *name) must_check;
/* What the kernel runs as modprobe. Returns the exit status. */
int modules_modprobe(int argc, char **argv);

#endif
