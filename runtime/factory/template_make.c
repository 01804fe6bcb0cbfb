/* Making a template: boot, quiesce, save, describe, publish. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "agent/proto/calls.h"
#include "agent/proto/hyperstart.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/sock.h"
#include "base/uuid.h"
#include "hypervisor/vm.h"
#include "runtime/factory/template_internal.h"

enum {
	SAVE_TIMEOUT_S = 30,
	/*
	 * The guest must have seen that the host has left before it is frozen, or its clones would
	 * take the next host for the same one. Nothing tells that it has.
	 */
	LEAVE_MS = 100,
};

/* A template in the making. */
struct making {
	struct arena arena;
	struct machine machine;
	char uuid[UUID_TEXT_LEN];
	const char *dir, *memory, *state;
	int64_t deadline_ms;
};

/* Appends what comes from the guest to buf. */
static int receive_more(const struct making *making, int fd, struct strbuf *buf, struct error *err)
{
	int64_t left = making->deadline_ms - clock_now_ms();
	int ret = left > 0 ? sock_wait_readable(fd, (int)left) : 0;
	char bytes[256];
	ssize_t n;

	if (ret == 0)
		return err_msg(err, -ETIMEDOUT, "the guest did not answer in time");
	if (ret < 0)
		return err_set(err, ret, "wait for the guest");
	n = read(fd, bytes, sizeof(bytes));
	if (n < 0 && errno == EINTR)
		return 0;
	if (n <= 0)
		return err_msg(err, -ECONNRESET,
			       "the virtual machine ended before the guest was ready");
	ret = strbuf_add(buf, bytes, (size_t)n);
	return ret < 0 ? err_set(err, ret, "read from the guest") : 0;
}

/* Waits for the control frame `wanted`; NEXT may come before it. */
static int expect_code(const struct making *making, int fd, struct strbuf *buf, uint32_t wanted,
		       struct error *err)
{
	for (;;) {
		struct ctl_frame frame;
		int64_t used = ctl_decode(strbuf_str(buf), buf->len, &frame);
		int ret = 0;

		if (used < 0)
			return err_set(err, (int)used, "frame from the guest");
		if (used == 0)
			ret = receive_more(making, fd, buf, err);
		else if (frame.code != wanted && frame.code != CALL_NEXT)
			ret = err_msg(err, -EPROTO, "the guest sent code %u instead of %u",
				      frame.code, wanted);
		if (ret < 0)
			return ret;
		strbuf_consume(buf, (size_t)used);
		if (used > 0 && frame.code == wanted)
			return 0;
	}
}

/* Connected as a host would be, until the guest has booted and loaded what it loads later. */
static int settle(const struct making *making, struct error *err)
{
	auto_close int ctl = sock_connect_at(making->machine.dir_fd, MACHINE_CTL_SOCKET);
	auto_close int tty = sock_connect_at(making->machine.dir_fd, MACHINE_TTY_SOCKET);
	auto_strbuf struct strbuf frame = { 0 };
	auto_strbuf struct strbuf in = { .max = 4096 };
	int ret;

	if (ctl < 0 || tty < 0)
		return err_msg(err, ctl < 0 ? ctl : tty, "cannot connect to the guest's channels");
	ret = expect_code(making, ctl, &in, CALL_READY, err);
	if (ret == 0)
		ret = ctl_encode(&frame, CALL_READY, NULL, 0);
	if (ret == 0)
		ret = fs_write_all(ctl, frame.data, frame.len);
	if (ret == 0)
		ret = expect_code(making, ctl, &in, CALL_ACK, err);
	if (ret < 0)
		return ret;
	cleanup_close(&ctl);
	(void)!sock_wait_readable(tty, LEAVE_MS);
	return 0;
}

