/*
 * What a hypervisor backend is to the rest of acrun: capabilities as data, a pure argument builder,
 * and a handful of operations. It knows nothing of containers, endpoints or the agent.
 */
#ifndef HYPERVISOR_HYPERVISOR_H
#define HYPERVISOR_HYPERVISOR_H

#include <stdbool.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/error.h"
#include "base/proc.h"
#include "base/strvec.h"
#include "hypervisor/host_check.h"
#include "hypervisor/saved.h"

enum hypervisor_caps {
	HV_CAP_SHARED_DIR = 1 << 0,
	HV_CAP_BLOCK_HOTPLUG = 1 << 1,
	HV_CAP_NET_HOTPLUG = 1 << 2,
	HV_CAP_CPU_HOTPLUG = 1 << 3,
	HV_CAP_MEMORY_HOTPLUG = 1 << 4,
	HV_CAP_PAUSE = 1 << 5,
	HV_CAP_SNAPSHOT = 1 << 6,
	HV_CAP_VSOCK = 1 << 7,
	HV_CAP_LOSSY_CHANNEL = 1 << 8, /* channels lose bytes: frames need to be acknowledged */
	HV_CAP_NIC_FD = 1 << 9, /* takes an interface's device opened; else it opens it by name */
};

/* The [hypervisor.X] table of the configuration; all strings belong to the configuration and
 * outlive the calls. */
struct hypervisor_config {
	const char *path;   /* program of the VMM */
	const char *kernel; /* uncompressed ELF or bzImage */
	const char *initrd; /* this or image; which backends take both say so */
	const char *image;
	const char *image_format;  /* "raw" (also when NULL), "qcow2", ...: what the VMM can read */
	const char *kernel_params; /* the user's, appended last */
	const char *machine_type;
	const char *machine_accelerators; /* appended to the machine's options */
	const char *cpu_features;	  /* appended to the CPU model */
	const char *accelerator;	  /* "auto", "kvm", "tcg" */
	const char *entropy_source;	  /* "" for none */
	const char *const *extra_args;	  /* of the VMM, appended; NULL-terminated; NULL: none */
	uint32_t default_vcpus;
	uint32_t default_maxvcpus; /* 0: as many as the host has */
	uint32_t default_memory_mib;
	uint32_t msize_9p;
	const char
		*shared_fs; /* "none": its guests get disks instead; else, NULL too, as caps say */
	bool enable_debug;
	const char *host_dir;	  /* where verdicts about this host are kept ("/run/acrun-host") */
	const char *profile;	  /* which releases of the VMM it is for; "auto" asks the VMM */
	const char *device;	  /* through which VMs are made; "" for the usual one */
	const char *control_path; /* program that controls VMs when they cannot be reached else;
				     "" for none */
	const char *cpu_affinity; /* CPUs for VMs, as the VMM counts them; "" for all */
	const char *vm_uuids;	  /* the UUIDs that the hypervisor lets VMs have */
	uint32_t max_vms;	  /* how many VMs there may be; 0: ask the hypervisor */
	uint32_t spare_nics;	  /* interfaces that a VM boots with for those that come later */
	uint32_t block_slots;	  /* disks that a running VM without a share can be given */
	/* Not the backend's: what of this table a container's annotations may change. Regular
	 * expressions on keys, and file name patterns for `path`. NULL-terminated. */
	const char *const *enable_annotations, *const *valid_paths;
};

/* A stream device whose listening Unix socket the caller has made already, so that peers may
 * connect before the VMM runs. */
struct vm_socket {
	const char *name; /* port name in the guest, e.g. "sh.hyper.channel.0" */
	int listen_fd;
	/* Where it is bound, absolute: a VMM that makes its sockets itself replaces it. launch()
	 * returns when that is done. */
	const char *path;
};

/* Where the caller binds the VMM's control socket in vm_spec.dir, for add_disk(). */
#define VM_CONTROL_SOCKET "control.sock"

enum { VM_CHANNELS_MAX = 4, VM_NICS_MAX = 8 };

/* A network interface of the guest, backed by a tap or macvtap of the host. */
struct vm_nic {
	const char *id;	    /* unique in the VM: "net3" */
	const char *ifname; /* of the host's device, for a VMM that opens it by itself */
	bool macvtap;	    /* else a tap */
	const char *mac;    /* that the guest sees: "02:42:ac:11:00:02" */
	int fd;		    /* the device, opened (HV_CAP_NIC_FD); else -1 */
};

