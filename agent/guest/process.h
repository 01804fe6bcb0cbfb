/*
 * Processes of containers, as the agent sees them. Life: setting up -> parked -> exec under way ->
 * running -> ended; the end is reported on the process' stdio stream once its output is sent.
 */
#ifndef AGENT_GUEST_PROCESS_H
#define AGENT_GUEST_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "agent/guest/guest.h"
#include "agent/guest/stream.h"
#include "agent/guest/user.h"
#include "agent/proto/calls.h"

enum process_state {
	PROCESS_SETUP,	  /* the child is making its container */
	PROCESS_PARKED,	  /* waiting for the start */
	PROCESS_STARTING, /* told to exec */
	PROCESS_RUNNING,
	PROCESS_ENDED, /* reaped; its output may still be on its way */
};

struct process {
	struct process *next;
	struct guest *guest;
	struct container *container;
	char *id;
	enum process_state state;
	pid_t pid;
	int pidfd;
	int sync_fd;	/* -1 once exec has happened */
	bool autostart; /* exec follows setup at once */
	bool first;	/* the container's init */
	bool pid1;   /* of a pid namespace: the kernel shields it from signals it has no handler for
		      */
	bool helper; /* that will clone the process: a user namespace is being made */
	int forced_signal;	/* it was killed in the name of this one; 0: no */
	int deferred_signal;	/* that would kill it, and waits for the container to be resumed */
	int master_fd;		/* for resizing; -1 without a terminal */
	uint32_t rows, columns; /* wanted before the terminal was there */
	bool plain_output;	/* of the terminal: lines end by a line feed alone */
	uint32_t signal_seq;	/* of the last counted signal that was delivered */
	struct slot *slot;	/* request that waits for the next step; NULL: none */
	struct error *failure;	/* why it could not start; reported when the child is reaped */
	struct stream stream;
};

struct process_request {
	struct container *container;
	const char *id;
	bool first;
	bool autostart;
	const struct call_streams *streams;
	const struct oci_process *process;
	const struct user_names *names;
	struct slot
		*slot; /* answered when the process is parked, or with autostart, when it runs */
};

/* The stream ids a host chose are usable: not zero, not taken, without the bit that marks credit.
 */
int process_check_streams(struct guest *guest, const struct call_streams *streams,
			  struct error *err) must_check;
/* Clones the child and lets it work. On failure nothing is left and the slot is not answered. */
int process_launch(struct guest *guest, const struct process_request *request, struct error *err)
	must_check;
/* Lets a parked process exec; slot is answered when that has happened. */
void process_start(struct process *process, struct slot *slot);
/* Sends a signal, with what a user expects of `kill` also for a container's init. */
int process_signal(struct process *process, int signo, struct error *err) must_check;
/* Applies a window size, now or once there is a terminal. */
int process_resize(struct process *process, uint32_t rows, uint32_t columns, struct error *err)
	must_check;
/* A child has ended; unknown ones are orphans. */
void process_reaped(struct guest *guest, pid_t pid, int status);
/* The process of that container and id; "" and NULL mean its first. May be NULL. */
struct process *process_find(struct guest *guest, const struct container *container,
			     const char *id);
/* The process with that stdio stream, or NULL. */
struct process *process_find_stream(struct guest *guest, uint64_t stdio);

#endif
