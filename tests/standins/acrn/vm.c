#include "tests/standins/acrn/vm.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/spawn.h"
#include "tests/standins/acrn/qemu_argv.h"

enum { START_TIMEOUT_MS = 60000, QUIT_TIMEOUT_MS = 2000 };

static struct relay *add_relay(struct vm *vm, const char *label)
{
	struct relay *relay;

	if (vm->n_relays == VM_RELAYS_MAX)
		return NULL;
	relay = &vm->relays[vm->n_relays++];
	relay->loop = vm->loop;
	relay->cfg = vm->cfg;
	relay->label = label;
	relay->loss = vm->set->loss;
	relay->random = &vm->random;
	relay->guest_open = false;
	relay->look = vm_port_is_open;
	relay->look_arg = vm;
	relay_init(relay);
	return relay;
}

static int open_console(struct vm *vm, struct dm_device *dev)
{
	for (unsigned i = 0; i < dev->console.n_ports; i++) {
		const struct dm_port *port = &dev->console.ports[i];
		struct relay *relay = add_relay(vm, port->name);
		int ret = relay ? relay_open_port(relay, port) : -ENOSPC;

		if (ret < 0) {
			(void)printf("virtio-console: port '%s': %s\n", port->name, strerror(-ret));
			return DM_EXIT_FAIL;
		}
	}
	return DM_GO_ON;
}

static int open_lpc(struct vm *vm)
{
	static const char *const labels[DM_COMS] = { "com1", "com2", "com3", "com4" };

	for (unsigned i = 0; i < DM_COMS; i++) {
		const char *backend = vm->cfg->coms[i].backend;
		struct relay *relay = backend ? add_relay(vm, labels[i]) : NULL;

		if (!backend)
			continue;
		if (!relay)
			return DM_EXIT_FAIL;
		relay->loss = 0;
		if (relay_open_com(relay, backend) < 0)
			return DM_EXIT_FAIL;
	}
	return DM_GO_ON;
}

static int open_net(struct vm *vm, const struct dm_device *dev)
{
	int fd = tap_open(vm->cfg, &dev->net);

	if (fd < 0)
		return DM_GO_ON;
	if (vm->n_taps == VM_TAPS_MAX) {
		(void)close(fd);
		return DM_EXIT_FAIL;
	}
	vm->taps[vm->n_taps++] = (struct vm_tap){ .dev = dev, .fd = fd };
	return DM_GO_ON;
}

int vm_open_device(struct vm *vm, struct dm_device *dev)
{
	switch (dev->kind) {
	case DM_CONSOLE:
		return open_console(vm, dev);
	case DM_LPC:
		return open_lpc(vm);
	case DM_NET:
		return open_net(vm, dev);
	default:
		return DM_GO_ON;
	}
}

static bool has_tap(const void *arg, const struct dm_device *dev)
{
	const struct vm *vm = arg;

	for (unsigned i = 0; i < vm->n_taps; i++)
		if (vm->taps[i].dev == dev)
			return true;
	return false;
}

static void on_control(void *arg, int fd, uint32_t events)
{
	struct vm *vm = arg;
	struct error err;

	(void)events;
	if (qmp_poll_events(&vm->qmp, &err) < 0)
		loop_remove_fd(vm->loop, fd);
}

/* ---- QEMU's life ---- */

/* QEMU does not outlive us, as a VM does not outlive its device model. */
static int die_with_us(void *arg, struct error *err)
{
	const pid_t *parent = arg;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return err_set(err, -errno, "bind QEMU's life to ours");
	return getppid() == *parent ? 0 : err_msg(err, -ESRCH, "the device model has gone");
}

static void map_fd(struct spawn *sp, int from, int to)
{
	sp->fds[sp->n_fds++] = (struct spawn_fd){ .from = from, .to = to };
}

static int spawn_qemu(struct vm *vm, const struct strvec *argv, int control, struct error *err)
{
	pid_t self = getpid();
	struct spawn sp = {
		.path = vm->set->qemu,
		.argv = (const char *const *)argv->items,
		.setsid = true,
		.ctty_fd = -1,
		.prepare = die_with_us,
		.prepare_arg = &self,
	};
	int next = QEMU_FIRST_FD;

	map_fd(&sp, STDERR_FILENO, STDOUT_FILENO);
	map_fd(&sp, STDERR_FILENO, STDERR_FILENO);
	map_fd(&sp, control, QEMU_CONTROL_FD);
	for (unsigned i = 0; i < vm->n_relays; i++)
		map_fd(&sp, vm->relays[i].qemu_fd, next++);
	for (unsigned i = 0; i < vm->n_taps; i++)
		map_fd(&sp, vm->taps[i].fd, next++);
	return spawn_start(&sp, &vm->qemu, err);
}

static int pair_relays(struct vm *vm, struct error *err)
{
	for (unsigned i = 0; i < vm->n_relays; i++) {
		int ret = relay_pair(&vm->relays[i]);

		if (ret < 0)
			return err_set(err, ret, "make the sockets of '%s'", vm->relays[i].label);
	}
	return 0;
}

