/* The containers of the pod. */
#ifndef AGENT_GUEST_CONTAINER_H
#define AGENT_GUEST_CONTAINER_H

#include <stdbool.h>
#include "agent/guest/guest.h"
#include "agent/guest/process.h"
#include "base/arena.h"
#include "base/error.h"

enum container_state {
	CONTAINER_CREATING,
	CONTAINER_CREATED,
	CONTAINER_RUNNING,
	CONTAINER_STOPPED
};

struct container {
	struct container *next;
	struct guest *guest;
	char *id;
	char *made_as; /* the id that its files in the guest are named by */
	enum container_state state;
	struct arena arena;	     /* of what follows; taken over from the request */
	const struct oci_spec *spec; /* process and linux_ may be looked at by exec */
	const char *rootfs;	     /* relative to the share */
	const char *bundle;	     /* on the host, for hooks; may be NULL */
	char *cgroup_path;
	int cgroup_fd;
	int clone_flags;      /* namespaces made with the clone */
	int unshare_flags;    /* namespaces the child makes for itself */
	int join_flags;	      /* namespaces shared with other containers */
	int join_pidfd;	      /* who has them; owned */
	int join_pidns_fd;    /* a member of the pid namespace among them; owned */
	struct process *init; /* NULL once its end is reported */
	struct slot *removal; /* request that waits for the last process */
	int removal_timer;
	bool paused;
	struct slot *freeze_slot; /* request that waits for everything to be at rest */
	int freeze_fd;		  /* cgroup.events meanwhile; else -1 */
	int freeze_timer;
	uint64_t after_event; /* the last one before it was made: not about it */
	int oom_fd;	      /* memory.events; -1: none */
	int64_t oom_kills;
	char *reply; /* what the ACK of its creation says; NULL: nothing */
};

struct container_request {
	const char *id;
	const char *rootfs;
	const char *bundle; /* NULL: not known */
	const struct oci_spec *spec;
	const struct call_streams *streams;
	const struct user_names *names; /* NULL: numbers of spec->process->user */
	bool autostart;
	struct slot *slot;
	const char *reply; /* payload of the ACK; copied; NULL: none */
};

/*
 * Makes a container and its parked (autostart: running) process. Everything the request points to
 * lives in *arena, which is taken over. On failure nothing is left and the slot is not answered;
 * later failures are.
 */
int container_create(struct guest *guest, const struct container_request *request,
		     struct arena *arena, struct error *err) must_check;
/* NULL when unknown. */
struct container *container_find(struct guest *guest, const char *id);
/* Calls it by another id from now on. */
int container_rename(struct container *container, const char *id, struct error *err) must_check;
/* CLONE_NEW* that a further process must join, pid namespace excluded. */
int container_exec_flags(const struct container *container);
/* Are its users others than the guest's? */
bool container_has_userns(const struct container *container);
/* Signals its init, or all. */
int container_signal(struct container *container, int signo, bool all, struct error *err)
	must_check;
/* Forgets a stopped container; the slot is answered when its last process is reported. */
void container_remove(struct container *container, struct slot *slot);

/* Told by process.c: init is dead; init could not be launched; a process is reported and gone. */
void container_init_gone(struct container *container);
void container_launch_failed(struct container *container);
void container_process_gone(struct container *container);
void container_free(struct container *container);

#endif
