/* What the files of the QEMU backend share. */
#ifndef HYPERVISOR_QEMU_QEMU_INTERNAL_H
#define HYPERVISOR_QEMU_QEMU_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/arena.h"
#include "base/json.h"
#include "hypervisor/hypervisor.h"
#include "hypervisor/qemu/qmp.h"
#include "hypervisor/saved.h"

/* Descriptor numbers in the VMM. */
enum { QEMU_FD_CONSOLE = 8, QEMU_FD_CONTROL = 9, QEMU_FD_CHANNEL = 10, QEMU_FD_NIC = 16 };

/* A port that takes a device while the machine runs; by its number. */
#define QEMU_PORT_ID	  "port%u"
#define QEMU_DISK_PORT_ID "disk-port%u"

/* A disk that was plugged in, by its number; the file behind it is called <id>-file. */
#define QEMU_DISK_ID "disk%u"
/* What the guest boots from. */
#define QEMU_IMAGE_ID "image0"

/* What differs between QEMU's machine types. */
struct qemu_machine {
	const char *name;    /* as in the configuration and on the command line */
	const char *options; /* "" or ",key=value..." */
	uint32_t max_vcpus;
	const char *params;	   /* kernel parameters on any accelerator; may be NULL */
	const char *tcg_params;	   /* more of them under emulation */
	const char *tcg_up_params; /* and these when there is one vCPU */
	bool hotplug;		   /* of vCPUs and memory */
	unsigned nic_slots;	   /* how many interfaces can be hot-plugged */
	unsigned disk_slots;	   /* how many disks */
	bool ports;		   /* each of these into a port of its own, made in advance */
	bool vmgenid;		   /* firmware and tables that tell the guest of a new generation */
	bool needs_tsc_khz; /* cannot boot under emulation without knowing the TSC's frequency */
};

/* NULL when unknown. */
const struct qemu_machine *machine_find(const char *name);
/* Sets "unknown machine_type ..." with the list of the known ones; returns the error. */
int machine_unknown(const char *name, struct error *err);

/* hypervisor_ops.argv. */
int qemu_argv(const struct hypervisor_config *cfg, const struct vm_spec *spec,
	      const char *accelerator, struct strvec *argv, struct error *err) must_check;

/* Appends text as a value of QEMU's option lists. */
void qemu_put_escaped(struct strbuf *buf, const char *text);

/* hypervisor_ops.pause, .resume, .save, .restore, .add_cpus, .add_memory. */
int qemu_pause(const struct vm *vm, int control_fd, struct error *err) must_check;
int qemu_resume(const struct vm *vm, int control_fd, struct error *err) must_check;
int qemu_save(const struct vm *vm, int control_fd, int state_fd, uint32_t timeout_s,
	      struct error *err) must_check;
int qemu_restore(const struct vm *vm, int control_fd, int state_fd, uint32_t timeout_s,
		 struct error *err) must_check;
int qemu_add_cpus(const struct vm *vm, int control_fd, uint32_t n, uint32_t *added,
		  struct error *err) must_check;
int qemu_add_memory(const struct vm *vm, int control_fd, uint32_t mib, uint32_t *added_mib,
		    struct error *err) must_check;
/* hypervisor_ops.add_nic. */
int qemu_add_nic(const struct vm *vm, int control_fd, const struct vm_nic *nic, struct error *err)
	must_check;

/* hypervisor_ops.describe. */
int qemu_describe(const struct vm *vm, int control_fd, struct arena *arena, struct vm_saved *saved,
		  struct error *err) must_check;
/* Its part about vCPUs and memory. */
int qemu_ask_growth(struct qmp *qmp, struct arena *arena, struct vm_saved *saved, struct error *err)
	must_check;
/* Its part about a command line: len bytes, a NUL after each word. */
int qemu_shape(const char *command, size_t len, struct arena *arena, struct json_strs *shape,
	       struct error *err) must_check;

/* Adds the devices that a machine had been given to the command line of one that takes its state
 * over. */
void qemu_add_saved(const struct vm_spec *spec, struct strvec *argv);

/* hypervisor_ops.add_disk. */
int qemu_add_disk(const struct vm *vm, int dir_fd, const struct vm_disk *disk,
		  struct vm_disk_place *place, struct error *err) must_check;

/*
 * Takes a connection to a control socket over, or tells that there is none (negative errno). A QEMU
 * that has just been started may take its time until it greets.
 */
int control_open(struct qmp *qmp, int control_fd, struct error *err) must_check;

/* Asks a question and decodes the answer into out; a list becomes the member "list", which is then
 * the only one of the type. */
int control_ask(struct qmp *qmp, const char *command, const char *arguments,
		const struct json_type *type, struct arena *arena, void *out, struct error *err)
	must_check;

/* What was plugged in under a name, ports included. */
struct qemu_peripherals {
	struct json_objs list;
};

int qemu_ask_peripherals(struct qmp *qmp, struct arena *arena, struct qemu_peripherals *all,
			 struct error *err) must_check;
bool qemu_has_peripheral(const struct qemu_peripherals *all, const char *name);

/* How long QEMU may take to answer a command. */
enum { CONTROL_TIMEOUT_MS = 10000 };

/* hypervisor_ops.check_host. */
void qemu_check_host(const struct hypervisor_config *cfg, const struct host_checks *checks);

/* Starts the program with that command line, descriptors and namespaces. */
int qemu_spawn(const struct hypervisor_config *cfg, const struct vm_spec *spec,
	       const struct strvec *argv, pid_t *pid, struct error *err) must_check;

/*
 * Frequency of the time stamp counter in kHz, measured against the monotonic clock for about 2 ms;
 * 0 when there is none. What emulated guests read is the host's counter.
 */
uint32_t tsc_measure_khz(void);

#endif
