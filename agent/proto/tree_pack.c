#include "agent/proto/tree_pack.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <linux/limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"

enum { OUT_LEN = 64 << 10, OPAQUE_LEN = 4 };

struct packer {
	const struct tree_pack *pack;
	int out_fd;
	uint64_t len;
	size_t held; /* in `out`, not written yet */
	uint8_t *out;
	uint8_t *xattrs; /* TREE_XATTRS_MAX bytes */
	size_t xattrs_len;
	char *names; /* XATTR_LIST_MAX bytes */
};

static int flush(struct packer *packer)
{
	int ret = fs_write_all(packer->out_fd, packer->out, packer->held);

	packer->held = 0;
	return ret;
}

static int add(struct packer *packer, const void *data, size_t len)
{
	const uint8_t *from = data;

	if (len > packer->pack->max_bytes - packer->len)
		return -EFBIG;
	packer->len += len;
	while (len > 0) {
		size_t n = OUT_LEN - packer->held < len ? OUT_LEN - packer->held : len;
		int ret;

		memcpy(packer->out + packer->held, from, n);
		packer->held += n;
		from += n;
		len -= n;
		ret = packer->held == OUT_LEN ? flush(packer) : 0;
		if (ret < 0)
			return ret;
	}
	return 0;
}

static int add_xattr(struct packer *packer, const char *path, const char *name)
{
	size_t name_len = strlen(name);
	uint8_t *at = packer->xattrs + packer->xattrs_len;
	size_t left = TREE_XATTRS_MAX - packer->xattrs_len;
	ssize_t len;

	if (left < 6 + name_len)
		return -E2BIG;
	len = lgetxattr(path, name, at + 6 + name_len, left - 6 - name_len);
	if (len < 0)
		return -errno;
	at[0] = (uint8_t)(name_len >> 8);
	at[1] = (uint8_t)name_len;
	for (int i = 0; i < 4; i++)
		at[2 + i] = (uint8_t)((size_t)len >> (24 - 8 * i));
	memcpy(at + 6, name, name_len);
	packer->xattrs_len += 6 + name_len + (size_t)len;
	return 0;
}

static int collect_xattrs(struct packer *packer, const char *path)
{
	ssize_t len = llistxattr(path, packer->names, XATTR_LIST_MAX);
	int ret = 0;

	packer->xattrs_len = 0;
	if (len < 0)
		return errno == ENOTSUP ? 0 : -errno;
	for (const char *name = packer->names; ret == 0 && name < packer->names + len;
	     name += strlen(name) + 1)
		if (tree_xattr_is_copied(name))
			ret = add_xattr(packer, path, name);
	return ret;
}

static bool is_opaque(const char *path)
{
	char value[OPAQUE_LEN];

	return lgetxattr(path, "trusted.overlay.opaque", value, sizeof(value)) == 1 &&
	       value[0] == 'y';
}

static bool is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

/* What an entry is in the stream; 0: nothing. */
static int kind_of(const struct packer *packer, const struct stat *st)
{
	switch (st->st_mode & S_IFMT) {
	case S_IFDIR:
		return TREE_DIR;
	case S_IFREG:
		return TREE_FILE;
	case S_IFLNK:
		return TREE_LINK;
	case S_IFIFO:
		return TREE_PIPE;
	default:
		return packer->pack->layer && is_whiteout(st) ? TREE_GONE : 0;
	}
}

static int add_head(struct packer *packer, const struct tree_entry *entry, const char *name)
{
	uint8_t head[TREE_HEAD_LEN];
	int ret;

	tree_encode_head(entry, head);
	ret = add(packer, head, sizeof(head));
	if (ret == 0)
		ret = add(packer, name, entry->name_len);
	return ret == 0 ? add(packer, packer->xattrs, entry->xattrs_len) : ret;
}

/* As many bytes as were announced. */
static int add_content(struct packer *packer, const char *path, uint64_t size)
{
	auto_close int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	uint8_t chunk[4096];

	if (fd < 0)
		return -errno;
	if (size > packer->pack->max_bytes - packer->len)
		return -EFBIG;
	while (size > 0) {
		size_t want = size < sizeof(chunk) ? (size_t)size : sizeof(chunk);
		ssize_t n = read(fd, chunk, want);
		int ret;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0) {
			memset(chunk, 0, want);
			n = (ssize_t)want;
		}
		ret = add(packer, chunk, (size_t)n);
		if (ret < 0)
			return ret;
		size -= (uint64_t)n;
	}
	return 0;
}

