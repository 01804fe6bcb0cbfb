/*
 * Packs a file or a directory of the host into a file system image, for a guest that no directory
 * can be shared with. The image has one entry, IMAGE_TREE, which is the file or the directory; so
 * its own mode, owner and attributes are kept too.
 */
#ifndef RUNTIME_STORAGE_IMAGE_H
#define RUNTIME_STORAGE_IMAGE_H

#include <sys/types.h>
#include "runtime/storage/tree.h"

#define IMAGE_TREE "tree"

enum image_format { IMAGE_EROFS, IMAGE_EXT4, IMAGE_FORMATS };

/* As mount(2) calls it, in the guest too. */
const char *image_format_name(enum image_format format);

/* Which formats are of that name ("auto": any) and have a packer on this host. -ENOENT when none
 * is, with what to install. */
int image_find_formats(const char *wanted, bool usable[static IMAGE_FORMATS], struct error *err)
	must_check;

/* The program that packs images, a constant; NULL with -ENOENT and what to install. */
const char *image_find_packer(struct error *err) must_check;

/* What becomes an image. */
struct image_source {
	const char *path;	 /* absolute on the host */
	const char *destination; /* in the container, for messages */
	bool is_dir;
	bool recursive; /* with what is mounted below it */
};

/* A packer at work. Zero-initialise. */
struct image_job {
	const struct image_source *source;
	const char *output; /* path of the image; the caller's */
	enum image_format format;
	uint64_t max_bytes;
	const char *packer;
	pid_t pid; /* 0: none */
	int words_fd;
};

/*
 * Starts packing into the file `output`, which it makes anew. The packer works in a mount namespace
 * of its own, on the empty directory `stage` (absolute), so nothing stays mounted however it ends;
 * it dies with this process, and takes at most three quarters of what is free where the output is.
 */
int image_start(struct image_job *job, const struct image_source *source, const struct tree *tree,
		enum image_format format, const char *stage, const char *output, struct error *err)
	must_check;

/*
 * Waits for its end. -ETIMEDOUT leaves it at work; any other failure means that there is no image,
 * but perhaps a part of the file. -ENOSPC: there was not room enough.
 */
int image_wait(struct image_job *job, int timeout_ms, struct error *err) must_check;

/* Ends the packer, if there is one, and frees what the job holds. */
void image_done(struct image_job *job);

#endif
