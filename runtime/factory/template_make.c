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
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/sock.h"
#include "base/uuid.h"
#include "hypervisor/vm.h"
#include "runtime/factory/guest_link.h"
#include "runtime/factory/progress.h"
#include "runtime/factory/template_internal.h"

enum { SAVE_TIMEOUT_S = 30 };

/* A template in the making. */
struct making {
	struct arena arena;
	struct machine machine;
	char uuid[UUID_TEXT_LEN];
	const char *dir, *memory, *state;
	int64_t deadline_ms;
};

/* Connected as a host would be, until the guest has booted and loaded what it loads later. */
static int settle(const struct making *making, struct error *err)
{
	struct guest_link link = GUEST_LINK_INIT;
	int ret = guest_link_open(&link, &making->machine, making->deadline_ms, err);

	if (ret == 0)
		ret = guest_link_call(&link, CALL_READY, NULL, NULL, err);
	if (ret == 0)
		guest_link_leave(&link);
	guest_link_done(&link);
	return ret;
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

	progress_show("making the template that machines start from, this once");
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
	progress_show(NULL);
	return ret < 0 ? err_ctx(err, "make a template") : 0;
}
