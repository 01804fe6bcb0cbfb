#include "runtime/factory/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "agent/proto/hyperstart.h"
#include "base/cleanup.h"
#include "base/sock.h"

enum { RESTORE_TIMEOUT_S = 10, BACKLOG = 4, MEMORY_BLOCK_MIB = 128, MEMORY_SLOTS = 8 };

/* Room for memory costs nothing; room for vCPUs costs each boot, so it is there when it is asked
 * for. */
static void give_room(struct machine *machine)
{
	long pages = sysconf(_SC_PHYS_PAGES);
	uint64_t host_mib = pages < 1 ? 0 : (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE) >> 20;

	if (!(machine->hypervisor->caps & HV_CAP_SNAPSHOT) ||
	    !(machine->hypervisor->caps & (HV_CAP_CPU_HOTPLUG | HV_CAP_MEMORY_HOTPLUG)) ||
	    !machine->hypervisor->can_grow(machine->config))
		return;
	if ((machine->hypervisor->caps & HV_CAP_MEMORY_HOTPLUG) && host_mib > machine->memory_mib) {
		machine->max_memory_mib = (uint32_t)host_mib / MEMORY_BLOCK_MIB * MEMORY_BLOCK_MIB;
		machine->memory_slots = MEMORY_SLOTS;
	}
	if ((machine->hypervisor->caps & HV_CAP_CPU_HOTPLUG) &&
	    machine->config->default_maxvcpus > machine->vcpus)
		machine->max_vcpus = machine->config->default_maxvcpus;
}

static const struct hypervisor_ops *choose(const struct config *config, struct error *err)
{
	const char *name = config->runtime.hypervisor;
	const struct hypervisor_ops *ops = strcmp(name, "auto") ? hypervisor_find(name)
								: hypervisor_default();

	if (ops && config_hypervisor(config, ops->name))
		return ops;
	err_msg(err, -EINVAL, "hypervisor '%s' is not known (set hypervisor in [runtime])", name);
	return NULL;
}

const char *machine_hypervisor_name(const struct config *config, struct error *err)
{
	const struct hypervisor_ops *ops = choose(config, err);

	return ops ? ops->name : NULL;
}

int machine_choose(struct machine *machine, const struct config *config, struct error *err)
{
	machine->hypervisor = choose(config, err);
	if (!machine->hypervisor)
		return err->code;
	machine->config = config_hypervisor(config, machine->hypervisor->name);
	machine->vcpus = machine->config->default_vcpus;
	machine->memory_mib = machine->config->default_memory_mib;
	give_room(machine);
	if (machine->hypervisor->caps & HV_CAP_NET_HOTPLUG)
		machine->nic_slots = machine->hypervisor->nic_slots(machine->config);
	machine->no_share =
		!(machine->hypervisor->caps & HV_CAP_SHARED_DIR) ||
		(machine->config->shared_fs && !strcmp(machine->config->shared_fs, "none"));
	machine->disk_slots = machine->no_share ? machine->config->block_slots : 0;
	return machine->hypervisor->check(machine->config, err);
}

void machine_copy_shape(struct machine *machine, const struct machine *shape)
{
	machine->hypervisor = shape->hypervisor;
	machine->config = shape->config;
	machine->vcpus = shape->vcpus;
	machine->memory_mib = shape->memory_mib;
	machine->max_vcpus = shape->max_vcpus;
	machine->max_memory_mib = shape->max_memory_mib;
	machine->memory_slots = shape->memory_slots;
	machine->nic_slots = shape->nic_slots;
	machine->disk_slots = shape->disk_slots;
	machine->no_share = shape->no_share;
}

