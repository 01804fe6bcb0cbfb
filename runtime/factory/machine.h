/*
 * A virtual machine as an object: its directory with the sockets, the VMM, and what can be done to
 * it while it runs. It knows neither sandboxes nor containers. Used by create for a sandbox' own
 * machine, and to make templates.
 */
#ifndef RUNTIME_FACTORY_MACHINE_H
#define RUNTIME_FACTORY_MACHINE_H

#include "base/arena.h"
#include "hypervisor/hypervisor.h"
#include "runtime/config/config.h"

/* Files in a machine's directory. */
#define MACHINE_CTL_SOCKET     "hyper.sock"
#define MACHINE_TTY_SOCKET     "tty.sock"
#define MACHINE_CONSOLE_SOCKET "console.sock"
#define MACHINE_CONTROL_SOCKET VM_CONTROL_SOCKET
#define MACHINE_VMM_LOG	       "vmm.log"
#define MACHINE_SHARE	       "share"
#define MACHINE_SHARE_TAG      "hyperShared" /* 9p mount tag, as the original runtimes have it */

struct machine {
	const struct hypervisor_ops *hypervisor;
	const struct hypervisor_config *config;
	const char *dir; /* absolute; the caller's */
	int dir_fd;	 /* the caller's */
	const char *name;
	const char *uuid;
	uint32_t vcpus, memory_mib;
	uint32_t max_vcpus, max_memory_mib, memory_slots;
	uint32_t nic_slots, disk_slots;
	bool no_share; /* files reach the guest as disks alone */
	struct vm_nic
		nics[VM_NICS_MAX]; /* that it boots with; fds are closed by machine_launched() */
	unsigned n_nics;
	int ctl_fd, tty_fd, console_fd, control_fd; /* listening; closed by machine_launched() */
	int log_fd;
	int pidfd; /* of the VMM; -1: not running */
	struct vm vm;
};

#define MACHINE_INIT                                                                          \
	{                                                                                     \
		.dir_fd = -1, .ctl_fd = -1, .tty_fd = -1, .console_fd = -1, .control_fd = -1, \
		.log_fd = -1, .pidfd = -1                                                     \
	}

/* The backend that the configuration chooses; NULL with -EINVAL in err when it knows none. */
const char *machine_hypervisor_name(const struct config *config, struct error *err);

/*
 * Takes the backend that the configuration chooses and sizes the machine as its table says. -EINVAL
 * when there is none of that name, or what its check() says.
 */
int machine_choose(struct machine *machine, const struct config *config, struct error *err)
	must_check;

/* A machine of the same backend and sizes as `shape`, nothing else. */
void machine_copy_shape(struct machine *machine, const struct machine *shape);

/* Makes the listening sockets and the log in machine->dir. */
int machine_open(struct machine *machine, struct error *err) must_check;

/* Closes what is open here; the VMM runs on. */
void machine_close(struct machine *machine);

/* The part of a vm_spec that the machine decides; the caller adds namespaces, memory file and the
 * like. Text lives in arena. */
int machine_spec(const struct machine *machine, struct arena *arena, struct vm_spec *spec,
		 struct error *err) must_check;

/* Starts the VMM. The sockets stay open, for another try. */
int machine_launch(struct machine *machine, const struct vm_spec *spec, struct error *err)
	must_check;

/* Gives a machine launched with spec.incoming its state and lets it run. */
int machine_restore(struct machine *machine, int state_fd, struct error *err) must_check;

/* Leaves the sockets to the VMM alone, so that whoever is connected sees its death. */
void machine_launched(struct machine *machine);

/* Ends the VMM and waits for it. */
int machine_stop(struct machine *machine, struct error *err) must_check;

/* Hot-adds until there are `vcpus` and `memory_mib`; what is there already is never taken away. The
 * guest must then be told. */
int machine_grow(struct machine *machine, uint32_t vcpus, uint32_t memory_mib, struct error *err)
	must_check;

#endif
