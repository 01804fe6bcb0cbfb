/* What the agent knows: its channels, the pod, containers and processes. One instance, made in
 * main(), passed around. */
#ifndef AGENT_GUEST_GUEST_H
#define AGENT_GUEST_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "agent/guest/answers.h"
#include "agent/guest/channel.h"
#include "agent/proto/reset.h"
#include "base/loop.h"

#define GUEST_SHARE_DIR	     "/run/share" /* where the host's 9p share is mounted */
#define GUEST_ROOT_DIR	     "/run/root"  /* in each container's mount namespace: its future "/" */
#define GUEST_CGROUP_DIR     "/sys/fs/cgroup" /* the unified hierarchy */
#define GUEST_CONTAINERS_DIR GUEST_CGROUP_DIR "/containers"

struct container;
struct process;
struct slot;
struct worker;
struct stream;
struct events;

struct guest {
	struct loop *loop;
	struct channel *ctl;
	struct channel *tty;
	struct slot *slots; /* requests in order of arrival, not yet answered */
	size_t n_slots;
	struct answers answers;
	struct container *containers;
	struct process
		*processes;	/* children that belong to a container, until they are reported */
	struct worker *workers; /* children that do a blocking job for the loop */
	struct stream *streams; /* of processes, and of ended ones until the host takes leave */
	size_t n_rests;		/* of ended ones */
	int n_bulk;		/* outputs that say much: we run as a batch job meanwhile */
	struct events *events;	/* what happened to containers; NULL: no memory for it */
	char *hostname;		/* of the pod; NULL before STARTPOD */
	bool pod_starting;	/* by a worker */
	bool pod_started;
	uint32_t out_window; /* credit of each output at the start; 0 before HELLO */
	bool flow;	     /* credit on the I/O channel was agreed on by HELLO */
	bool extended;	     /* HELLO was seen on this connection */
	bool resume;	     /* a host may take the channels over: it knows `key` */
	unsigned char key[RESET_KEY_LEN];
	bool up;		  /* initialised: requests may be served */
	bool settled;		  /* nothing of the boot is under way any more */
	struct slot *settle_slot; /* request that waits for that; NULL: none */
	bool dispatching;	  /* a handler is being run */
};

#endif
