#include "agent/guest/mount_options.h"

#include <linux/mount.h>
#include <string.h>
#include <sys/mount.h>

#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif

enum option_kind { SET, CLEAR, PROPAGATION, COPY_UP, ID_MAP, TREE_SET, TREE_CLEAR };

static const struct option {
	const char *name;
	enum option_kind kind;
	unsigned long flags;
} table[] = {
	{ "async", CLEAR, MS_SYNCHRONOUS },
	{ "atime", CLEAR, MS_NOATIME },
	{ "bind", SET, MS_BIND },
	{ "defaults", SET, 0 },
	{ "dev", CLEAR, MS_NODEV },
	{ "diratime", CLEAR, MS_NODIRATIME },
	{ "dirsync", SET, MS_DIRSYNC },
	{ "exec", CLEAR, MS_NOEXEC },
	{ "idmap", ID_MAP, 0 },
	{ "iversion", SET, MS_I_VERSION },
	{ "lazytime", SET, MS_LAZYTIME },
	{ "loud", CLEAR, MS_SILENT },
	{ "mand", SET, MS_MANDLOCK },
	{ "noatime", SET, MS_NOATIME },
	{ "nodev", SET, MS_NODEV },
	{ "nodiratime", SET, MS_NODIRATIME },
	{ "noexec", SET, MS_NOEXEC },
	{ "noiversion", CLEAR, MS_I_VERSION },
	{ "nolazytime", CLEAR, MS_LAZYTIME },
	{ "nomand", CLEAR, MS_MANDLOCK },
	{ "norelatime", CLEAR, MS_RELATIME },
	{ "nostrictatime", CLEAR, MS_STRICTATIME },
	{ "nosuid", SET, MS_NOSUID },
	{ "nosymfollow", SET, MS_NOSYMFOLLOW },
	{ "private", PROPAGATION, MS_PRIVATE },
	{ "ratime", TREE_CLEAR, MOUNT_ATTR_NOATIME },
	{ "rbind", SET, MS_BIND | MS_REC },
	{ "rdev", TREE_CLEAR, MOUNT_ATTR_NODEV },
	{ "rdiratime", TREE_CLEAR, MOUNT_ATTR_NODIRATIME },
	{ "relatime", SET, MS_RELATIME },
	{ "remount", SET, MS_REMOUNT },
	{ "rexec", TREE_CLEAR, MOUNT_ATTR_NOEXEC },
	{ "ridmap", ID_MAP, 0 },
	{ "rnoatime", TREE_SET, MOUNT_ATTR_NOATIME },
	{ "rnodev", TREE_SET, MOUNT_ATTR_NODEV },
	{ "rnodiratime", TREE_SET, MOUNT_ATTR_NODIRATIME },
	{ "rnoexec", TREE_SET, MOUNT_ATTR_NOEXEC },
	{ "rnorelatime", TREE_CLEAR, MOUNT_ATTR_RELATIME },
	{ "rnostrictatime", TREE_CLEAR, MOUNT_ATTR_STRICTATIME },
	{ "rnosuid", TREE_SET, MOUNT_ATTR_NOSUID },
	{ "rnosymfollow", TREE_SET, MOUNT_ATTR_NOSYMFOLLOW },
	{ "ro", SET, MS_RDONLY },
	{ "rprivate", PROPAGATION, MS_PRIVATE | MS_REC },
	{ "rrelatime", TREE_SET, MOUNT_ATTR_RELATIME },
	{ "rro", TREE_SET, MOUNT_ATTR_RDONLY },
	{ "rrw", TREE_CLEAR, MOUNT_ATTR_RDONLY },
	{ "rshared", PROPAGATION, MS_SHARED | MS_REC },
	{ "rslave", PROPAGATION, MS_SLAVE | MS_REC },
	{ "rstrictatime", TREE_SET, MOUNT_ATTR_STRICTATIME },
	{ "rsuid", TREE_CLEAR, MOUNT_ATTR_NOSUID },
	{ "rsymfollow", TREE_CLEAR, MOUNT_ATTR_NOSYMFOLLOW },
	{ "runbindable", PROPAGATION, MS_UNBINDABLE | MS_REC },
	{ "rw", CLEAR, MS_RDONLY },
	{ "shared", PROPAGATION, MS_SHARED },
	{ "silent", SET, MS_SILENT },
	{ "slave", PROPAGATION, MS_SLAVE },
	{ "strictatime", SET, MS_STRICTATIME },
	{ "suid", CLEAR, MS_NOSUID },
	{ "symfollow", CLEAR, MS_NOSYMFOLLOW },
	{ "sync", SET, MS_SYNCHRONOUS },
	{ "tmpcopyup", COPY_UP, 0 },
	{ "unbindable", PROPAGATION, MS_UNBINDABLE },
};

static const struct option *find_option(const char *name)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	return NULL;
}

/* The three ways to keep access times are one number, not bits: who changes it clears it first. */
static bool is_atime(const struct option *row)
{
	return row->flags == MOUNT_ATTR_RELATIME || (row->flags & MOUNT_ATTR__ATIME) != 0;
}

static void apply_to_tree(struct mount_options *options, const struct option *row)
{
	uint64_t all = is_atime(row) ? MOUNT_ATTR__ATIME : row->flags;

	options->tree_set &= ~all;
	options->tree_cleared |= all;
	if (row->kind == TREE_SET)
		options->tree_set |= row->flags;
	if (row->kind == TREE_SET && !is_atime(row))
		options->tree_cleared &= ~all;
}

static void apply_option(struct mount_options *options, const struct option *row)
{
	switch (row->kind) {
	case SET:
		options->flags |= row->flags;
		options->cleared &= ~row->flags;
		break;
	case CLEAR:
		options->flags &= ~row->flags;
		options->cleared |= row->flags;
		break;
	case PROPAGATION:
		options->propagation = row->flags;
		break;
	case COPY_UP:
		options->copy_up = true;
		break;
	case ID_MAP:
		options->id_map = true;
		break;
	case TREE_SET:
	case TREE_CLEAR:
		apply_to_tree(options, row);
		break;
	}
}

int mount_options_parse(const struct json_strs *list, struct mount_options *options)
{
	*options = (struct mount_options){ 0 };
	for (size_t i = 0; i < list->len; i++) {
		const struct option *row = find_option(list->items[i]);

		if (row) {
			apply_option(options, row);
			continue;
		}
		if (options->data.len > 0)
			(void)strbuf_addc(&options->data, ',');
		(void)strbuf_adds(&options->data, list->items[i]);
	}
	return strbuf_error(&options->data);
}
