#include "agent/guest/user.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/guest/fail.h"
#include "base/fs.h"
#include "base/parse.h"

enum { FILE_MAX_BYTES = 4 << 20, FIELDS_MAX = 7 };

struct field {
	const char *text;
	size_t len;
};

/* Splits one line at its colons; returns the number of fields. *line moves to the next line. */
static size_t split_line(const char **line, struct field fields[static FIELDS_MAX])
{
	const char *at = *line;
	size_t n = 0;

	for (;;) {
		size_t len = strcspn(at, ":\n");

		if (n < FIELDS_MAX)
			fields[n++] = (struct field){ .text = at, .len = len };
		at += len;
		if (*at != ':')
			break;
		at++;
	}
	*line = at + (*at == '\n');
	return n;
}

static bool field_is(const struct field *field, const char *text)
{
	return strlen(text) == field->len && memcmp(field->text, text, field->len) == 0;
}

static bool field_number(const struct field *field, uint32_t *out)
{
	char text[16];

	if (field->len == 0 || field->len >= sizeof(text))
		return false;
	memcpy(text, field->text, field->len);
	text[field->len] = '\0';
	return parse_u32(text, out) == 0;
}

bool user_find_passwd(const char *text, const char *name, uint32_t uid, struct user_entry *entry)
{
	struct field fields[FIELDS_MAX];

	while (*text) {
		size_t n = split_line(&text, fields);

		/* name:password:uid:gid:comment:home:shell */
		if (n < 4 || !field_number(&fields[2], &entry->uid) ||
		    !field_number(&fields[3], &entry->gid))
			continue;
		if (name ? !field_is(&fields[0], name) : entry->uid != uid)
			continue;
		entry->home[0] = '\0';
		if (n > 5 && fields[5].len < sizeof(entry->home)) {
			memcpy(entry->home, fields[5].text, fields[5].len);
			entry->home[fields[5].len] = '\0';
		}
		return true;
	}
	return false;
}

bool user_find_group(const char *text, const char *name, uint32_t *gid)
{
	struct field fields[FIELDS_MAX];

	while (*text)
		/* name:password:gid:members */
		if (split_line(&text, fields) >= 3 && field_is(&fields[0], name) &&
		    field_number(&fields[2], gid))
			return true;
	return false;
}

static int resolve_group(const char *group, uint32_t *gid, struct error *err)
{
	auto_strbuf struct strbuf text = { 0 };

	if (parse_u32(group, gid) == 0)
		return 0;
	(void)!fs_read_file_at(AT_FDCWD, "/etc/group", &text, FILE_MAX_BYTES);
	if (!user_find_group(strbuf_str(&text), group, gid))
		return err_msg(err, -ENOENT,
			       "unable to find group %s: no matching entries in group file", group);
	return 0;
}

static int resolve_user(const char *user, struct user_ids *ids, struct error *err)
{
	auto_strbuf struct strbuf text = { 0 };
	struct user_entry entry;
	uint32_t uid = 0;
	bool numeric = parse_u32(user, &uid) == 0;

	(void)!fs_read_file_at(AT_FDCWD, "/etc/passwd", &text, FILE_MAX_BYTES);
	if (user_find_passwd(strbuf_str(&text), numeric ? NULL : user, uid, &entry)) {
		ids->uid = entry.uid;
		ids->gid = entry.gid;
		return 0;
	}
	if (!numeric)
		return err_msg(err, -ENOENT,
			       "unable to find user %s: no matching entries in passwd file", user);
	ids->uid = uid;
	return 0;
}

/* All ones mean "leave it as it is" to the kernel: that would be root. */
static int check_range(const struct user_ids *ids, struct error *err)
{
	bool good = ids->uid <= INT32_MAX && ids->gid <= INT32_MAX;

	for (size_t i = 0; i < ids->n_groups; i++)
		good = good && ids->groups[i] <= INT32_MAX;
	return good ? 0
		    : err_msg(err, -EINVAL,
			      "unable to setup user: uids and gids must be in range 0-%d",
			      INT32_MAX);
}

static int resolve_names(const struct user_names *names, struct user_ids *ids, struct error *err)
{
	char user[256];
	const char *group = names->group;
	char *colon;
	int ret;

	if (snprintf(user, sizeof(user), "%s", names->user && *names->user ? names->user : "0") >=
	    (int)sizeof(user))
		return err_msg(err, -EINVAL, "user name too long");
	colon = strchr(user, ':');
	if (colon) {
		*colon = '\0';
		group = colon + 1;
	}
	ret = resolve_user(user, ids, err);
	if (ret == 0 && group && *group)
		ret = resolve_group(group, &ids->gid, err);
	for (size_t i = 0;
	     ret == 0 && i < names->additional_groups.len && ids->n_groups < USER_GROUPS_MAX; i++)
		ret = resolve_group(names->additional_groups.items[i],
				    &ids->groups[ids->n_groups++], err);
	return ret < 0 ? ret : check_range(ids, err);
}

int user_resolve(const struct oci_user *user, const struct user_names *names, struct user_ids *ids,
		 struct error *err)
{
	*ids = (struct user_ids){ 0 };
	if (names)
		return resolve_names(names, ids, err);
	ids->uid = user->uid;
	ids->gid = user->gid;
	if (user->additional_gids.len > USER_GROUPS_MAX)
		return err_msg(err, -EINVAL, "more than %d additional groups", USER_GROUPS_MAX);
	for (size_t i = 0; i < user->additional_gids.len; i++)
		ids->groups[ids->n_groups++] = (gid_t)user->additional_gids.items[i];
	return check_range(ids, err);
}

int user_switch(const struct user_ids *ids, struct error *err)
{
	if (setgroups(ids->n_groups, ids->groups) < 0)
		return fail_set(err, -errno, "set additional groups");
	if (setresgid(ids->gid, ids->gid, ids->gid) < 0)
		return fail_set(err, -errno, "setgid %u", ids->gid);
	if (setresuid(ids->uid, ids->uid, ids->uid) < 0)
		return fail_set(err, -errno, "setuid %u", ids->uid);
	return 0;
}

void user_home(uid_t uid, char home[static USER_HOME_MAX])
{
	auto_strbuf struct strbuf text = { 0 };
	struct user_entry entry;

	(void)!fs_read_file_at(AT_FDCWD, "/etc/passwd", &text, FILE_MAX_BYTES);
	if (!user_find_passwd(strbuf_str(&text), NULL, uid, &entry) || !entry.home[0])
		(void)snprintf(entry.home, sizeof(entry.home), "/");
	memcpy(home, entry.home, sizeof(entry.home));
}
