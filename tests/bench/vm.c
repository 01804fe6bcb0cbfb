#include "tests/bench/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/sock.h"
#include "tests/bench/frames.h"

static double ms_since(int64_t begun_us)
{
	return (double)(clock_now_us() - begun_us) / 1000;
}

static int open_machine(struct bench_vm *vm, struct error *err)
{
	const struct rig *rig = vm->rig;
	struct machine *machine = &vm->machine;
	int ret;

	uuid_generate_text(vm->uuid);
	(void)snprintf(vm->dir, sizeof(vm->dir), "%s/vm-%s", rig->dir, vm->uuid);
	machine_copy_shape(machine, &rig->shape);
	machine->dir = vm->dir;
	machine->name = "bench";
	machine->uuid = vm->uuid;
	machine->dir_fd = fs_mkdir_open_at(AT_FDCWD, vm->dir, 0700);
	if (machine->dir_fd < 0)
		return err_set(err, machine->dir_fd, "make '%s'", vm->dir);
	ret = machine_open(machine, err);
	if (ret < 0)
		return ret;
	vm->ctl = sock_connect_at(machine->dir_fd, MACHINE_CTL_SOCKET);
	vm->tty = sock_connect_at(machine->dir_fd, MACHINE_TTY_SOCKET);
	return vm->ctl < 0 || vm->tty < 0
		       ? err_msg(err, -EIO, "cannot connect to the channels in '%s'", vm->dir)
		       : 0;
}

/* One more port, which comes out at a socket beside the machine's own. */
static int add_raw_port(struct bench_vm *vm, struct vm_spec *spec, struct error *err)
{
	static const char name[] = "raw.sock";
	const char *path = arena_printf(&vm->arena, "%s/%s", vm->dir, name);

	vm->raw_listen = sock_listen_at(vm->machine.dir_fd, name, 0600, 1);
	vm->raw = vm->raw_listen < 0 ? -1 : sock_connect_at(vm->machine.dir_fd, name);
	if (!path || vm->raw < 0)
		return err_msg(err, -EIO, "cannot make a socket in '%s'", vm->dir);
	spec->channels[spec->n_channels++] =
		(struct vm_socket){ VM_RAW_PORT, vm->raw_listen, path };
	return 0;
}

int vm_begin(struct bench_vm *vm, const struct rig *rig, enum vm_kind kind, struct vm_steps *steps,
	     struct error *err)
{
	bool clone = kind == VM_CLONE;
	struct vm_spec spec;
	int64_t begun;
	int ret;

	*vm = (struct bench_vm){ .rig = rig,
				 .machine = MACHINE_INIT,
				 .template = TEMPLATE_INIT,
				 .ctl = -1,
				 .tty = -1,
				 .raw_listen = -1,
				 .raw = -1,
				 .ctl_in = { .max = 2 * CTL_FRAME_MAX },
				 .tty_in = { .max = 1 << 20 } };
	ret = open_machine(vm, err);
	if (ret == 0 && clone)
		ret = template_get(&vm->template, &rig->config, &rig->shape, err);
	begun = clock_now_us();
	if (ret == 0)
		ret = machine_spec(&vm->machine, &vm->arena, &spec, err);
	if (ret == 0 && kind == VM_BOOT_RAW)
		ret = add_raw_port(vm, &spec, err);
	if (ret < 0)
		return ret;
	spec.share_dir = rig->bundle;
	if (clone) {
		spec.memory_file = vm->template.memory_file;
		spec.incoming = true;
	}
	ret = machine_launch(&vm->machine, &spec, err);
	vm->running = ret == 0;
	steps->launch = ms_since(begun);
	if (ret < 0)
		return ret;
	begun = clock_now_us();
	if (clone)
		ret = machine_restore(&vm->machine, vm->template.state_fd, err);
	steps->restore = ms_since(begun);
	machine_launched(&vm->machine);
	return ret;
}

int vm_greet(struct bench_vm *vm, struct vm_steps *steps, struct error *err)
{
	const struct call_hello hello = { .version = 1, .window = STREAM_WINDOW_MAX };
	int64_t begun = clock_now_us();
	int ret = frames_expect(vm, CALL_READY, err);

	steps->ready = ms_since(begun);
	begun = clock_now_us();
	if (ret == 0)
		ret = vm_call(vm, CALL_HELLO, &call_hello_type, &hello, err);
	steps->hello = ms_since(begun);
	return ret;
}

