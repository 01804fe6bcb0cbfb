/* The running VM of the stand-in: QEMU, its ports, and what can be asked of it. */
#ifndef TESTS_STANDINS_ACRN_VM_H
#define TESTS_STANDINS_ACRN_VM_H

#include <sys/types.h>
#include "base/loop.h"
#include "hypervisor/qemu/qmp.h"
#include "tests/standins/acrn/relay.h"
#include "tests/standins/acrn/settings.h"

enum { VM_RELAYS_MAX = 20, VM_TAPS_MAX = 8, VM_COMMAND_TIMEOUT_MS = 10000 };

struct vm_tap {
	const struct dm_device *dev;
	int fd;
};

struct vm {
	/* Set by the owner. */
	const struct settings *set;
	struct dm_config *cfg;
	struct loop *loop;
	/* Private. */
	struct relay relays[VM_RELAYS_MAX];
	unsigned n_relays;
	struct vm_tap taps[VM_TAPS_MAX];
	unsigned n_taps;
	bool filled[DM_SLOTS]; /* placeholders that have got their disk */
	unsigned n_rescans;
	uint64_t random;
	pid_t qemu; /* 0: none */
	int qemu_pidfd;
	struct qmp qmp;
	bool reset; /* QEMU ends because the guest asked for a reset */
	bool off;   /* ... for the power to go */
};

/* Opens what a device names, after dm_parse_device(). An exit status or DM_GO_ON. */
int vm_open_device(struct vm *vm, struct dm_device *dev) must_check;
/* Starts QEMU and lets the guest run. When it ends, the loop stops with the exit status. */
int vm_start(struct vm *vm, struct error *err) must_check;
/* Gives a placeholder its disk: "SLOT,PATH[,OPTION...]". 0, or -1 without a reason, as there. */
int vm_rescan(struct vm *vm, const char *text) must_check;
/* Presses the power button. 0 or -1. */
int vm_press_power(struct vm *vm) must_check;
/* Halts the vCPUs or lets them go on. 0 or -1. */
int vm_set_paused(struct vm *vm, bool paused) must_check;
/* Whether the guest has switched ACPI on: from then on SIGTERM does nothing. */
bool vm_acpi_enabled(struct vm *vm);
/* The power goes: the loop stops with status 0. */
void vm_power_off(struct vm *vm);
/* Ends QEMU if it is there and closes all. The files of the sockets stay. */
void vm_close(struct vm *vm);

/* An event of QEMU's; arg is the VM. In vm_talk.c. */
void vm_on_event(void *arg, const char *event, const char *text);
/* Whether the guest has a port open, by QEMU's own word; arg is the VM. */
bool vm_port_is_open(void *arg, const struct relay *relay);
/* Opens the tap of a device, which is made if it is not there. -1: none, the link stays down. */
int tap_open(struct dm_config *cfg, const struct dm_net *net);
/* The disk of a device that already runs; in vm_rescan.c. */
int vm_replace_disk(struct vm *vm, const struct dm_device *dev, const struct dm_blk *blk,
		    struct error *err) must_check;

#endif
