#include "runtime/sandbox/checkpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include "acrun_version.h"
#include "agent/proto/journal_line.h"
#include "agent/proto/proxyhome.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/uuid.h"
#include "runtime/sandbox/attach.h"
#include "runtime/sandbox/checkpoint_image.h"
#include "runtime/sandbox/checkpoint_internal.h"
#include "runtime/sandbox/create_internal.h"
#include "runtime/sandbox/execs.h"
#include "runtime/sandbox/pod.h"
#include "runtime/sandbox/shim.h"
#include "runtime/storage/copies.h"

enum {
	FEW_BLOCKS = 16,
	SAVE_TIMEOUT_S = 3600,
	GONE_TIMEOUT_MS = 5000,
	JOURNAL_MAX = 16 << 20,
	COPY_CHUNK = 1 << 20
};

/* A checkpoint in the making. */
struct saving {
	const struct checkpoint_request *request;
	struct record *rec;
	const struct hypervisor_ops *hypervisor;
	struct vm vm;
	struct arena arena;
	struct checkpoint image;
	const char *mark; /* in the names of its files */
	int dir_fd;
	bool was_paused;
};

static const char *vm_of(const struct record *rec, struct vm *vm)
{
	*vm = (struct vm){ .vmm = rec->state.vmm };
	(void)snprintf(vm->accelerator, sizeof(vm->accelerator), "%s",
		       rec->state.accelerator ? rec->state.accelerator : "");
	return rec->state.hypervisor;
}

int checkpoint_let_go(struct record *rec, struct error *err)
{
	struct vm vm;
	const char *name = vm_of(rec, &vm);
	const struct hypervisor_ops *hypervisor = name ? hypervisor_find(name) : NULL;
	int ret = proc_signal(&rec->state.shim, SIGCONT);

	if (ret < 0 && ret != -ESRCH)
		log_warning("let the container's shim go on: %s", strerror(-ret));
	if (!hypervisor || !(hypervisor->caps & HV_CAP_PAUSE))
		return 0;
	return hypervisor->resume(&vm, attach_connect_control(rec), err);
}

static int check_status(const struct record *rec, struct error *err)
{
	enum oci_status status = record_status(&rec->state);

	if (status == OCI_STATUS_RUNNING || status == OCI_STATUS_PAUSED)
		return 0;
	return err_msg(err, -EINVAL, "Container cannot be checkpointed in %s state",
		       oci_status_name((int)status));
}

static int check_pod(struct saving *saving, struct error *err)
{
	const struct record_state *state = &saving->rec->state;
	struct json_strs ids = { 0 };
	int ret;

	if (record_is_member(state))
		return err_msg(
			err, -ENOTSUP,
			"container %s cannot be checkpointed: it runs in the virtual machine "
			"of container %s",
			state->id, state->sandbox_id);
	ret = pod_list(saving->rec, saving->request->root, &saving->arena, &ids, err);
	if (ret == 0 && ids.len > 0)
		return err_msg(err, -ENOTSUP,
			       "container %s cannot be checkpointed: container %s runs in its "
			       "virtual machine",
			       state->id, ids.items[0]);
	return ret;
}

static int check_possible(struct saving *saving, struct error *err)
{
	const struct record_state *state = &saving->rec->state;
	unsigned execs = execs_count(saving->rec->dir_fd);

	saving->hypervisor = hypervisor_find(state->hypervisor ? state->hypervisor : "");
	if (!saving->hypervisor || !(saving->hypervisor->caps & HV_CAP_SNAPSHOT))
		return err_msg(err, -ENOTSUP,
			       "container %s cannot be checkpointed: %s cannot save virtual "
			       "machines",
			       state->id, state->hypervisor ? state->hypervisor : "its hypervisor");
	if (attach_dialect(saving->rec) != AGENT_ACRUN)
		return err_msg(err, -ENOTSUP,
			       "container %s cannot be checkpointed: its agent is not acrun's",
			       state->id);
	if (!state->no_share) {
		err_msg(err, -ENOTSUP,
			"container %s cannot be checkpointed: its files are in a shared directory "
			"(virtio-9p), whose state %s cannot save",
			state->id, state->hypervisor);
		return err_hint(err,
				"create it with shared_fs = \"none\" in [hypervisor.%s], or with "
				"the annotation io.katacontainers.config.hypervisor.shared_fs=none",
				state->hypervisor);
	}
	if (execs > 0)
		return err_msg(
			err, -EBUSY,
			"container %s cannot be checkpointed: %u processes of exec run in it",
			state->id, execs);
	return check_pod(saving, err);
}