static int add_target(struct packer *packer, const char *path, struct tree_entry *entry,
		      const char *name)
{
	char target[TREE_TARGET_MAX + 1];
	ssize_t len = readlink(path, target, sizeof(target));
	int ret;

	if (len <= 0 || len > TREE_TARGET_MAX)
		return len < 0 ? -errno : -ENAMETOOLONG;
	entry->size = (uint64_t)len;
	ret = add_head(packer, entry, name);
	return ret == 0 ? add(packer, target, (size_t)len) : ret;
}

static int add_entry(struct packer *packer, const FTSENT *ent, int kind)
{
	const struct stat *st = ent->fts_statp;
	const char *name = ent->fts_level == FTS_ROOTLEVEL ? packer->pack->as : ent->fts_name;
	struct tree_entry entry = {
		.kind = (enum tree_kind)kind,
		.fresh = kind == TREE_DIR && packer->pack->layer && is_opaque(ent->fts_accpath),
		.name_len = (uint16_t)strlen(name),
		.mtime_s = st->st_mtim.tv_sec,
		.mtime_ns = (uint32_t)st->st_mtim.tv_nsec,
	};
	int ret = kind == TREE_GONE ? 0 : collect_xattrs(packer, ent->fts_accpath);

	if (ret < 0)
		return ret;
	if (kind == TREE_GONE)
		return add_head(packer, &entry, name);
	entry.mode = st->st_mode & 07777;
	entry.uid = st->st_uid;
	entry.gid = st->st_gid;
	entry.xattrs_len = (uint32_t)packer->xattrs_len;
	if (kind == TREE_LINK)
		return add_target(packer, ent->fts_accpath, &entry, name);
	entry.size = kind == TREE_FILE ? (uint64_t)st->st_size : 0;
	ret = add_head(packer, &entry, name);
	return ret == 0 && kind == TREE_FILE ? add_content(packer, ent->fts_accpath, entry.size)
					     : ret;
}

static int add_mark(struct packer *packer, enum tree_kind kind)
{
	const struct tree_entry entry = { .kind = kind };

	return add_head(packer, &entry, "");
}

static int add_next(struct packer *packer, const FTSENT *ent)
{
	int kind;

	switch (ent->fts_info) {
	case FTS_DP:
		return add_mark(packer, TREE_UP);
	case FTS_DC:
		return -ELOOP;
	case FTS_DNR:
	case FTS_ERR:
	case FTS_NS:
		return ent->fts_errno ? -ent->fts_errno : -EIO;
	default:
		kind = kind_of(packer, ent->fts_statp);
		return kind ? add_entry(packer, ent, kind) : 0;
	}
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static int add_all(struct packer *packer, struct error *err)
{
	char *const tops[] = { (char *)packer->pack->path, NULL };
	FTS *fts = fts_open(tops, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
	FTSENT *ent;
	int ret = 0;

	if (!fts)
		return err_set(err, -errno, "copy '%s'", packer->pack->path);
	while (ret == 0 && (errno = 0, ent = fts_read(fts)) != NULL) {
		ret = add_next(packer, ent);
		if (ret < 0)
			(void)err_set(err, ret, "copy '%s'", ent->fts_path);
	}
	if (ret == 0 && errno)
		ret = err_set(err, -errno, "copy '%s'", packer->pack->path);
	(void)fts_close(fts);
	return ret;
}

int tree_pack(const struct tree_pack *pack, int out_fd, uint64_t *len, struct error *err)
{
	auto_free uint8_t *buffer = malloc(OUT_LEN + TREE_XATTRS_MAX + XATTR_LIST_MAX);
	struct packer packer = { .pack = pack, .out_fd = out_fd, .out = buffer };
	int ret;

	if (!buffer)
		return err_set(err, -ENOMEM, "copy '%s'", pack->path);
	packer.xattrs = buffer + OUT_LEN;
	packer.names = (char *)packer.xattrs + TREE_XATTRS_MAX;
	ret = add(&packer, TREE_MAGIC, TREE_MAGIC_LEN);
	if (ret == 0)
		ret = add_all(&packer, err);
	else
		(void)err_set(err, ret, "copy '%s'", pack->path);
	if (ret < 0)
		return ret;
	ret = add_mark(&packer, TREE_END);
	if (ret == 0)
		ret = flush(&packer);
	*len = packer.len;
	return ret < 0 ? err_set(err, ret, "copy '%s'", pack->path) : 0;
}
