/* The directory of a checkpoint. */
#ifndef RUNTIME_SANDBOX_CHECKPOINT_IMAGE_H
#define RUNTIME_SANDBOX_CHECKPOINT_IMAGE_H

#include "base/arena.h"
#include "hypervisor/saved.h"

#define CHECKPOINT_FILE "checkpoint.json"

enum { CHECKPOINT_VERSION = 1 };

/* checkpoint.json. Files are named relative to the directory. */
struct checkpoint {
	uint32_t version;
	const char *acrun;   /* release that has made it */
	const char *created; /* RFC 3339 */
	const char *id;	     /* the container's, as the guest knows it */
	const char *hypervisor, *accelerator, *cpu;
	const char *key; /* to the guest's channels */
	bool terminal;
	uint32_t vcpus, memory_mib; /* of the machine as it is */
	uint64_t stdio;		    /* stream of the container's process */
	uint64_t next_stream;
	uint64_t out, err;    /* bytes of its output that were delivered; JSON "stdout", "stderr" */
	const char *state;    /* file */
	uint64_t state_bytes; /* its size */
	const char *state_sum;	 /* and checksum */
	const char *copies;	 /* file, NULL: none */
	struct vm_saved machine; /* paths of disks are files here */
};

/* Opens the directory, making it if `make`; locks it. Returns the fd. */
int checkpoint_open_dir(const char *path, bool make, struct error *err) must_check;

/* Reads what is in it. -ENOENT: nothing complete is. Also refused: what others could have written,
 * what is of another version, a state of another size than it had. Memory is the arena's. */
int checkpoint_load(int dir_fd, const char *path, struct arena *arena, struct checkpoint *out,
		    struct error *err) must_check;
/* Makes the files that `checkpoint` names the ones that count, and removes all others of ours. */
int checkpoint_publish(int dir_fd, const struct checkpoint *checkpoint, struct error *err)
	must_check;
/* Removes all files of ours that a complete checkpoint in the directory does not name. */
void checkpoint_sweep(int dir_fd);

enum { CHECKPOINT_SUM_LEN = 17 };

/* Checksum of a file from its start, as text; its position is moved. */
int checkpoint_sum(int fd, char sum[static CHECKPOINT_SUM_LEN], struct error *err) must_check;

/* What a saved state asks of the host's processor, in arena. */
const char *checkpoint_cpu(const char *accelerator, struct arena *arena);

#endif
