#include "cmd/acrun-proxy/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/log.h"
#include "cmd/acrun-proxy/proxy.h"
#include "cmd/acrun-proxy/vm_internal.h"

/* Connects without ever blocking; the path may be of any length. */
static int connect_now(const char *path)
{
	auto_close int target = open(path, O_PATH | O_CLOEXEC);
	auto_close int fd = -1;
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	if (target < 0)
		return -errno;
	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d", target);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return -errno;
	return take_fd(&fd);
}

static int open_channel(struct vm *vm, struct channel *channel, const char *path, struct error *err)
{
	int ret;

	channel->in.max = CTL_FRAME_MAX + VM_READ_BYTES;
	channel->fd = connect_now(path);
	if (channel->fd < 0)
		return err_set(err, channel->fd, "connect to the VM at '%s'", path);
	ret = loop_add_fd(vm->proxy->loop, channel->fd, EPOLLIN, vm_on_channel, vm);
	if (ret < 0) {
		cleanup_close(&channel->fd);
		return err_set(err, ret, "watch the VM at '%s'", path);
	}
	channel->events = EPOLLIN;
	return 0;
}

/* A console that cannot be had is no reason to do without the VM. */
static void open_console(struct vm *vm, const char *path)
{
	struct error err = { 0 };
	int fd = connect_now(path);

	if (fd < 0) {
		log_warning("the guest's console '%s' is not read: %s", path, strerror(-fd));
		return;
	}
	if (console_start(&vm->console, vm->proxy->loop, fd, vm->proxy->console_log, &err) < 0)
		log_warning("%s", err.text);
}

static struct vm *make_vm(struct proxy *proxy, struct error *err)
{
	struct vm *vm = calloc(1, sizeof(*vm));

	if (!vm) {
		(void)err_set(err, -ENOMEM, "register the VM");
		return NULL;
	}
	vm->proxy = proxy;
	vm->pending_end = &vm->pending;
	vm->ctl.fd = vm->tty.fd = vm->console.fd = vm->console.log_fd = -1;
	return vm;
}

static void on_wake(void *arg)
{
	struct vm *vm = arg;

	proxy_settle(vm->proxy);
}

/* The channel goes through a link from its first byte; each proxy of a VM is an epoch of its own.
 */
static int open_link(struct vm *vm, struct channel *channel)
{
	channel->linked = calloc(1, sizeof(*channel->linked));
	if (!channel->linked)
		return -ENOMEM;
	linked_init(channel->linked, vm->proxy->loop, true, on_wake, vm);
	channel->linked->link.resend_min_ms = vm->proxy->waits.resend_ms;
	linked_open(channel->linked, vm->key, vm->proxy->journal.epoch);
	return 0;
}

/* Tells the guest that another host has come. */
static int begin_anew(struct vm *vm, struct channel *channel, bool link)
{
	if (link)
		return open_link(vm, channel);
	channel->resetting = true;
	if (reset_make_random(channel->nonce) < 0)
		return -EIO;
	return reset_encode(&channel->out.buf, vm->key, channel->nonce);
}

struct vm *vm_take_over(struct proxy *proxy, const struct journal_vm *known, struct error *err)
{
	struct vm *vm = make_vm(proxy, err);

	if (!vm)
		return NULL;
	vm->taken_over = true;
	if (reset_parse_key(known->key, vm->key) < 0 ||
	    open_channel(vm, &vm->ctl, known->ctl, err) < 0 ||
	    open_channel(vm, &vm->tty, known->tty, err) < 0 ||
	    begin_anew(vm, &vm->ctl, known->link) < 0 ||
	    begin_anew(vm, &vm->tty, known->link) < 0) {
		proxy->vm = vm; /* the sessions look there */
		vm_lose(vm, "its channels cannot be reached any more");
		return vm;
	}
	if (known->console)
		open_console(vm, known->console);
	return vm;
}

/* Writes down who the VM is before it is spoken to. */
static int begin_journal(struct vm *vm, const struct vm_paths *paths, struct error *err)
{
	char key[RESET_HEX_LEN + 1];
	const struct journal_vm known = {
		.sandbox = vm->proxy->sandbox,
		.ctl = paths->ctl,
		.tty = paths->tty,
		.console = paths->console,
		.key = key,
		.link = vm->proxy->link,
	};

	vm->proxy->journal.epoch = vm->proxy->link ? 1 : 0;
	if (!vm->proxy->journal.path && !vm->proxy->link)
		return 0;
	if (reset_make_random(vm->key) < 0)
		return err_set(err, -EIO, "get random numbers");
	reset_format_key(vm->key, key);
	return vm->proxy->journal.path ? journal_begin(vm->proxy, &known, err) : 0;
}

static int open_channels(struct vm *vm, const struct vm_paths *paths, struct error *err)
{
	int ret = open_channel(vm, &vm->ctl, paths->ctl, err);

	if (ret == 0)
		ret = open_channel(vm, &vm->tty, paths->tty, err);
	if (ret < 0 || !vm->proxy->link)
		return ret;
	ret = open_link(vm, &vm->ctl);
	if (ret == 0)
		ret = open_link(vm, &vm->tty);
	return ret < 0 ? err_set(err, ret, "open the link to the VM") : 0;
}

struct vm *vm_new(struct proxy *proxy, const struct vm_paths *paths, struct error *err)
{
	struct vm *vm = make_vm(proxy, err);

	if (!vm)
		return NULL;
	if (paths->console && *paths->console)
		open_console(vm, paths->console);
	if (begin_journal(vm, paths, err) < 0 || open_channels(vm, paths, err) < 0) {
		vm_free(vm);
		return NULL;
	}
	return vm;
}