static int open_log(struct machine *machine, struct error *err)
{
	machine->log_fd = openat(machine->dir_fd, MACHINE_VMM_LOG,
				 O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	return machine->log_fd < 0
		       ? err_set(err, -errno, "make '%s/%s'", machine->dir, MACHINE_VMM_LOG)
		       : 0;
}

int machine_open(struct machine *machine, struct error *err)
{
	const struct {
		const char *name;
		int *fd;
	} sockets[] = {
		{ MACHINE_CTL_SOCKET, &machine->ctl_fd },
		{ MACHINE_TTY_SOCKET, &machine->tty_fd },
		{ MACHINE_CONSOLE_SOCKET, &machine->console_fd },
		{ MACHINE_CONTROL_SOCKET, &machine->control_fd },
	};

	for (size_t i = 0; i < sizeof(sockets) / sizeof(sockets[0]); i++) {
		*sockets[i].fd = sock_listen_at(machine->dir_fd, sockets[i].name, 0600, BACKLOG);
		if (*sockets[i].fd < 0)
			return err_set(err, *sockets[i].fd, "make the socket '%s/%s'", machine->dir,
				       sockets[i].name);
	}
	return open_log(machine, err);
}

void machine_launched(struct machine *machine)
{
	cleanup_close(&machine->ctl_fd);
	cleanup_close(&machine->tty_fd);
	cleanup_close(&machine->console_fd);
	cleanup_close(&machine->control_fd);
	for (unsigned i = 0; i < machine->n_nics; i++)
		cleanup_close(&machine->nics[i].fd);
}

void machine_close(struct machine *machine)
{
	machine_launched(machine);
	cleanup_close(&machine->log_fd);
	cleanup_close(&machine->pidfd);
}

static const char *file_path(const struct machine *machine, struct arena *arena, const char *name)
{
	return arena_printf(arena, "%s/%s", machine->dir, name);
}

int machine_spec(const struct machine *machine, struct arena *arena, struct vm_spec *spec,
		 struct error *err)
{
	*spec = (struct vm_spec){
		.name = machine->name,
		.uuid = machine->uuid,
		.dir = machine->dir,
		.vcpus = machine->vcpus,
		.memory_mib = machine->memory_mib,
		.max_vcpus = machine->max_vcpus,
		.max_memory_mib = machine->max_memory_mib,
		.memory_slots = machine->memory_slots,
		.nic_slots = machine->nic_slots,
		.disk_slots = machine->disk_slots,
		.n_nics = machine->n_nics,
		.channels = { { HYPER_CHANNEL_CTL, machine->ctl_fd,
				file_path(machine, arena, MACHINE_CTL_SOCKET) },
			      { HYPER_CHANNEL_TTY, machine->tty_fd,
				file_path(machine, arena, MACHINE_TTY_SOCKET) } },
		.n_channels = 2,
		.console_listen_fd = machine->console_fd,
		.control_listen_fd = machine->control_fd,
		.console_path = file_path(machine, arena, MACHINE_CONSOLE_SOCKET),
		.control_path = file_path(machine, arena, MACHINE_CONTROL_SOCKET),
		.log_fd = machine->log_fd,
	};
	memcpy(spec->nics, machine->nics, sizeof(spec->nics));
	if (!machine->no_share) {
		spec->share_dir = file_path(machine, arena, MACHINE_SHARE);
		spec->share_tag = MACHINE_SHARE_TAG;
	}
	if (!spec->channels[0].path || !spec->channels[1].path || !spec->console_path ||
	    !spec->control_path || (spec->share_tag && !spec->share_dir))
		return err_set(err, -ENOMEM, "describe the virtual machine");
	return 0;
}

int machine_launch(struct machine *machine, const struct vm_spec *spec, struct error *err)
{
	int ret;

	cleanup_close(&machine->pidfd);
	ret = machine->hypervisor->launch(machine->config, spec, &machine->vm, err);
	if (ret < 0)
		return ret;
	ret = proc_open(&machine->vm.vmm);
	/* Gone already: whoever waits for the guest will see it. */
	machine->pidfd = ret < 0 ? -1 : ret;
	return 0;
}

static int control(const struct machine *machine)
{
	return sock_connect_at(machine->dir_fd, MACHINE_CONTROL_SOCKET);
}

int machine_restore(struct machine *machine, int state_fd, struct error *err)
{
	return machine->hypervisor->restore(&machine->vm, control(machine), state_fd,
					    RESTORE_TIMEOUT_S, err);
}

int machine_stop(struct machine *machine, struct error *err)
{
	cleanup_close(&machine->pidfd);
	return machine->hypervisor->stop(&machine->vm, err);
}

int machine_grow(struct machine *machine, uint32_t vcpus, uint32_t memory_mib, struct error *err)
{
	uint32_t added = 0;
	int ret = 0;

	if (vcpus > machine->vcpus) {
		ret = machine->hypervisor->add_cpus(&machine->vm, control(machine),
						    vcpus - machine->vcpus, &added, err);
		machine->vcpus += added;
	}
	if (ret == 0 && memory_mib > machine->memory_mib) {
		ret = machine->hypervisor->add_memory(&machine->vm, control(machine),
						      memory_mib - machine->memory_mib, &added,
						      err);
		machine->memory_mib += added;
	}
	return ret;
}
