/* What finding and making a template share. */
#ifndef RUNTIME_FACTORY_TEMPLATE_INTERNAL_H
#define RUNTIME_FACTORY_TEMPLATE_INTERNAL_H

#include "base/json.h"
#include "runtime/factory/template.h"

#define TEMPLATE_FILE "template.json"

enum { TEMPLATE_VERSION = 1, TEMPLATE_HASH_LEN = 17, TEMPLATE_NAME_LEN = 64 };

/* What a file looked like when the template was complete. */
struct template_file {
	const char *name;
	uint64_t size; /* bytes */
	uint64_t inode;
	int64_t ctime_ns; /* changes with every write and every change of owner or mode */
	uint64_t sum;	  /* of the content; 0: not taken (the memory is too large) */
};

/* template.json. */
struct template_record {
	uint32_t version;
	const char *key;
	const char *accelerator;
	struct template_file memory;
	struct template_file state;
};

extern const struct json_type template_record_type;

/*
 * The key of machines like `shape`: everything that shapes their memory and devices, as text. Files
 * are named with size, inode and time of their last change. Text in arena; hash receives its short
 * name.
 */
int template_key(const struct machine *shape, struct arena *arena, const char **key,
		 char hash[static TEMPLATE_HASH_LEN], struct error *err) must_check;

/* Describes an open file. */
int template_describe(int fd, const char *name, struct template_file *file, struct error *err)
	must_check;

/* Checksum of a whole file of at most some MiB; never 0. The file's position is moved to its end.
 */
int template_sum(int fd, uint64_t *sum, struct error *err) must_check;

/* Opens template_path, which it makes if need be; refuses one that others could have written to.
 * Returns the fd. */
int template_open_path(const char *path, struct error *err) must_check;

/* Boots a machine like `shape`, saves it and puts it into path_fd/<hash>. */
int template_make(int path_fd, const char *path, const char *hash, const char *key,
		  const struct config *config, const struct machine *shape, struct error *err)
	must_check;

/* Does the key name files that have changed or gone? Then nobody can want its template any more. */
bool template_key_is_stale(const char *key);

/*
 * Removes what nobody will use: what a killed maker left, templates with a stale key, and the
 * oldest of too many. `keep` is a hash that stays.
 */
void template_sweep(int path_fd, const char *keep);

/* Removes path_fd/<name>, in one step as others see it. */
int template_remove(int path_fd, const char *name) must_check;

#endif
