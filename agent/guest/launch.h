/* How a process of a container comes to life: the plan the agent makes, the child that carries it
 * out, and what they tell each other. */
#ifndef AGENT_GUEST_LAUNCH_H
#define AGENT_GUEST_LAUNCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "agent/guest/user.h"
#include "base/error.h"
#include "oci/spec.h"

struct launch {
	bool first; /* the container's init: makes the container. Otherwise joins it */
	const struct oci_spec *spec;
	const struct oci_process *process;
	const struct user_names *names; /* overrides process->user; NULL: numbers as they stand */
	const char *id;			/* of the container */
	const char *bundle;		/* on the host, for hooks; may be NULL */
	const char *rootfs;		/* relative to the share */
	const char *hostname;		/* of the pod, when the spec names none; may be NULL */
	const char *cgroup;		/* absolute path of the container's cgroup */
	bool userns;	   /* the container has a user namespace of its own, or shares the pod's */
	int clone_flags;   /* with userns, of the first: CLONE_NEW* that are made with it */
	int unshare_flags; /* CLONE_NEW* that the child itself unshares */
	int join_flags;	   /* CLONE_NEW* to take over from join_pidfd */
	int join_pidfd;	   /* -1: none */
	bool own_uts;	   /* hostname may be set */
	int stdio[3];	   /* -1 each with a terminal */
	int sync_fd;
};

enum launch_message_type {
	LAUNCH_ERROR = 'E',    /* child: code and text; it is about to exit */
	LAUNCH_TERMINAL = 'T', /* child: the master of its terminal comes along */
	LAUNCH_CHILD = 'C', /* child: it was but a helper, the pidfd of the real one comes along */
	LAUNCH_READY = 'R', /* child: everything is set up, waiting for LAUNCH_GO */
	LAUNCH_GO = 'G',    /* agent: exec now; the socket closes when that has happened */
};

/* One packet of the socket between them; the text is cut to what is needed. */
struct launch_message {
	int32_t type;
	int32_t code;
	char text[ERROR_TEXT_MAX];
};

/* Sends a packet; `err` only for LAUNCH_ERROR, fd -1 for none. -errno. */
int launch_send(int sync_fd, enum launch_message_type type, const struct error *err, int fd);
/* Receives one: 1, 0 when the other side is gone, -errno. *fd gets a descriptor that came along, or
 * -1. */
int launch_receive(int sync_fd, struct launch_message *message, int *fd) must_check;

/* The number, as this /proc has it, of the process behind a pidfd. -errno. */
pid_t launch_pid_of(int pidfd) must_check;

/* The child's whole life up to exec. */
_Noreturn void launch_child(const struct launch *launch);

#endif
