/* Who a process runs as: numbers from config.json, or names looked up in the container's own
 * /etc/passwd and /etc/group. */
#ifndef AGENT_GUEST_USER_H
#define AGENT_GUEST_USER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/error.h"
#include "base/json.h"
#include "oci/spec.h"

/* The user of the older calls: a name or number each; user may also be "user:group". NULL or ""
 * means root. */
struct user_names {
	const char *user;
	const char *group;
	struct json_strs additional_groups;
};

enum { USER_GROUPS_MAX = 256, USER_HOME_MAX = 1024 };

struct user_ids {
	uid_t uid;
	gid_t gid;
	gid_t groups[USER_GROUPS_MAX];
	size_t n_groups;
};

struct user_entry {
	uint32_t uid;
	uint32_t gid;
	char home[USER_HOME_MAX];
};

/* Finds a passwd line by name, or by number when name is NULL. False when there is none. */
bool user_find_passwd(const char *text, const char *name, uint32_t uid, struct user_entry *entry);
/* Finds a group's number by name. */
bool user_find_group(const char *text, const char *name, uint32_t *gid);

/* Works out the numbers; `names` wins over `user` when not NULL. Reads the files below the current
 * root. */
int user_resolve(const struct oci_user *user, const struct user_names *names, struct user_ids *ids,
		 struct error *err) must_check;
/* Becomes that user: groups, gid, uid. Capabilities are the caller's business. */
int user_switch(const struct user_ids *ids, struct error *err) must_check;
/* The home directory of uid, "/" when unknown. */
void user_home(uid_t uid, char home[static USER_HOME_MAX]);

#endif
