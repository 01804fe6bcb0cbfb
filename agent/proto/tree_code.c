#include "agent/proto/tree_code.h"

#include <errno.h>
#include <linux/limits.h>
#include <string.h>
#include <sys/xattr.h>

enum {
	AT_KIND = 0,
	AT_FLAGS = 1,
	AT_NAME_LEN = 2,
	AT_MODE = 4,
	AT_UID = 8,
	AT_GID = 12,
	AT_MTIME_S = 16,
	AT_MTIME_NS = 24,
	AT_SIZE = 28,
	AT_XATTRS_LEN = 36,
	AT_SPARE = 40,
	FLAG_FRESH = 1,
	MODE_MASK = 07777,
	XATTR_HEAD_LEN = 6,
	NS_PER_S = 1000000000,
};

static void put(uint8_t *out, uint64_t value, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(value >> (8 * (len - 1 - i)));
}

static uint64_t get(const uint8_t *in, size_t len)
{
	uint64_t value = 0;

	for (size_t i = 0; i < len; i++)
		value = value << 8 | in[i];
	return value;
}

void tree_encode_head(const struct tree_entry *entry, uint8_t head[static TREE_HEAD_LEN])
{
	memset(head, 0, TREE_HEAD_LEN);
	head[AT_KIND] = (uint8_t)entry->kind;
	head[AT_FLAGS] = entry->fresh ? FLAG_FRESH : 0;
	put(head + AT_NAME_LEN, entry->name_len, 2);
	put(head + AT_MODE, entry->mode, 4);
	put(head + AT_UID, entry->uid, 4);
	put(head + AT_GID, entry->gid, 4);
	put(head + AT_MTIME_S, (uint64_t)entry->mtime_s, 8);
	put(head + AT_MTIME_NS, entry->mtime_ns, 4);
	put(head + AT_SIZE, entry->size, 8);
	put(head + AT_XATTRS_LEN, entry->xattrs_len, 4);
}

static bool has_name(enum tree_kind kind)
{
	return kind != TREE_UP && kind != TREE_END;
}

static bool is_sound(const struct tree_entry *entry)
{
	if (has_name(entry->kind) != (entry->name_len > 0) || entry->name_len > TREE_NAME_MAX)
		return false;
	if (entry->mode & ~(uint32_t)MODE_MASK || entry->mtime_ns >= NS_PER_S)
		return false;
	if (entry->xattrs_len > TREE_XATTRS_MAX || entry->uid == UINT32_MAX ||
	    entry->gid == UINT32_MAX)
		return false;
	switch (entry->kind) {
	case TREE_FILE:
		return entry->size <= INT64_MAX;
	case TREE_LINK:
		return entry->size > 0 && entry->size <= TREE_TARGET_MAX;
	case TREE_DIR:
	case TREE_PIPE:
		return entry->size == 0;
	case TREE_UP:
	case TREE_GONE:
	case TREE_END:
		return entry->size == 0 && entry->xattrs_len == 0;
	}
	return false;
}

int tree_decode_head(const uint8_t head[static TREE_HEAD_LEN], struct tree_entry *entry)
{
	*entry = (struct tree_entry){
		.kind = (enum tree_kind)head[AT_KIND],
		.fresh = head[AT_FLAGS] == FLAG_FRESH,
		.name_len = (uint16_t)get(head + AT_NAME_LEN, 2),
		.mode = (uint32_t)get(head + AT_MODE, 4),
		.uid = (uint32_t)get(head + AT_UID, 4),
		.gid = (uint32_t)get(head + AT_GID, 4),
		.mtime_s = (int64_t)get(head + AT_MTIME_S, 8),
		.mtime_ns = (uint32_t)get(head + AT_MTIME_NS, 4),
		.size = get(head + AT_SIZE, 8),
		.xattrs_len = (uint32_t)get(head + AT_XATTRS_LEN, 4),
	};
	if (head[AT_FLAGS] & ~FLAG_FRESH || get(head + AT_SPARE, TREE_HEAD_LEN - AT_SPARE) != 0)
		return -EBADMSG;
	return is_sound(entry) ? 0 : -EBADMSG;
}

bool tree_name_is_valid(const char *name, size_t len)
{
	if (len == 0 || len > TREE_NAME_MAX || memchr(name, '/', len) || memchr(name, '\0', len))
		return false;
	return !(len == 1 && name[0] == '.') && !(len == 2 && name[0] == '.' && name[1] == '.');
}

bool tree_next_xattr(const uint8_t **at, const uint8_t *end, struct tree_xattr *xattr, int *ret)
{
	size_t left = (size_t)(end - *at);

	*ret = 0;
	if (left == 0)
		return false;
	if (left >= XATTR_HEAD_LEN) {
		xattr->name_len = (uint16_t)get(*at, 2);
		xattr->value_len = (uint32_t)get(*at + 2, 4);
		xattr->name = (const char *)*at + XATTR_HEAD_LEN;
		left -= XATTR_HEAD_LEN;
		if (xattr->name_len > 0 && xattr->name_len <= XATTR_NAME_MAX &&
		    xattr->value_len <= XATTR_SIZE_MAX && xattr->name_len <= left &&
		    xattr->value_len <= left - xattr->name_len &&
		    !memchr(xattr->name, '\0', xattr->name_len)) {
			xattr->value = xattr->name + xattr->name_len;
			*at += XATTR_HEAD_LEN + xattr->name_len + xattr->value_len;
			return true;
		}
	}
	*ret = -EBADMSG;
	return false;
}

bool tree_xattr_is_copied(const char *name)
{
	return strncmp(name, "user.", 5) == 0 || strcmp(name, "security.capability") == 0 ||
	       strcmp(name, "system.posix_acl_access") == 0 ||
	       strcmp(name, "system.posix_acl_default") == 0;
}