/* What the next proxy has to know. */
static int read_journal(struct saving *saving, struct error *err)
{
	struct checkpoint *image = &saving->image;
	auto_strbuf struct strbuf text = { 0 };
	const char *end;
	int ret = fs_read_file_at(saving->rec->dir_fd, PROXYHOME_SESSIONS, &text, JOURNAL_MAX);

	for (const char *pos = strbuf_str(&text); ret == 0; pos = end + 1) {
		struct journal_line line = { 0 };

		end = memchr(pos, '\n', (size_t)(strbuf_str(&text) + text.len - pos));
		if (!end)
			break;
		ret = json_decode(&journal_line_type, pos, (size_t)(end - pos), NULL,
				  &saving->arena, &line, err);
		if (ret < 0)
			return err_ctx(err, "read '%s'", PROXYHOME_SESSIONS);
		if (line.link)
			return err_msg(err, -ENOTSUP,
				       "the container cannot be checkpointed: its channels are "
				       "acknowledged links");
		if (line.key)
			image->key = line.key;
		if (line.container && line.process && !strcmp(line.process, "init"))
			image->stdio = line.stdio;
		if (line.stdio >= image->next_stream)
			image->next_stream = line.op && !strcmp(line.op, "next") ? line.stdio
										 : line.stdio + 2;
	}
	if (ret < 0)
		return err_set(err, ret, "read '%s'", PROXYHOME_SESSIONS);
	if (!image->key || !image->stdio)
		return err_msg(err, -ENODATA, "'%s' does not tell of the container's process",
			       PROXYHOME_SESSIONS);
	return 0;
}

static int copy_bytes(int in, int out)
{
	auto_free char *data = malloc(COPY_CHUNK);
	ssize_t n;
	int ret = data ? 0 : -ENOMEM;

	while (ret == 0 && (n = read(in, data, COPY_CHUNK)) != 0) {
		if (n > 0)
			ret = fs_write_all(out, data, (size_t)n);
		else if (errno != EINTR)
			ret = -errno;
	}
	return ret;
}

/* The image that a disk is stays what it was: a second name does, within a file system. */
static int keep_file(const char *from, int dir_fd, const char *name, struct error *err)
{
	auto_close int in = -1;
	auto_close int out = -1;
	int ret;

	if (linkat(AT_FDCWD, from, dir_fd, name, 0) == 0)
		return 0;
	in = open(from, O_RDONLY | O_CLOEXEC);
	if (in < 0)
		return err_set(err, -errno, "open '%s'", from);
	out = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (out < 0)
		return err_set(err, -errno, "make '%s'", name);
	ret = copy_bytes(in, out);
	if (ret == 0 && fsync(out) < 0)
		ret = -errno;
	return ret < 0 ? err_set(err, ret, "copy '%s' to '%s'", from, name) : 0;
}

static int keep_disks(struct saving *saving, struct error *err)
{
	struct vm_saved_disk *disk = saving->image.machine.disks.items;
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < saving->image.machine.disks.len; i++) {
		const char *from = disk[i].path;

		if (!disk[i].readonly)
			return err_msg(err, -ENOTSUP,
				       "the container cannot be checkpointed: it writes to the "
				       "disk '%s'",
				       from);
		disk[i].path =
			arena_printf(&saving->arena, "disk-%u-%s", disk[i].slot, saving->mark);
		ret = disk[i].path ? keep_file(from, saving->dir_fd, disk[i].path, err)
				   : err_set(err, -ENOMEM, "name a file");
	}
	return ret;
}

