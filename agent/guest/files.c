#include "agent/guest/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/guest/container.h"
#include "agent/guest/fail.h"
#include "agent/guest/inroot.h"
#include "agent/guest/restore.h"
#include "agent/guest/task.h"
#include "base/cleanup.h"
#include "base/fs.h"

enum { READ_CHUNK = 64 << 10, NAME_LEN = 256, DEFAULT_MODE = 0644, MODE_MASK = 07777 };

struct file_job {
	const char *container; /* NULL: the guest */
	int pidfd;
	const char *path;
	const char *base64; /* or data and len */
	const char *data;
	size_t len;
	uint64_t offset;
	uint64_t length; /* to read */
	uint64_t size;	 /* of the whole file */
	uint32_t mode, uid, gid;
};

size_t files_object_len(const char *text, size_t len)
{
	bool quoted = false;
	size_t depth = 0;

	for (size_t i = 0; i < len; i++) {
		if (quoted && text[i] == '\\')
			i++;
		else if (text[i] == '"')
			quoted = !quoted;
		else if (!quoted && text[i] == '{')
			depth++;
		else if (!quoted && text[i] == '}' && (depth == 0 || --depth == 0))
			return i + 1;
	}
	return 0;
}

/* In the worker: the directory that stands for "/". */
static int open_root(const struct file_job *job, struct error *err)
{
	int fd;

	if (job->container)
		return task_enter_mounts(job->pidfd, job->container, err);
	fd = fs_mkdir_all(GUEST_FILES_DIR, 0755);
	if (fd == 0)
		fd = fs_open_dir_at(AT_FDCWD, GUEST_FILES_DIR);
	return fd < 0 ? fail_set(err, fd, "open '%s'", GUEST_FILES_DIR) : fd;
}

static int copy_out(int fd, uint64_t length, int out_fd)
{
	char chunk[READ_CHUNK];

	while (length > 0) {
		ssize_t n =
			read(fd, chunk, length < sizeof(chunk) ? (size_t)length : sizeof(chunk));
		int ret;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		ret = fs_write_all(out_fd, chunk, (size_t)n);
		if (ret < 0)
			return ret;
		length -= (uint64_t)n;
	}
	return 0;
}

