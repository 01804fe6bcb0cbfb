/* State on disk: <root>/<id>/state.json, replaced whole under a lock on its directory. Every
 * command finds everything here. */
#ifndef RUNTIME_SANDBOX_STORE_H
#define RUNTIME_SANDBOX_STORE_H

#include <stdbool.h>
#include <sys/types.h>
#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "base/proc.h"
#include "oci/spec.h"
#include "oci/state.h"
#include "runtime/net/network.h"

#define STORE_DEFAULT_ROOT "/run/acrun"

enum { STORE_VERSION = 1 };

/* What state.json holds. Strings live in the record's arena. */
struct record_state {
	uint32_t version;
	const char *id;
	const char *sandbox_id; /* whose VM it runs in; its own id when it has the VM */
	const char *uuid;	/* of the VM */
	const char *hypervisor; /* name of the backend */
	const char *accelerator;
	const char *oci_version;
	const char *bundle;
	const char *rootfs;
	const char *shim_path; /* the program that stands for its processes */
	const char *agent;     /* dialect of the guest's agent; NULL: ours */
	const char *created;   /* RFC 3339 */
	uint32_t owner_uid;
	uint32_t vcpus, memory_mib; /* of the VM; 0: not known. Of a member, the sandbox has them */
	uint32_t cpu_millis, limit_mib; /* what its own limits ask for; 0: no limit */
	bool terminal;			/* its process has one */
	bool no_share;			/* its machine has disks instead of a share */
	bool deleted;	      /* it lives on for the others in its machine: record_open_machine() */
	int64_t cpu_quota_us; /* as last asked for; 0: never */
	uint64_t cpu_period_us;
	bool checkpointing;  /* while status is paused: its machine stands still, and its shim */
	bool paused_created; /* while status is paused: its process was not started yet */
	int status; /* enum oci_status as of the last command: record_status() tells the truth */
	struct json_map annotations;
	struct json_strs cgroups;	  /* directories on the host that its processes are in */
	struct json_strs sandbox_cgroups; /* in the machine of another: that one's */
	struct oci_hooks *hooks;	  /* those that later commands run */
	struct net_state *network;	  /* NULL: it has no network namespace of its own */
	struct proc_id creator;		  /* while status is creating */
	struct proc_id vmm;
	struct proc_id proxy;
	struct proc_id shim;
};

/* One container's directory, opened and locked. Zero-initialise the fds to -1 by RECORD_INIT. */
struct record {
	int root_fd;
	int dir_fd; /* holds the lock */
	char *dir_path;
	int sandbox_fd; /* directory of its sandbox, where the proxy is: dir_fd, or that of another,
			   -1 when that is gone */
	char *sandbox_path; /* NULL: dir_path */
	struct arena arena;
	struct record_state state;
};

#define RECORD_INIT                                           \
	{                                                     \
		.root_fd = -1, .dir_fd = -1, .sandbox_fd = -1 \
	}

/* Is id fit to be one? Otherwise -EINVAL with runc's words. */
int record_check_id(const char *id, struct error *err) must_check;
/* Makes <root>/<id> (and root), locked. -EEXIST: "container with given ID already exists". */
int record_create(struct record *rec, const char *root, const char *id, struct error *err)
	must_check;
/*
 * Opens and locks <root>/<id> and loads its state. -ENOENT: "container does not exist". A directory
 * without state (its creator was killed at once) loads as -ENODATA with the record open and locked,
 * so that it can be removed.
 */
int record_open(struct record *rec, const char *root, const char *id, struct error *err) must_check;
/* Loads without a lock, for commands that only look. */
int record_peek(struct record *rec, const char *root, const char *id, struct error *err) must_check;
/*
 * The same for those who ask for the machine: it may outlive its own container, for the others that
 * are in it. For all else that container does not exist any more, though its state.deleted.
 */
int record_open_machine(struct record *rec, const char *root, const char *id, struct error *err)
	must_check;
int record_peek_machine(struct record *rec, const char *root, const char *id, struct error *err)
	must_check;
/*
 * Locks what record_peek() has opened against commands that change it, but not against others that
 * lock it shared. -ENOENT when it was deleted meanwhile; the state is not loaded again.
 */
int record_lock_shared(struct record *rec, struct error *err) must_check;
/* Lets other commands in before record_done(). Nothing may be saved any more. */
void record_unlock(struct record *rec);
/* Finds the sandbox's directory, once state.sandbox_id is there: what opens a record does so. */
int record_open_sandbox(struct record *rec, struct error *err) must_check;
/* Path of that directory. */
const char *record_sandbox_path(const struct record *rec);
/* Is it in the machine of another container? */
bool record_is_member(const struct record_state *state);
/* Writes state.json. */
int record_save(struct record *rec, struct error *err) must_check;
/* Removes the directory and all in it. May run twice. */
int record_remove(struct record *rec, struct error *err) must_check;
/* Closes, unlocks, frees. */
void record_done(struct record *rec);

#define auto_record __attribute__((cleanup(record_done)))

/* What the container is now: the stored status, corrected by which processes live. */
enum oci_status record_status(const struct record_state *state);

/* Fills what `state` prints and hooks get; strings point into the record. pid is 0 when stopped.
 * `owner` may be NULL. */
void record_to_oci_state(const struct record_state *state, const char *owner,
			 struct oci_state *out);

/*
 * Ids under root, sorted; names that are no valid ids are left out. A missing root is -ENOENT.
 * ids->items and strings live in arena.
 */
int store_list(const char *root, struct arena *arena, struct json_strs *ids, struct error *err)
	must_check;

#endif
