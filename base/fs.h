/* Files and directories: whole reads and writes, atomic replacement, path resolution that cannot
 * escape. Leaf: -errno. */
#ifndef BASE_FS_H
#define BASE_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/error.h"
#include "base/strbuf.h"

/* Writes all of it, through EINTR and short writes. fd must be blocking. 0 or -errno. */
int fs_write_all(int fd, const void *data, size_t len) must_check;
/* Reads to the end of file into buf; -EFBIG beyond max bytes. */
int fs_read_all(int fd, struct strbuf *buf, size_t max) must_check;
/* Opens dir/name and reads it whole. dir may be AT_FDCWD. */
int fs_read_file_at(int dir, const char *name, struct strbuf *buf, size_t max) must_check;
/* Writes to an existing file (sysfs, procfs, cgroup) by one write(2). */
int fs_write_file_at(int dir, const char *name, const char *text) must_check;
/*
 * Replaces dir/name whole: temp file ".name.<random>" in the same directory, fsync when `durable`,
 * rename. On failure the old file is untouched and no temp file stays.
 */
int fs_replace_at(int dir, const char *name, const void *data, size_t len, mode_t mode,
		  bool durable) must_check;
/* Makes path and its missing parents (mode for all of them). Existing directories are fine. */
int fs_mkdir_all(const char *path, mode_t mode) must_check;
/* mkdirat() + open of the directory; -EEXIST if it exists. Returns the directory fd. */
int fs_mkdir_open_at(int dir, const char *name, mode_t mode) must_check;
/* Opens path as a directory, O_CLOEXEC. Returns the fd. */
int fs_open_dir_at(int dir, const char *path) must_check;
/* Removes dir/name and everything below it, never following symlinks and never crossing mounts:
 * the first mount point met ends it with -EBUSY. Missing is fine. */
int fs_remove_tree_at(int dir, const char *name) must_check;
/*
 * Opens path as seen from root_fd as "/": openat2(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
 * symlinks resolve inside root. flags as open(2) (O_CLOEXEC is added). Returns the fd.
 */
int fs_open_in_root(int root_fd, const char *path, int flags, mode_t mode) must_check;
/* As fs_open_in_root() with RESOLVE_BENEATH: absolute links and ".." beyond root fail with -EXDEV.
 */
int fs_open_beneath(int root_fd, const char *path, int flags, mode_t mode) must_check;
/* Absolute, normalised path of an existing file; caller frees. -errno when it does not exist. */
int fs_realpath(const char *path, char **out) must_check;
/* Absolute path without resolving links: cwd + "/" + path, "." and ".." and "//" removed. Caller
 * frees. */
int fs_abspath(const char *path, char **out) must_check;
/*
 * flock(LOCK_EX), waiting at most timeout_ms: -ETIMEDOUT. Uses SIGALRM and the real-time interval
 * timer for the wait; single-threaded programs only.
 */
int fs_lock_wait(int fd, int timeout_ms) must_check;
/* 1 if path exists (any kind), 0 if not, -errno otherwise. */
int fs_exists_at(int dir, const char *path) must_check;

#endif