static int save(struct making *making, struct error *err)
{
	const struct machine *machine = &making->machine;
	auto_close int fd = openat(machine->dir_fd, making->state,
				   O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_set(err, -errno, "make '%s/%s'", making->dir, making->state);
	return machine->hypervisor->save(&machine->vm,
					 sock_connect_at(machine->dir_fd, MACHINE_CONTROL_SOCKET),
					 fd, SAVE_TIMEOUT_S, err);
}

/* Empty: the VMM gives it its size. It belongs to us and nobody else from the start. */
static int make_memory(const struct making *making, struct error *err)
{
	auto_close int fd = openat(making->machine.dir_fd, making->memory,
				   O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_set(err, -errno, "make '%s/%s'", making->dir, making->memory);
	return 0;
}

/* In the VMM's process: it ends with us, so that a template in the making never outlives its maker.
 */
static int prepare_vmm(void *arg, struct error *err)
{
	(void)arg;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return err_set(err, -errno, "tie the virtual machine to its maker");
	return 0;
}

static int boot_and_save(struct making *making, struct error *err)
{
	struct machine *machine = &making->machine;
	struct vm_spec spec;
	struct error ignored;
	int ret = machine_open(machine, err);

	if (ret == 0)
		ret = make_memory(making, err);
	if (ret == 0)
		ret = machine_spec(machine, &making->arena, &spec, err);
	if (ret < 0)
		return ret;
	spec.memory_file = arena_printf(&making->arena, "%s/%s", making->dir, making->memory);
	spec.memory_shared = true;
	spec.unshare_flags = CLONE_NEWNS | CLONE_NEWNET;
	spec.prepare = prepare_vmm;
	ret = machine_launch(machine, &spec, err);
	if (ret < 0)
		return ret;
	machine_launched(machine);
	ret = settle(making, err);
	if (ret == 0)
		ret = save(making, err);
	if (machine_stop(machine, &ignored) < 0)
		log_warning("%s", ignored.text);
	return ret;
}

static void quote_vmm(const struct making *making, struct error *err)
{
	char words[512];

	if (vm_last_words(making->machine.log_fd, words, sizeof(words)) > 0)
		err_hint(err, "%s said: %s", making->machine.hypervisor->name, words);
}

static int describe(const struct making *making, const char *name, bool with_sum,
		    struct template_file *file, struct error *err)
{
	auto_close int fd = openat(making->machine.dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	int ret;

	if (fd < 0)
		return err_set(err, -errno, "open '%s/%s'", making->dir, name);
	ret = template_describe(fd, name, file, err);
	if (ret == 0 && with_sum)
		ret = template_sum(fd, &file->sum, err);
	return ret;
}

/* Nothing writes to the files any more: what they look like now is what they must look like later.
 */
static int write_record(const struct making *making, const char *key, struct error *err)
{
	struct template_record record = {
		.version = TEMPLATE_VERSION,
		.key = key,
		.accelerator = making->machine.vm.accelerator,
	};
	auto_strbuf struct strbuf text = { 0 };
	int ret = describe(making, making->memory, false, &record.memory, err);

	if (ret == 0)
		ret = describe(making, making->state, true, &record.state, err);
	if (ret < 0)
		return ret;
	ret = json_encode(&template_record_type, &record, 2, &text);
	if (ret == 0)
		ret = fs_replace_at(making->machine.dir_fd, TEMPLATE_FILE, strbuf_str(&text),
				    text.len, 0600, false);
	return ret < 0 ? err_set(err, ret, "write '%s/%s'", making->dir, TEMPLATE_FILE) : 0;
}

static int set_up(struct making *making, int path_fd, const char *path, const char *name,
		  const struct machine *shape, struct error *err)
{
	struct machine *machine = &making->machine;

	*machine = (struct machine)MACHINE_INIT;
	machine_copy_shape(machine, shape);
	machine->name = "template";
	machine->uuid = making->uuid;
	making->dir = arena_printf(&making->arena, "%s/%s", path, name);
	making->memory = arena_printf(&making->arena, "memory-%s", making->uuid);
	making->state = arena_printf(&making->arena, "state-%s", making->uuid);
	if (!making->dir || !making->memory || !making->state)
		return err_set(err, -ENOMEM, "make a template");
	machine->dir = making->dir;
	machine->dir_fd = fs_mkdir_open_at(path_fd, name, 0700);
	if (machine->dir_fd < 0)
		return err_set(err, machine->dir_fd, "make '%s'", making->dir);
	/* Held as long as we live: what is not held is left over. */
	if (flock(machine->dir_fd, LOCK_EX | LOCK_NB) < 0)
		return err_set(err, -errno, "lock '%s'", making->dir);
	if (mkdirat(machine->dir_fd, MACHINE_SHARE, 0700) < 0)
		return err_set(err, -errno, "make '%s/%s'", making->dir, MACHINE_SHARE);
	return 0;
}

int template_make(int path_fd, const char *path, const char *hash, const char *key,
		  const struct config *config, const struct machine *shape, struct error *err)
{
	struct making making = {
		.deadline_ms = clock_now_ms() +
			       (int64_t)config->runtime.create_container_timeout_s * 1000
	};
	char name[64];
	int ret;

	template_sweep(path_fd, hash);
	uuid_generate_text(making.uuid);
	(void)snprintf(name, sizeof(name), "new-%s", making.uuid);
	ret = set_up(&making, path_fd, path, name, shape, err);
	if (ret == 0) {
		ret = boot_and_save(&making, err);
		if (ret < 0)
			quote_vmm(&making, err);
	}
	if (ret == 0)
		ret = write_record(&making, key, err);
	if (ret == 0 && renameat(path_fd, name, path_fd, hash) < 0)
		ret = err_set(err, -errno, "put the template in '%s/%s'", path, hash);
	machine_close(&making.machine);
	cleanup_close(&making.machine.dir_fd);
	if (ret < 0)
		(void)!fs_remove_tree_at(path_fd, name);
	arena_done(&making.arena);
	return ret < 0 ? err_ctx(err, "make a template") : 0;
}