/* Where what was copied into the guest has come from, for the delete of what is restored. */
static int keep_copies(struct saving *saving, struct error *err)
{
	auto_strbuf struct strbuf text = { 0 };
	int ret = fs_read_file_at(saving->rec->dir_fd, COPIES_FILE, &text, JOURNAL_MAX);

	if (ret == -ENOENT)
		return 0;
	saving->image.copies = arena_printf(&saving->arena, "copies-%s", saving->mark);
	if (ret == 0 && saving->image.copies)
		ret = fs_replace_at(saving->dir_fd, saving->image.copies, text.data, text.len, 0600,
				    true);
	return ret < 0 ? err_set(err, ret, "keep '%s'", COPIES_FILE) : 0;
}

static int save_machine(struct saving *saving, struct error *err)
{
	struct checkpoint *image = &saving->image;
	char sum[CHECKPOINT_SUM_LEN];
	auto_close int fd = -1;
	struct stat st;
	int ret;

	image->state = arena_printf(&saving->arena, "state-%s", saving->mark);
	if (!image->state)
		return err_set(err, -ENOMEM, "name a file");
	fd = openat(saving->dir_fd, image->state, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(err, -errno, "make '%s/%s'", saving->request->image_path,
			       image->state);
	ret = saving->hypervisor->save(&saving->vm, attach_connect_control(saving->rec), fd,
				       SAVE_TIMEOUT_S, err);
	if (ret == 0 && fsync(fd) < 0)
		ret = err_set(err, -errno, "write '%s/%s'", saving->request->image_path,
			      image->state);
	if (ret < 0)
		return ret;
	ret = checkpoint_sum(fd, sum, err);
	image->state_sum = ret == 0 ? arena_strdup(&saving->arena, sum) : NULL;
	if (ret == 0 && fstat(fd, &st) < 0)
		ret = err_set(err, -errno, "look at '%s'", image->state);
	image->state_bytes = ret < 0 ? 0 : (uint64_t)st.st_size;
	return ret;
}

/* Stopped, the shim delivers nothing more: what it has counted is what was delivered. */
static int read_counts(struct saving *saving, struct error *err)
{
	auto_close int fd = openat(saving->rec->dir_fd, SHIM_COUNTS_FILE, O_RDONLY | O_CLOEXEC);
	uint64_t counts[2];
	int ret = proc_signal(&saving->rec->state.shim, SIGSTOP);

	if (ret < 0)
		return err_set(err, ret, "stop the container's shim");
	if (fd < 0 || pread(fd, counts, sizeof(counts), 0) != (ssize_t)sizeof(counts))
		return err_set(err, fd < 0 ? -errno : -EIO, "read '%s'", SHIM_COUNTS_FILE);
	saving->image.out = counts[0];
	saving->image.err = counts[1];
	return 0;
}

static int describe(struct saving *saving, struct error *err)
{
	const struct record_state *state = &saving->rec->state;
	struct checkpoint *image = &saving->image;
	char created[CLOCK_TEXT_LEN];

	clock_rfc3339(created);
	image->version = CHECKPOINT_VERSION;
	image->acrun = ACRUN_VERSION;
	image->created = arena_strdup(&saving->arena, created);
	image->id = state->id;
	image->hypervisor = state->hypervisor;
	image->accelerator = state->accelerator ? state->accelerator : "";
	image->cpu = checkpoint_cpu(image->accelerator, &saving->arena);
	image->terminal = state->terminal;
	image->vcpus = state->vcpus;
	image->memory_mib = state->memory_mib;
	return saving->hypervisor->describe(&saving->vm, attach_connect_control(saving->rec),
					    &saving->arena, &image->machine, err);
}

/* QEMU says that it could not write, not why. */
static int explain(const struct saving *saving, int ret, struct error *err)
{
	struct error cause = err ? *err : (struct error){ 0 };
	struct statvfs fs;

	if (fstatvfs(saving->dir_fd, &fs) == 0 && fs.f_bavail < FEW_BLOCKS)
		return err_msg(err, -ENOSPC, "no space left for the checkpoint in '%s': %s",
			       saving->request->image_path, cause.text);
	return ret;
}

/* The container is frozen: it neither changes its files nor writes. */
static int save_frozen(struct saving *saving, struct error *err)
{
	int ret = describe(saving, err);

	if (ret == 0)
		ret = read_journal(saving, err);
	if (ret == 0)
		ret = keep_disks(saving, err);
	if (ret == 0)
		ret = keep_copies(saving, err);
	if (ret == 0)
		ret = save_machine(saving, err);
	if (ret == 0)
		ret = read_counts(saving, err);
	if (ret == 0)
		ret = checkpoint_publish(saving->dir_fd, &saving->image, err);
	return ret < 0 ? explain(saving, ret, err) : 0;
}

static int save_status(struct saving *saving, enum oci_status status, bool checkpointing,
		       struct error *err)
{
	saving->rec->state.status = (int)status;
	saving->rec->state.checkpointing = checkpointing;
	return record_save(saving->rec, err);
}

/* As it was before. */
static int go_on(struct saving *saving, struct error *err)
{
	int ret = checkpoint_let_go(saving->rec, err);

	if (ret == 0 && !saving->was_paused)
		ret = pause_ask_agent(saving->rec, CALL_RESUMECONTAINER, err);
	if (ret < 0 && !pause_was_running(ret, err))
		return err_ctx(err, "let the container go on");
	return save_status(saving, saving->was_paused ? OCI_STATUS_PAUSED : OCI_STATUS_RUNNING,
			   false, err);
}

/* What it has been goes on elsewhere: here it ends, as if it had been killed. */
static int end_container(struct saving *saving, struct error *err)
{
	struct record *rec = saving->rec;
	int ret = proc_signal(&rec->state.shim, SIGKILL);

	if (ret == 0)
		ret = proc_wait_gone(&rec->state.shim, GONE_TIMEOUT_MS);
	if (ret < 0 && ret != -ESRCH)
		return err_set(err, ret, "end the container's shim");
	ret = saving->hypervisor->stop(&saving->vm, err);
	/* Its changes are in the checkpoint, and come back from there. */
	if (unlinkat(rec->dir_fd, COPIES_FILE, 0) < 0 && errno != ENOENT && ret == 0)
		ret = err_set(err, -errno, "remove '%s'", COPIES_FILE);
	return ret == 0 ? save_status(saving, OCI_STATUS_STOPPED, false, err) : ret;
}

static int save_container(struct saving *saving, struct error *err)
{
	struct error undo = { 0 };
	int ret;

	saving->was_paused = saving->rec->state.status == OCI_STATUS_PAUSED;
	/* On disk before anything stands still: whoever finds it so can resume the container. */
	ret = save_status(saving, OCI_STATUS_PAUSED, true, err);
	if (ret < 0)
		return ret;
	/* An earlier checkpoint may have been killed while the machine stood still. */
	ret = saving->was_paused ? checkpoint_let_go(saving->rec, err)
				 : pause_ask_agent(saving->rec, CALL_PAUSECONTAINER, err);
	if (ret < 0)
		err_ctx(err, "unable to freeze");
	if (ret == 0)
		ret = save_frozen(saving, err);
	if (ret == 0)
		return saving->request->leave_running ? go_on(saving, err)
						      : end_container(saving, err);
	if (go_on(saving, &undo) < 0)
		log_warning("%s", undo.text);
	checkpoint_sweep(saving->dir_fd);
	return ret;
}

static int checkpoint_opened(struct saving *saving, struct error *err)
{
	char uuid[UUID_TEXT_LEN];
	int ret = check_status(saving->rec, err);

	if (ret == 0)
		ret = check_possible(saving, err);
	if (ret < 0)
		return ret;
	(void)vm_of(saving->rec, &saving->vm);
	uuid_generate_text(uuid);
	saving->mark = uuid;
	saving->dir_fd = checkpoint_open_dir(saving->request->image_path, true, err);
	if (saving->dir_fd < 0)
		return saving->dir_fd;
	checkpoint_sweep(saving->dir_fd);
	return save_container(saving, err);
}

int sandbox_checkpoint(const struct checkpoint_request *request, struct error *err)
{
	auto_record struct record rec = RECORD_INIT;
	struct saving saving = { .request = request, .rec = &rec, .dir_fd = -1 };
	int ret = record_open(&rec, request->root, request->id, err);

	if (ret == 0)
		ret = checkpoint_opened(&saving, err);
	cleanup_close(&saving.dir_fd);
	arena_done(&saving.arena);
	return ret;
}
