/* Scope-bound release of plain resources. Declare with auto_*, hand over with take_fd()/take_ptr().
 */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Closes *fd when >= 0 and sets it to -1; errno is kept. */
void cleanup_close(int *fd);
void cleanup_free(void *ptr_to_ptr);
void cleanup_file(FILE **file);
void cleanup_dir(DIR **dir);

#define auto_close __attribute__((cleanup(cleanup_close)))
#define auto_free  __attribute__((cleanup(cleanup_free)))
#define auto_file  __attribute__((cleanup(cleanup_file)))
#define auto_dir   __attribute__((cleanup(cleanup_dir)))

/* Returns *fd and leaves -1 behind, so that the scope no longer owns it. */
static inline int take_fd(int *fd)
{
	int ret = *fd;

	*fd = -1;
	return ret;
}

/* Returns the pointer and leaves NULL behind. */
#define take_ptr(pp)                          \
	({                                    \
		__typeof__(*(pp)) t_ = *(pp); \
		*(pp) = NULL;                 \
		t_;                           \
	})

#endif
