#include "runtime/storage/image.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/spawn.h"
#include "base/strvec.h"

enum {
	WORDS_MAX = 64 << 10,
	BLOCK = 4096,
	INODE = 256,
	SPARE_INODES = 64,
	SPARE_BYTES = 16 << 20,
};

/* Where distributions have them; no search in PATH, which the caller chooses. */
static const struct {
	const char *name;
	const char *package;
	const char *packers[4];
} formats[IMAGE_FORMATS] = {
	[IMAGE_EROFS] = { "erofs",
			  "erofs-utils",
			  { "/usr/bin/mkfs.erofs", "/usr/sbin/mkfs.erofs",
			    "/usr/local/bin/mkfs.erofs" } },
	[IMAGE_EXT4] = { "ext4",
			 "e2fsprogs",
			 { "/usr/sbin/mke2fs", "/sbin/mke2fs", "/usr/local/sbin/mke2fs" } },
};

const char *image_format_name(enum image_format format)
{
	return formats[format].name;
}

static const char *find_packer(enum image_format format)
{
	for (const char *const *packer = formats[format].packers; *packer; packer++)
		if (access(*packer, X_OK) == 0)
			return *packer;
	return NULL;
}

int image_find_formats(const char *wanted, bool usable[static IMAGE_FORMATS], struct error *err)
{
	enum image_format missing = IMAGE_EROFS;
	bool found = false;

	for (int i = 0; i < IMAGE_FORMATS; i++) {
		bool named = strcmp(wanted, formats[i].name) == 0;

		usable[i] = (named || strcmp(wanted, "auto") == 0) && find_packer(i);
		found |= usable[i];
		if (named)
			missing = i;
	}
	if (found)
		return 0;
	err_msg(err, -ENOENT, "there is no '%s' to pack files for the guest with",
		formats[missing].packers[0]);
	return err_hint(err, "install %s", formats[missing].package);
}

const char *image_find_packer(struct error *err)
{
	bool usable[IMAGE_FORMATS];
	int i = 0;

	if (image_find_formats("auto", usable, err) < 0)
		return NULL;
	while (!usable[i])
		i++;
	return find_packer(i);
}

/* Images may be in memory: a part of what is free stays free for others. */
static int find_limit(struct image_job *job, struct error *err)
{
	auto_free char *dir = strdup(job->output);
	char *slash = dir ? strrchr(dir, '/') : NULL;
	struct statvfs st;

	if (!slash)
		return err_set(err, dir ? -EINVAL : -ENOMEM, "pack '%s'", job->source->path);
	*slash = '\0';
	if (statvfs(dir, &st) < 0)
		return err_set(err, -errno, "find the free space of '%s'", dir);
	job->max_bytes = (uint64_t)st.f_bavail * st.f_frsize / 4 * 3;
	return 0;
}

static int add_erofs(struct strvec *argv, const struct tree *tree, const char *output)
{
	(void)strvec_add(argv, "--quiet");
	/* only an image of chunks leaves holes out */
	if (tree->sparse)
		(void)strvec_add(argv, "--chunksize=4096");
	return strvec_add(argv, output);
}

/* Room for the files' blocks, a block of directory or attributes for each entry, and maps. */
static int add_ext4(struct strvec *argv, const struct tree *tree, const char *stage,
		    const char *output)
{
	static const char *const options[] = {
		"-q",
		"-F",
		"-t",
		"ext4",
		"-m",
		"0",
		"-b",
		"4096",
		"-I",
		"256",
		"-O",
		"none,extent,dir_index,filetype,sparse_super,large_file,huge_file,dir_nlink,"
		"extra_isize,64bit,ext_attr",
		NULL,
	};
	uint64_t inodes = tree->entries + SPARE_INODES;
	uint64_t bytes = tree->stored_bytes + tree->entries * (2 * (uint64_t)BLOCK + INODE);

	bytes += bytes / 16 + SPARE_BYTES;
	(void)strvec_add_all(argv, options);
	(void)strvec_add(argv, "-N");
	(void)strvec_addf(argv, "%llu", (unsigned long long)inodes);
	(void)strvec_add(argv, "-d");
	(void)strvec_add(argv, stage);
	(void)strvec_add(argv, output);
	return strvec_addf(argv, "%lluk", (unsigned long long)bytes >> 10);
}

static int build_argv(const struct image_job *job, const struct tree *tree, const char *stage,
		      struct strvec *argv)
{
	(void)strvec_add(argv, job->packer);
	if (job->format == IMAGE_EXT4)
		return add_ext4(argv, tree, stage, job->output);
	(void)add_erofs(argv, tree, job->output);
	return strvec_add(argv, stage);
}

/* For the packer's process. */
struct preparation {
	const struct image_job *job;
	const char *stage;
	pid_t parent;
};