/* NICs without a tap have no link. */
static int lower_links(struct vm *vm, struct error *err)
{
	for (unsigned i = 0; i < vm->cfg->n_devices; i++) {
		const struct dm_device *dev = &vm->cfg->devices[i];
		char name[NODE_NAME_LEN];
		char arguments[64];
		int ret;

		if (dev->kind != DM_NET || has_tap(vm, dev))
			continue;
		standin_node_name('n', dev, name);
		(void)snprintf(arguments, sizeof(arguments), "{\"name\":\"%s\",\"up\":false}",
			       name);
		ret = qmp_execute(&vm->qmp, "set_link", arguments, VM_COMMAND_TIMEOUT_MS, NULL,
				  err);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static void on_end(void *arg, int fd, uint32_t events);

static int run_qemu(struct vm *vm, int control, struct error *err)
{
	int ret;

	vm->qmp = (struct qmp){ .on_event = vm_on_event, .event_arg = vm };
	ret = qmp_open(&vm->qmp, control, START_TIMEOUT_MS, err);
	if (ret == 0)
		ret = lower_links(vm, err);
	if (ret == 0)
		ret = qmp_execute(&vm->qmp, "cont", NULL, VM_COMMAND_TIMEOUT_MS, NULL, err);
	if (ret < 0)
		return ret;
	ret = loop_add_fd(vm->loop, vm->qmp.fd, EPOLLIN, on_control, vm);
	if (ret == 0) {
		vm->qemu_pidfd = (int)syscall(SYS_pidfd_open, vm->qemu, 0);
		ret = loop_add_fd(vm->loop, vm->qemu_pidfd, EPOLLIN, on_end, vm);
	}
	return ret < 0 ? err_set(err, ret, "watch QEMU") : 0;
}

int vm_start(struct vm *vm, struct error *err)
{
	auto_strvec struct strvec argv = { 0 };
	auto_close int control = -1;
	int pair[2];
	int ret = standin_qemu_argv(vm->cfg, vm->set, has_tap, vm, &argv, err);

	if (ret == 0)
		ret = pair_relays(vm, err);
	if (ret < 0)
		return ret;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(err, -errno, "make QEMU's control socket");
	control = pair[0];
	ret = spawn_qemu(vm, &argv, pair[1], err);
	(void)close(pair[1]);
	for (unsigned i = 0; i < vm->n_relays; i++)
		cleanup_close(&vm->relays[i].qemu_fd);
	return ret < 0 ? ret : run_qemu(vm, take_fd(&control), err);
}

/* Ends QEMU and forgets it; its descriptors and those of the ports are closed. */
static void end_qemu(struct vm *vm)
{
	struct error err;
	int status;

	if (vm->qmp.fd > 0) {
		loop_remove_fd(vm->loop, vm->qmp.fd);
		(void)!qmp_execute(&vm->qmp, "quit", NULL, QUIT_TIMEOUT_MS, NULL, &err);
	}
	if (vm->qemu > 0) {
		if (spawn_wait(vm->qemu, QUIT_TIMEOUT_MS, &status) == -ETIMEDOUT) {
			(void)kill(vm->qemu, SIGKILL);
			(void)waitpid(vm->qemu, &status, 0);
		}
		vm->qemu = 0;
	}
	if (vm->qemu_pidfd > 0) {
		loop_remove_fd(vm->loop, vm->qemu_pidfd);
		(void)close(vm->qemu_pidfd);
		vm->qemu_pidfd = 0;
	}
	qmp_close(&vm->qmp);
	for (unsigned i = 0; i < vm->n_relays; i++)
		relay_close(&vm->relays[i]);
	vm->n_relays = 0;
}

/* A reset goes through all devices again: sockets are made anew, disks that came later are gone. */
static void restart(struct vm *vm)
{
	struct error err = { 0 };
	int ret = DM_GO_ON;

	vm->reset = vm->off = false;
	memset(vm->filled, 0, sizeof(vm->filled));
	for (unsigned i = 0; ret == DM_GO_ON && i < vm->cfg->n_devices; i++)
		if (vm->cfg->devices[i].kind != DM_NET)
			ret = vm_open_device(vm, &vm->cfg->devices[i]);
	if (ret == DM_GO_ON && vm_start(vm, &err) == 0)
		return;
	(void)printf("stand-in: restart: %s\n", err.text);
	loop_stop(vm->loop, DM_EXIT_FAIL);
}

static void on_end(void *arg, int fd, uint32_t events)
{
	struct vm *vm = arg;
	struct error err;

	(void)fd;
	(void)events;
	(void)!qmp_poll_events(&vm->qmp, &err);
	if (!vm->reset) {
		if (!vm->off)
			(void)printf("stand-in: QEMU ended by itself\n");
		loop_stop(vm->loop, vm->off ? 0 : DM_EXIT_FAIL);
		return;
	}
	dm_fault(vm->cfg, "vm: the guest was reset, its later disks are gone");
	end_qemu(vm);
	restart(vm);
}

void vm_power_off(struct vm *vm)
{
	loop_stop(vm->loop, 0);
}

void vm_close(struct vm *vm)
{
	end_qemu(vm);
	for (unsigned i = 0; i < vm->n_taps; i++)
		(void)close(vm->taps[i].fd);
	vm->n_taps = 0;
}
