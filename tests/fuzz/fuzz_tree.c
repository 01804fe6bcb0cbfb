/* A stream of files from a guest, applied to a directory that has a file, a directory, and links
 * that lead out of it. What they lead to must stay as it is. */
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "agent/proto/tree_apply.h"
#include "base/cleanup.h"
#include "base/fs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STREAM_MAX = 256 << 10 };

static void write_file(int dir, const char *name)
{
	auto_close int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert(fd >= 0 && write(fd, "x", 1) == 1);
}

static void prepare(int dir)
{
	assert(mkdirat(dir, "out", 0700) == 0 && mkdirat(dir, "to", 0700) == 0);
	assert(mkdirat(dir, "to/a", 0700) == 0);
	write_file(dir, "out/file");
	write_file(dir, "to/f");
	write_file(dir, "to/a/f");
	assert(symlinkat("../out", dir, "to/b") == 0);
	assert(symlinkat("../out/file", dir, "to/l") == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct tree_apply apply = { .name = "to",
					  .max_bytes = STREAM_MAX,
					  .since = { .tv_sec = size % 2 ? 1 : 0 } };
	char path[] = "/dev/shm/fuzz-tree.XXXXXX";
	auto_close int stream = memfd_create("stream", MFD_CLOEXEC);
	auto_close int dir = -1;
	struct error err = { 0 };
	struct stat st;

	if (stream < 0 || !mkdtemp(path))
		return 0;
	dir = fs_open_dir_at(AT_FDCWD, path);
	prepare(dir);
	assert(fs_write_all(stream, TREE_MAGIC, TREE_MAGIC_LEN) == 0);
	assert(fs_write_all(stream, data, size) == 0 && lseek(stream, 0, SEEK_SET) == 0);
	(void)!tree_apply(&apply, stream, dir, &err);
	assert(fstatat(dir, "out/file", &st, 0) == 0 && st.st_size == 1 &&
	       st.st_mode == (S_IFREG | 0600));
	assert(fstatat(dir, "out", &st, 0) == 0 && st.st_nlink == 2 &&
	       st.st_mode == (S_IFDIR | 0700));
	(void)!fs_remove_tree_at(AT_FDCWD, path);
	return 0;
}