/* One VM to be launched. Nothing here is owned; descriptors are only passed on. */
struct vm_spec {
	const char *name; /* shown in process lists: "sandbox-<id>" */
	const char *uuid; /* text form */
	const char *dir;  /* absolute directory of this VM's files */
	uint32_t vcpus;
	uint32_t memory_mib;
	/*
	 * Room to grow while it runs; all 0: none (it costs the guest time and memory, see
	 * docs/hypervisors.md). max_vcpus and max_memory_mib count what the VM boots with.
	 */
	uint32_t max_vcpus;
	uint32_t max_memory_mib;
	uint32_t memory_slots; /* how often memory can be added */
	/*
	 * The guest's memory is this file (on a memory file system) instead of anonymous memory:
	 * NULL, or an absolute path that the caller and the VMM see alike. Shared, the guest writes
	 * to the file, which the caller has made empty: that makes a template. Else it is the start
	 * of a copy-on-write mapping: that makes a clone. launch() checks the file.
	 */
	const char *memory_file;
	bool memory_shared;
	/*
	 * The VM does not boot: it waits for restore(). Everything that shapes the machine must be
	 * as it was when its state was saved: configuration, accelerator, sizes, number and names
	 * of channels, whether there is a console, a share (and its tag), an entropy source. Name,
	 * uuid, descriptors and the path of the share may differ. Kernel, initrd and parameters
	 * are not read.
	 */
	bool incoming;
	/*
	 * With incoming, where the memory is in the state too: what the saved machine looked like,
	 * whose devices this one gets. `nics` are those of saved->nics, in that order.
	 */
	const struct vm_saved *saved;
	struct vm_socket channels[VM_CHANNELS_MAX];
	unsigned n_channels;
	int console_listen_fd; /* the guest's serial console goes to whoever connects; -1: discarded
				*/
	int control_listen_fd; /* the VMM's control socket (QMP); -1: none */
	const char *console_path; /* where these two are bound, as in struct vm_socket */
	const char *control_path;
	uint32_t vsock_cid;    /* the guest's context id; 0: it has no vsock */
	const char *share_dir; /* host directory shared with the guest; NULL: none */
	const char *share_tag;
	/* Interfaces it boots with; not for a clone. */
	struct vm_nic nics[VM_NICS_MAX];
	unsigned n_nics;
	/* Room for interfaces and for disks that are added while it runs. */
	unsigned nic_slots;
	unsigned disk_slots;
	int log_fd; /* stdout and stderr of the VMM */
	/* Where it runs; see base/spawn.h. */
	int join_ns[4];
	unsigned n_join_ns;
	int unshare_flags;
	int (*prepare)(void *arg, struct error *err);
	void *prepare_arg;
	const char *extra_kernel_params; /* between ours and the user's */
	/* Frequency of the host's time stamp counter; 0: launch() measures it, argv() leaves out
	 * what needs it. */
	uint32_t tsc_khz;
};

/* A launched VM. Plain data: saved in state.json and loaded by later commands. */
struct vm {
	struct proc_id vmm;
	char accelerator[16]; /* what it really runs on */
};

/* A disk for a running VM: a file or a block device of the host. */
struct vm_disk {
	const char *path; /* absolute */
	bool readonly;
};

/* Where the guest has it. */
struct vm_disk_place {
	char name[16];	/* "vdb" */
	uint64_t bytes; /* its size; what the guest must see before the disk is used */
};

/*
 * What talks to a running VM takes a connected stream socket of its control socket
 * (vm_spec.control_listen_fd) over, also on failure; a negative errno in its place is reported as
 * the failure to connect, so that `op(vm, sock_connect_at(dir, name), ...)` needs no check between.
 * One connection is served at a time: the next waits until the one before has gone. A VM that has
 * died is -ECONNRESET or -ECONNREFUSED: vm_last_words() of its log tells why. Operations that stand
 * under a capability bit are NULL without it.
 */
