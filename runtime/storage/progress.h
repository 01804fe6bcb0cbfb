/* Waiting for a packer, with a line on the terminal when it takes long. */
#ifndef RUNTIME_STORAGE_PROGRESS_H
#define RUNTIME_STORAGE_PROGRESS_H

#include "runtime/storage/image.h"

/* As image_wait(), until clock_now_ms() == deadline_ms. About `bytes` will be in the image. The
 * line is on stderr, if that is a terminal, and goes when it is done. */
int progress_wait(struct image_job *job, uint64_t bytes, int64_t deadline_ms, struct error *err)
	must_check;

#endif