static int read_job(const void *arg, int out_fd, struct error *err)
{
	const struct file_job *job = arg;
	auto_close int root_fd = open_root(job, err);
	auto_close int fd = -1;
	struct stat st;
	int ret = 0;

	if (root_fd < 0)
		return root_fd;
	/* a fifo must not hold us up, a device must not be touched */
	fd = fs_open_in_root(root_fd, job->path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (fd < 0)
		return fail_set(err, fd, "open '%s'", job->path);
	if (fstat(fd, &st) < 0)
		return fail_set(err, -errno, "open '%s'", job->path);
	if (S_ISDIR(st.st_mode))
		return fail_set(err, -EISDIR, "read '%s'", job->path);
	if (!S_ISREG(st.st_mode))
		return err_msg(err, -EINVAL, "read '%s': not a regular file", job->path);
	if (job->offset > 0 && lseek(fd, (off_t)job->offset, SEEK_SET) < 0)
		ret = -errno;
	if (ret == 0)
		ret = copy_out(fd, job->length, out_fd);
	return ret < 0 ? fail_set(err, ret, "read '%s'", job->path) : 0;
}

/* A new regular file in place of whatever leaf has that name. */
static int make_file(int dir, const char *name, mode_t mode)
{
	int fd;

	if (unlinkat(dir, name, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	return fd < 0 ? -errno : fd;
}

/* The pieces that have come so far; they must end where this one begins. */
static int open_pieces(int dir, const char *name, uint64_t offset, struct error *err)
{
	auto_close int fd = -1;
	struct stat st;

	if (offset == 0) {
		fd = make_file(dir, name, 0600);
		return fd < 0 ? fail_set(err, fd, "make '%s'", name) : take_fd(&fd);
	}
	fd = openat(dir, name, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0)
		return fail_set(err, -errno, "go on with '%s'", name);
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != offset)
		return err_msg(err, -ESPIPE,
			       "a piece at offset %llu does not follow on the %lld bytes before it",
			       (unsigned long long)offset, (long long)st.st_size);
	return take_fd(&fd);
}

static int put_in_place(const struct file_job *job, int dir, int fd, const char *temp,
			const char *name)
{
	mode_t mode = job->mode ? job->mode & MODE_MASK : DEFAULT_MODE;

	if (fchown(fd, job->uid, job->gid) < 0 || fchmod(fd, mode) < 0)
		return -errno;
	return renameat(dir, temp, dir, name) < 0 ? -errno : 0;
}

static int add_piece(const struct file_job *job, int dir, const char *name, const uint8_t *data,
		     size_t len, struct error *err)
{
	char temp[NAME_LEN + sizeof(".-piece")];
	auto_close int fd = -1;
	int ret;

	if (strlen(name) >= NAME_LEN)
		return fail_set(err, -ENAMETOOLONG, "copy to '%s'", job->path);
	(void)snprintf(temp, sizeof(temp), ".%s-piece", name);
	fd = open_pieces(dir, temp, job->offset, err);
	if (fd < 0)
		return fd;
	ret = fs_write_all(fd, data, len);
	if (ret == 0 && job->offset + len == job->size)
		ret = put_in_place(job, dir, fd, temp, name);
	if (ret < 0)
		(void)unlinkat(dir, temp, 0);
	return ret < 0 ? fail_set(err, ret, "copy to '%s'", job->path) : 0;
}

static int copy_job(const void *arg, int out_fd, struct error *err)
{
	const struct file_job *job = arg;
	auto_close int root_fd = -1;
	auto_close int dir = -1;
	auto_free uint8_t *data = malloc(CALL_PIECE_MAX);
	const char *name;
	int len;

	(void)out_fd;
	if (!data)
		return fail_set(err, -ENOMEM, "copy to '%s'", job->path);
	len = restore_decode_base64(job->base64 ? job->base64 : "", data, CALL_PIECE_MAX);
	if (len < 0)
		return err_msg(err, len, "copy to '%s': data is no base64 of at most %d bytes",
			       job->path, CALL_PIECE_MAX);
	if (job->size < (uint64_t)len || job->offset > job->size - (uint64_t)len)
		return err_msg(err, -EINVAL, "copy to '%s': a piece reaches beyond the file's size",
			       job->path);
	root_fd = open_root(job, err);
	if (root_fd < 0)
		return root_fd;
	dir = inroot_make_parent(root_fd, job->path, &name);
	return dir < 0 ? fail_set(err, dir, "copy to '%s'", job->path)
		       : add_piece(job, dir, name, data, (size_t)len, err);
}

static int write_job(const void *arg, int out_fd, struct error *err)
{
	const struct file_job *job = arg;
	auto_close int root_fd = open_root(job, err);
	auto_close int fd = -1;
	struct stat st;
	int ret;

	(void)out_fd;
	if (root_fd < 0)
		return root_fd;
	fd = fs_open_in_root(root_fd, job->path, O_WRONLY | O_CREAT | O_NONBLOCK | O_NOCTTY,
			     DEFAULT_MODE);
	if (fd < 0)
		return fail_set(err, fd, "open '%s'", job->path);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_msg(err, -EINVAL, "write '%s': not a regular file", job->path);
	/* a file of /proc has no length to set */
	(void)!ftruncate(fd, 0);
	ret = fs_write_all(fd, job->data, job->len);
	return ret < 0 ? fail_set(err, ret, "write '%s'", job->path) : 0;
}

/* Starts it in a container that lives, or in the guest. */
static void start(struct guest *guest, const struct container *container, task_job *work,
		  struct file_job *job, struct slot *slot)
{
	job->pidfd = -1;
	if (container) {
		if (!container->init || container->init->state < PROCESS_PARKED ||
		    container->init->state == PROCESS_ENDED) {
			slot_errorf(slot, "container not running");
			return;
		}
		job->container = container->id;
		job->pidfd = container->init->pidfd;
	}
	task_start(guest, work, job, slot);
}

void files_copy(struct guest *guest, const struct container *container,
		const struct call_copyfile *call, struct slot *slot)
{
	struct file_job job = { .path = call->path,
				.base64 = call->data,
				.offset = call->offset,
				.size = call->size,
				.mode = call->mode,
				.uid = call->uid,
				.gid = call->gid };

	start(guest, container, copy_job, &job, slot);
}

void files_read(struct guest *guest, const struct container *container,
		const struct call_file *call, struct slot *slot)
{
	struct file_job job = { .path = call->file, .offset = call->offset };

	job.length = call->length > 0 && call->length < CALL_PIECE_MAX ? call->length
								       : CALL_PIECE_MAX;
	if (call->offset > INT64_MAX)
		slot_errorf(slot, "read '%s': the offset is out of range", call->file);
	else
		start(guest, container, read_job, &job, slot);
}

void files_write(struct guest *guest, const struct container *container,
		 const struct call_file *call, const char *data, size_t len, struct slot *slot)
{
	struct file_job job = { .path = call->file, .data = data, .len = len };

	start(guest, container, write_job, &job, slot);
}
