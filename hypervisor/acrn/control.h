/*
 * What a running device model can be asked for: to open a file behind a placeholder disk. There are
 * three ways: a socket of JSON (from 3.0 on), the monitor's own messages before, and the program
 * acrnctl, which tells neither the truth about failures nor always talks to the VM it was given.
 */
#ifndef HYPERVISOR_ACRN_CONTROL_H
#define HYPERVISOR_ACRN_CONTROL_H

#include <sys/types.h>
#include "base/error.h"
#include "base/proc.h"
#include "hypervisor/acrn/profile.h"

#define ACRN_MONITOR_DIR "/run/acrn/mngr"

enum { ACRN_CONTROL_TIMEOUT_MS = 5000 };

struct acrn_control {
	const struct acrn_profile *profile;
	int dir_fd;	      /* of the VM's files: the JSON socket is there */
	const char *socket;   /* its name */
	const char *monitors; /* ACRN_MONITOR_DIR, where the monitor's sockets are */
	const char *name;     /* of the VM */
	pid_t pid;	      /* of the device model */
	const char *acrnctl;  /* used when the monitor cannot be reached; "" for never */
	int timeout_ms;	      /* for an answer */
};

/*
 * Has the placeholder in that slot filled with `path`. 0: the device model says it is done; believe
 * it when the guest has seen the disk. -EREMOTEIO: it refuses, and the slot is as it was; anything
 * else leaves that open.
 */
int control_rescan(const struct acrn_control *control, uint32_t slot, const char *path,
		   bool readonly, struct error *err) must_check;

/*
 * Removes what dead device models have left in the directory of the monitor's sockets: those of VM
 * `name` (NULL: any) and of process `pid` (0: any that is gone). A socket that stays is taken for
 * the VM's by acrnctl.
 */
void control_sweep(const char *monitors, const char *name, pid_t pid);

#endif