static int make_tree(const char *stage, bool is_dir)
{
	auto_close int dir = fs_open_dir_at(AT_FDCWD, stage);
	auto_close int fd = -1;

	if (dir < 0)
		return dir;
	if (is_dir)
		return mkdirat(dir, IMAGE_TREE, 0755) < 0 ? -errno : 0;
	fd = openat(dir, IMAGE_TREE, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	return fd < 0 ? -errno : 0;
}

/* Mounts the source below the stage, where only this process sees it. */
static int mount_source(const struct image_source *source, const char *stage, struct error *err)
{
	auto_free char *target = NULL;
	int ret;

	if (asprintf(&target, "%s/" IMAGE_TREE, stage) < 0) {
		target = NULL;
		return err_set(err, -ENOMEM, "pack '%s'", source->path);
	}
	if (mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0)
		return err_set(err, -errno, "make the mounts of the packer private");
	if (mount("tmpfs", stage, "tmpfs", MS_NODEV, "mode=0755,size=64k") < 0)
		return err_set(err, -errno, "mount a memory file system on '%s'", stage);
	ret = make_tree(stage, source->is_dir);
	if (ret < 0)
		return err_set(err, ret, "make '%s'", target);
	if (mount(source->path, target, NULL, MS_BIND | (source->recursive ? MS_REC : 0), NULL) < 0)
		return err_set(err, -errno, "error mounting \"%s\" to rootfs at \"%s\"",
			       source->path, source->destination);
	return 0;
}

static int prepare_packer(void *arg, struct error *err)
{
	const struct preparation *prep = arg;
	const struct rlimit size = { prep->job->max_bytes, prep->job->max_bytes };

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || setrlimit(RLIMIT_FSIZE, &size) < 0)
		return err_set(err, -errno, "limit the packer");
	if (getppid() != prep->parent)
		return err_msg(err, -ECANCELED, "the packer is not wanted any more");
	return mount_source(prep->job->source, prep->stage, err);
}

static int spawn_packer(struct image_job *job, const struct strvec *argv, const char *stage,
			struct error *err)
{
	static const char *const env[] = { "PATH=/usr/bin:/bin", "LC_ALL=C", NULL };
	struct preparation prep = { job, stage, getpid() };
	const struct spawn sp = {
		.path = job->packer,
		.argv = (const char *const *)argv->items,
		.envp = env,
		.cwd = "/",
		.setsid = true,
		.unshare_flags = CLONE_NEWNS,
		.fds = { { job->words_fd, 1 }, { job->words_fd, 2 } },
		.n_fds = 2,
		.prepare = prepare_packer,
		.prepare_arg = &prep,
	};

	return spawn_start(&sp, &job->pid, err);
}

int image_start(struct image_job *job, const struct image_source *source, const struct tree *tree,
		enum image_format format, const char *stage, const char *output, struct error *err)
{
	auto_strvec struct strvec argv = { 0 };
	int ret;

	*job = (struct image_job){ .source = source,
				   .output = output,
				   .format = format,
				   .packer = find_packer(format),
				   .words_fd = -1 };
	if (!job->packer)
		return err_msg(err, -ENOENT, "there is no '%s'", formats[format].packers[0]);
	ret = find_limit(job, err);
	if (ret < 0)
		return ret;
	if (unlink(output) < 0 && errno != ENOENT)
		return err_set(err, -errno, "remove '%s'", output);
	(void)build_argv(job, tree, stage, &argv);
	ret = strvec_error(&argv);
	if (ret < 0)
		return err_set(err, ret, "pack '%s'", source->path);
	job->words_fd = memfd_create("packer", MFD_CLOEXEC);
	if (job->words_fd < 0)
		return err_set(err, -errno, "pack '%s'", source->path);
	ret = spawn_packer(job, &argv, stage, err);
	if (ret < 0)
		image_done(job);
	return ret < 0 ? err_ctx(err, "pack '%s'", source->path) : 0;
}

/* The last line that it said; it tells what was wrong. */
static const char *last_line(int fd, struct strbuf *words)
{
	char *newline;

	if (lseek(fd, 0, SEEK_SET) < 0 || fs_read_all(fd, words, WORDS_MAX) < 0)
		return "";
	while (words->len > 0 && words->data[words->len - 1] == '\n')
		words->data[--words->len] = '\0';
	newline = words->len > 0 ? strrchr(words->data, '\n') : NULL;
	return newline ? newline + 1 : strbuf_str(words);
}

/* What they do when the limit stops them: mkfs.erofs dies of the signal, mke2fs tells. */
static bool hit_limit(const struct image_job *job, int code)
{
	struct stat st;

	return code == 128 + SIGXFSZ ||
	       (stat(job->output, &st) == 0 && (uint64_t)st.st_size >= job->max_bytes);
}

static int explain(const struct image_job *job, int code, struct error *err)
{
	auto_strbuf struct strbuf words = { 0 };

	if (!hit_limit(job, code))
		return err_msg(err, -EIO, "pack '%s' for \"%s\": '%s' ended with status %d: %s",
			       job->source->path, job->source->destination, job->packer, code,
			       last_line(job->words_fd, &words));
	err_msg(err, -ENOSPC, "pack '%s' for \"%s\": its image would have more than %llu MiB",
		job->source->path, job->source->destination,
		(unsigned long long)job->max_bytes >> 20);
	return err_hint(err, "three quarters of what is free for '%s'", job->output);
}

int image_wait(struct image_job *job, int timeout_ms, struct error *err)
{
	int status = 0;
	int ret = spawn_wait(job->pid, timeout_ms, &status);

	if (ret == -ETIMEDOUT)
		return err_msg(err, ret, "pack '%s' for \"%s\": not done in time",
			       job->source->path, job->source->destination);
	if (ret < 0)
		return err_set(err, ret, "wait for '%s'", job->packer);
	job->pid = 0;
	ret = spawn_exit_code(status);
	ret = ret ? explain(job, ret, err) : 0;
	image_done(job);
	return ret;
}

void image_done(struct image_job *job)
{
	int status;

	if (job->pid > 0) {
		(void)kill(-job->pid, SIGKILL);
		(void)kill(job->pid, SIGKILL);
		(void)!spawn_wait(job->pid, -1, &status);
		job->pid = 0;
	}
	if (job->packer)
		cleanup_close(&job->words_fd);
	job->packer = NULL;
}