struct hypervisor_ops {
	const char *name; /* table name in the configuration */
	unsigned caps;
	/* Assets exist and are readable, the program can be run, the machine type is known... One
	 * clear error for the first thing wrong. */
	int (*check)(const struct hypervisor_config *cfg, struct error *err);
	/*
	 * For `acrun check`: adds all that this host lacks or has for such VMs (devices, modules,
	 * privileges, releases) beyond what check() says. May probe for seconds. NULL: nothing.
	 */
	void (*check_host)(const struct hypervisor_config *cfg, const struct host_checks *checks);
	/* For `acrun check --create`: has the hypervisor make an empty VM, takes it away again and
	 * adds what came of it. NULL: only a boot can tell. */
	void (*try_create)(const struct hypervisor_config *cfg, const struct host_checks *checks);
	/*
	 * Builds the whole command line (argv[0] included) without side effects. `accelerator` is
	 * "kvm" or "tcg". Descriptor numbers in it are those the VMM will see (channel i: 10 + i,
	 * console: 8, control: 9).
	 */
	int (*argv)(const struct hypervisor_config *cfg, const struct vm_spec *spec,
		    const char *accelerator, struct strvec *argv, struct error *err);
	/*
	 * Starts the VMM and returns as soon as its program runs. Decides the accelerator ("auto":
	 * probes once for this boot of the host). The VMM is re-parented when the caller exits.
	 * vm->vmm is set.
	 */
	int (*launch)(const struct hypervisor_config *cfg, const struct vm_spec *spec,
		      struct vm *vm, struct error *err);
	/* Ends the VM at once and waits until its process is gone. Fine when it is gone already. */
	int (*stop)(const struct vm *vm, struct error *err);
	/* NULL: fit for any host. Else: is this host made for it? Must be quick and have no side
	 * effects. why_not may be NULL. */
	bool (*fits_host)(struct error *why_not);
	/* HV_CAP_PAUSE: halts the vCPUs, lets them go on. Fine when that is so already. */
	int (*pause)(const struct vm *vm, int control_fd, struct error *err);
	int (*resume)(const struct vm *vm, int control_fd, struct error *err);
	/*
	 * HV_CAP_SNAPSHOT: pauses the VM and writes the state of its devices to state_fd (a file,
	 * pipe or socket; not taken over), from its current position on. The memory stays where it
	 * is, in spec.memory_file, if it is shared with that: it belongs to the state, and nothing
	 * may write to it any more, so stop() what was saved, don't resume it. Other memory goes
	 * into the state. On failure the VM may be resumed or stopped; -EREMOTEIO: the hypervisor
	 * refuses, as QEMU does while the guest has a share mounted.
	 */
	int (*save)(const struct vm *vm, int control_fd, int state_fd, uint32_t timeout_s,
		    struct error *err);
	/*
	 * HV_CAP_SNAPSHOT: gives a VM that was launched with spec.incoming the state that save()
	 * wrote and lets it run. A file is read from its start; its position is moved, so it must
	 * be opened anew for each VM. After a failure the VM can only be stopped.
	 */
	int (*restore)(const struct vm *vm, int control_fd, int state_fd, uint32_t timeout_s,
		       struct error *err);
	/* HV_CAP_SNAPSHOT: what the machine looks like now, in arena; also of one that waits for
	 * restore(). */
	int (*describe)(const struct vm *vm, int control_fd, struct arena *arena,
			struct vm_saved *saved, struct error *err);
	/* HV_CAP_CPU_HOTPLUG, HV_CAP_MEMORY_HOTPLUG: whether it holds for the machine type of the
	 * configuration. */
	bool (*can_grow)(const struct hypervisor_config *cfg);
	/*
	 * HV_CAP_CPU_HOTPLUG: plugs n more vCPUs in. *added tells how many there are, also on
	 * failure. The guest has to bring them online.
	 */
	int (*add_cpus)(const struct vm *vm, int control_fd, uint32_t n, uint32_t *added,
			struct error *err);
	/*
	 * HV_CAP_MEMORY_HOTPLUG: plugs more memory in, one slot. *added_mib is the size, rounded up
	 * to whole blocks of the guest's kernel (128 MiB); 0 on failure. The guest has to bring it
	 * online.
	 */
	int (*add_memory)(const struct vm *vm, int control_fd, uint32_t mib, uint32_t *added_mib,
			  struct error *err);
	/* HV_CAP_NET_HOTPLUG: how many interfaces can be added to a running machine of this
	 * configuration; 0: they must be there when it boots. */
	unsigned (*nic_slots)(const struct hypervisor_config *cfg);
	/*
	 * HV_CAP_NET_HOTPLUG: plugs nic into a VM that was launched with nic_slots; nic->fd is
	 * needed and stays the caller's. -ENOSPC: all slots are taken.
	 */
	int (*add_nic)(const struct vm *vm, int control_fd, const struct vm_nic *nic,
		       struct error *err);
	/*
	 * HV_CAP_BLOCK_HOTPLUG: gives the VM whose files are in dir_fd (vm_spec.dir) a disk, which
	 * it keeps until it ends. The caller has the agent wait until the guest sees place->bytes:
	 * only that proves it. A backend that can take nothing out tells the place of what the VM
	 * has already. -ENOSPC: there is no room for another disk.
	 */
	int (*add_disk)(const struct vm *vm, int dir_fd, const struct vm_disk *disk,
			struct vm_disk_place *place, struct error *err);
};

/* The backend of that name, NULL when there is none. */
const struct hypervisor_ops *hypervisor_find(const char *name);
/* The backend fit for this host: for `hypervisor = "auto"`. */
const struct hypervisor_ops *hypervisor_default(void);
/* The i-th backend, NULL past the end: for listings and messages. */
const struct hypervisor_ops *hypervisor_at(unsigned i);

#endif