int vm_container(struct bench_vm *vm, const struct oci_spec *spec, struct vm_steps *steps,
		 struct error *err)
{
	const struct call_startpod pod = { .hostname = "bench",
					   .share_dir = MACHINE_SHARE_TAG,
					   .msize = vm->machine.config->msize_9p };
	const struct call_createcontainer create = {
		.id = "bench",
		.rootfs = "rootfs",
		.process = { .id = "init",
			     .stdio = VM_STDIO_INIT,
			     .stderr_stream = VM_STDIO_INIT + 1 },
		.spec = *spec,
	};
	const struct call_container start = { .container = "bench" };
	int64_t begun = clock_now_us();
	int ret = vm_call(vm, CALL_STARTPOD, &call_startpod_type, &pod, err);

	steps->startpod = ms_since(begun);
	begun = clock_now_us();
	if (ret == 0)
		ret = vm_call(vm, CALL_CREATECONTAINER, &call_createcontainer_type, &create, err);
	steps->create = ms_since(begun);
	begun = clock_now_us();
	if (ret == 0)
		ret = vm_call(vm, CALL_STARTCONTAINER, &call_container_type, &start, err);
	steps->start = ms_since(begun);
	return ret;
}

int vm_exec(struct bench_vm *vm, const struct oci_process *process, struct error *err)
{
	const struct call_execprocess exec = {
		.container = "bench",
		.process = { .id = "exec",
			     .stdio = VM_STDIO_EXEC,
			     .stderr_stream = VM_STDIO_EXEC + 1 },
		.spec = *process,
	};

	return vm_call(vm, CALL_EXECPROCESS, &call_execprocess_type, &exec, err);
}

void vm_end(struct bench_vm *vm)
{
	struct error ignored;

	if (vm->running && machine_stop(&vm->machine, &ignored) < 0)
		fprintf(stderr, "bench: %s\n", ignored.text);
	machine_close(&vm->machine);
	template_done(&vm->template);
	cleanup_close(&vm->ctl);
	cleanup_close(&vm->tty);
	cleanup_close(&vm->raw_listen);
	cleanup_close(&vm->raw);
	cleanup_close(&vm->machine.dir_fd);
	strbuf_done(&vm->ctl_in);
	strbuf_done(&vm->tty_in);
	arena_done(&vm->arena);
	if (vm->dir[0])
		(void)!fs_remove_tree_at(AT_FDCWD, vm->dir);
}

int vm_bare_path(const struct rig *rig, const struct oci_spec *spec, enum vm_kind kind,
		 struct vm_steps *steps, struct error *err)
{
	struct bench_vm vm;
	int64_t begun = clock_now_us();
	int64_t started;
	int ret = vm_begin(&vm, rig, kind, steps, err);

	if (ret == 0)
		ret = vm_greet(&vm, steps, err);
	if (ret == 0)
		ret = vm_container(&vm, spec, steps, err);
	started = clock_now_us();
	if (ret == 0)
		ret = vm_wait_exit(&vm, VM_STDIO_INIT, NULL, NULL, err);
	steps->end = ms_since(started);
	steps->all = ms_since(begun);
	vm_end(&vm);
	return ret;
}

int vm_begin_sleeper(struct bench_vm *vm, const struct rig *rig, enum vm_kind kind,
		     struct error *err)
{
	static const char *args[] = { "sleep", "1000" };
	struct oci_process process = *rig->spec.process;
	struct oci_spec spec = rig->spec;
	struct vm_steps steps;
	int ret = vm_begin(vm, rig, kind, &steps, err);

	process.args = (struct json_strs){ .items = args, .len = 2 };
	spec.process = &process;
	if (ret == 0)
		ret = vm_greet(vm, &steps, err);
	return ret < 0 ? ret : vm_container(vm, &spec, &steps, err);
}

void vm_least_spec(const struct rig *rig, struct oci_spec *least)
{
	struct oci_mount *mounts = rig->spec.mounts.items;

	*least = rig->spec;
	least->linux_ = NULL;
	least->mounts = (struct json_objs){ 0 };
	/* Device nodes cannot be made on the share. */
	for (size_t i = 0; i < rig->spec.mounts.len; i++)
		if (strcmp(mounts[i].destination, "/dev") == 0)
			least->mounts = (struct json_objs){ .items = &mounts[i], .len = 1 };
}
