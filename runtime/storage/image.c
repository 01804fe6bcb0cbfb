#include "runtime/storage/image.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/spawn.h"

enum { WORDS_MAX = 1024 };

/* Where distributions have it; no search in PATH, which the caller chooses. */
static const char *const packers[] = { "/usr/bin/mkfs.erofs", "/usr/sbin/mkfs.erofs",
				       "/usr/local/bin/mkfs.erofs" };

int image_check(const struct share *share, struct strvec *copies, struct error *err)
{
	/* the first is the root file system, which is the container's own */
	for (size_t i = 1; i < share->n_mounts; i++) {
		const struct share_mount *item = &share->mounts[i];

		if (item->readonly)
			continue;
		if (item->is_dir) {
			err_msg(err, -EOPNOTSUPP,
				"error mounting \"%s\" to rootfs at \"%s\": this hypervisor shares "
				"no directories with its guests, so it can only be read-only",
				item->source, item->destination);
			return err_hint(err, "add \"ro\" to the options of the mount");
		}
		if (strvec_addf(copies,
				"mount at \"%s\": the container has a copy of \"%s\", changes stay "
				"in the guest",
				item->destination, item->source) < 0)
			return err_set(err, -ENOMEM, "mount at \"%s\"", item->destination);
	}
	return 0;
}

const char *image_find_packer(struct error *err)
{
	for (size_t i = 0; i < sizeof(packers) / sizeof(packers[0]); i++)
		if (access(packers[i], X_OK) == 0)
			return packers[i];
	err_msg(err, -ENOENT, "there is no '%s' to pack the root file system with", packers[0]);
	err_hint(err, "install erofs-utils");
	return NULL;
}

struct pack {
	const struct share *share;
	pid_t parent;
	uint64_t max_bytes;
};

/* Images are often in memory: a part of what is free stays free for others. */
static int find_limit(const char *dir, uint64_t *max_bytes, struct error *err)
{
	struct statvfs st;

	if (statvfs(dir, &st) < 0)
		return err_set(err, -errno, "find the free space of '%s'", dir);
	*max_bytes = (uint64_t)st.f_bavail * st.f_frsize / 4 * 3;
	return 0;
}

/* In the packer's process: it neither outlives us nor takes more than its share of the space. */
static int prepare_packer(void *arg, struct error *err)
{
	const struct pack *pack = arg;
	const struct rlimit size = { pack->max_bytes, pack->max_bytes };

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || setrlimit(RLIMIT_FSIZE, &size) < 0)
		return err_set(err, -errno, "limit the packer");
	if (getppid() != pack->parent)
		return err_msg(err, -ECANCELED, "the packer is not wanted any more");
	return share_mount_all(pack->share, err);
}

/* The last line that it said; it tells what was wrong. */
static const char *last_line(struct strbuf *words)
{
	char *newline;

	while (words->len > 0 && words->data[words->len - 1] == '\n')
		words->data[--words->len] = '\0';
	newline = words->len > 0 ? strrchr(words->data, '\n') : NULL;
	return newline ? newline + 1 : strbuf_str(words);
}

static int explain(const struct pack *pack, const char *packer, int code, struct strbuf *words,
		   struct error *err)
{
	const char *rootfs = pack->share->mounts[0].source;

	if (code != 128 + SIGXFSZ)
		return err_msg(err, -EIO,
			       "pack the root file system '%s': '%s' ended with status %d: %s",
			       rootfs, packer, code, last_line(words));
	err_msg(err, -ENOSPC,
		"pack the root file system '%s': its image would have more than %llu MiB", rootfs,
		(unsigned long long)pack->max_bytes >> 20);
	return err_hint(err, "three quarters of what is free in '%s'", pack->share->dir);
}

int image_pack(const struct share *share, const char *id, const char *path, int timeout_ms,
	       struct error *err)
{
	static const char *const env[] = { "PATH=/usr/bin:/bin", "LC_ALL=C", NULL };
	struct pack pack = { .share = share, .parent = getpid() };
	auto_strbuf struct strbuf words = { 0 };
	auto_free char *dir = NULL;
	const char *packer = image_find_packer(err);
	const char *argv[] = { packer, "--quiet", path, NULL, NULL };
	struct spawn sp = { .path = packer,
			    .argv = argv,
			    .envp = env,
			    .cwd = "/",
			    .setsid = true,
			    .unshare_flags = CLONE_NEWNS,
			    .prepare = prepare_packer,
			    .prepare_arg = &pack };
	int code = 0;
	int ret = packer ? find_limit(share->dir, &pack.max_bytes, err) : err->code;

	if (ret < 0)
		return ret;
	if (asprintf(&dir, "%s/%s", share->dir, id) < 0) {
		dir = NULL;
		return err_set(err, -ENOMEM, "pack an image");
	}
	argv[3] = dir;
	ret = spawn_run(&sp, NULL, 0, &words, WORDS_MAX, timeout_ms, &code, err);
	if (ret < 0)
		return err_ctx(err, "pack the root file system '%s'", share->mounts[0].source);
	return code == 0 ? 0 : explain(&pack, packer, code, &words, err);
}
