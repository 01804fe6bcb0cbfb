/* A sandbox whose machine goes on from a checkpoint. It is made by steps as any other, and undone
 * by the same undos. */
#include "runtime/sandbox/checkpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>
#include "agent/proto/calls_control.h"
#include "agent/proto/journal_line.h"
#include "agent/proto/proxyhome.h"
#include "base/base64.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "runtime/sandbox/attach.h"
#include "runtime/sandbox/checkpoint_image.h"
#include "runtime/sandbox/create_internal.h"
#include "runtime/sandbox/hooks.h"
#include "runtime/sandbox/shim.h"
#include "runtime/sandbox/steps.h"
#include "runtime/sandbox/tail.h"
#include "runtime/storage/copies.h"

enum { RESTORE_TIMEOUT_S = 3600, TOKEN_BYTES = 32, COPIES_MAX = 16 << 20, VMM_TAIL_LINES = 3 };

struct restore {
	const char *path;
	int dir_fd;
	struct checkpoint image;
};

static int check_image(const struct create *create, const struct checkpoint *image,
		       struct error *err)
{
	const struct hypervisor_ops *hypervisor = create->machine.hypervisor;

	if (create->sandbox_id)
		return err_msg(err, -ENOTSUP,
			       "a container cannot be restored into the virtual machine of another "
			       "('%s')",
			       create->sandbox_id);
	if (strcmp(image->hypervisor, hypervisor->name) != 0)
		return err_msg(err, -EMEDIUMTYPE,
			       "the checkpoint is of a virtual machine of %s, this configuration "
			       "makes those of %s",
			       image->hypervisor, hypervisor->name);
	if (image->terminal != create->spec.process->terminal)
		return err_msg(err, -EMEDIUMTYPE,
			       "the checkpointed process had %s terminal, process.terminal of "
			       "config.json says otherwise",
			       image->terminal ? "a" : "no");
	if (create->config.proxy.acknowledged_link)
		return err_msg(
			err, -ENOTSUP,
			"acknowledged_link = true: there are no checkpoints of machines with "
			"such links");
	return 0;
}

/* The machine is what it was, whatever the configuration says of new ones. */
static int shape_machine(struct create *create, struct error *err)
{
	struct restore *restore = create->restore;
	struct vm_saved *saved = &restore->image.machine;
	struct vm_saved_disk *disk = saved->disks.items;
	struct machine *machine = &create->machine;

	for (size_t i = 0; i < saved->disks.len; i++) {
		disk[i].path = arena_printf(&create->arena, "%s/%s", restore->path, disk[i].path);
		if (!disk[i].path)
			return err_set(err, -ENOMEM, "name a file");
	}
	machine->vcpus = saved->vcpus;
	machine->max_vcpus = saved->max_vcpus;
	machine->memory_mib = saved->memory_mib;
	machine->max_memory_mib = saved->max_memory_mib;
	machine->memory_slots = saved->memory_slots;
	machine->nic_slots = saved->nic_slots;
	machine->disk_slots = saved->disk_slots;
	machine->no_share = true;
	create->from = arena_printf(&create->arena, "%" PRIu64 ",%" PRIu64, restore->image.out,
				    restore->image.err);
	return create->from ? 0 : err_set(err, -ENOMEM, "restore");
}

int restore_open(struct create *create, struct error *err)
{
	struct restore *restore = arena_calloc(&create->arena, 1, sizeof(*restore));
	auto_free char *path = NULL;
	int ret;

	if (!restore)
		return err_set(err, -ENOMEM, "restore");
	create->restore = restore;
	restore->dir_fd = -1;
	ret = fs_realpath(create->request->image_path, &path);
	if (ret < 0)
		return err_set(err, ret, "open the checkpoint '%s'", create->request->image_path);
	restore->path = arena_strdup(&create->arena, path);
	restore->dir_fd = checkpoint_open_dir(path, false, err);
	if (restore->dir_fd < 0)
		return restore->dir_fd;
	ret = checkpoint_load(restore->dir_fd, path, &create->arena, &restore->image, err);
	if (ret == 0)
		ret = check_image(create, &restore->image, err);
	return ret == 0 ? shape_machine(create, err) : ret;
}

void restore_done(struct create *create)
{
	if (create->restore)
		cleanup_close(&create->restore->dir_fd);
}

static int step_restore_devices(struct create *create, struct error *err)
{
	const struct vm_saved *saved = &create->restore->image.machine;
	const struct vm_saved_nic *saved_nic = saved->nics.items;
	struct machine *machine = &create->machine;
	struct vm_nic nics[VM_NICS_MAX];
	struct record *rec = &create->rec;
	unsigned n = 0;
	int ret = 0;

	if (saved->nics.len == 0)
		return step_network_devices(create, err);
	if (rec->state.network) {
		rec->state.network->room = saved->nic_slots;
		ret = network_make(rec, create->netns_fd, machine->hypervisor, &create->network,
				   nics, &n, err);
	}
	for (size_t i = 0; ret == 0 && i < saved->nics.len; i++) {
		unsigned k = 0;

		while (k < n && (nics[k].fd < 0 || strcmp(nics[k].mac, saved_nic[i].mac) != 0))
			k++;
		if (k == n) {
			ret = err_msg(err, -EMEDIUMTYPE,
				      "the container's network namespace has no interface with the "
				      "address %s, as the checkpointed one had",
				      saved_nic[i].mac);
			break;
		}
		machine->nics[machine->n_nics++] = nics[k];
		nics[k].fd = -1;
	}
	for (unsigned k = 0; k < n; k++) {
		if (nics[k].fd >= 0 && ret == 0)
			ret = err_msg(err, -EMEDIUMTYPE,
				      "the container's network namespace has an interface with the "
				      "address %s, which the checkpointed one had not",
				      nics[k].mac);
		cleanup_close(&nics[k].fd);
	}
	return ret;
}

static int step_restore_vm(struct create *create, struct error *err)
{
	struct vm_spec spec;
	int ret = machine_spec(&create->machine, &create->arena, &spec, err);

	if (ret < 0)
		return ret;
	spec.incoming = true;
	spec.saved = &create->restore->image.machine;
	return create_launch(create, &spec, err);
}

/* QEMU tells in its log alone what it dislikes. */
static int quote_vmm(const struct create *create, int ret, struct error *err)
{
	auto_strbuf struct strbuf words = { 0 };
	struct error cause = *err;

	tail_add(&words, create->machine.dir_fd, MACHINE_VMM_LOG, VMM_TAIL_LINES);
	return words.len > 0 ? err_msg(err, ret, "%s; it said: %s", cause.text, strbuf_str(&words))
			     : ret;
}

/* Would the state fit? Found out by us, it is told better. */
static int check_machine(const struct create *create, struct error *err)
{
	const struct checkpoint *image = &create->restore->image;
	const struct machine *machine = &create->machine;
	const char *accelerator = machine->vm.accelerator;
	auto_arena struct arena arena = { 0 };
	struct vm_saved now;
	const char *cpu = checkpoint_cpu(accelerator, &arena);
	int ret;

	if (strcmp(image->accelerator, accelerator) != 0)
		return err_msg(err, -EMEDIUMTYPE, "it ran with %s, this one with %s",
			       image->accelerator, accelerator);
	if (!cpu || strcmp(image->cpu, cpu) != 0)
		return err_msg(err, -EMEDIUMTYPE, "it ran on another kind of processor");
	ret = machine->hypervisor->describe(&machine->vm, attach_connect_control(&create->rec),
					    &arena, &now, err);
	return ret < 0 ? ret : vm_saved_compare(&image->machine, &now, err);
}

static int step_restore_state(struct create *create, struct error *err)
{
	const struct restore *restore = create->restore;
	struct machine *machine = &create->machine;
	auto_close int fd =
		openat(restore->dir_fd, restore->image.state, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char sum[CHECKPOINT_SUM_LEN];
	int ret;

	if (fd < 0)
		return err_set(err, -errno, "open '%s/%s'", restore->path, restore->image.state);
	ret = checkpoint_sum(fd, sum, err);
	if (ret == 0 && strcmp(sum, restore->image.state_sum) != 0)
		return err_msg(err, -EBADMSG,
			       "the checkpoint in '%s' is damaged: '%s' is not what was saved",
			       restore->path, restore->image.state);
	if (ret == 0) {
		ret = check_machine(create, err);
		if (ret == -EMEDIUMTYPE)
			return err_ctx(err,
				       "the checkpoint in '%s' does not fit the virtual machine",
				       restore->path);
	}
	if (ret == 0)
		ret = machine->hypervisor->restore(&machine->vm,
						   attach_connect_control(&create->rec), fd,
						   RESTORE_TIMEOUT_S, err);
	if (ret < 0)
		return quote_vmm(create, ret, err);
	/* Its sockets are its own now: when it dies, whoever is connected must see it. */
	machine_launched(machine);
	return 0;
}

static int make_token(struct create *create, struct error *err)
{
	unsigned char bytes[TOKEN_BYTES];
	char text[BASE64_LEN(TOKEN_BYTES)];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return err_set(err, -errno, "get random numbers");
	base64_encode(bytes, sizeof(bytes), text);
	for (char *c = text; *c; c++)
		*c = (char)(*c == '+' ? '-' : *c == '/' ? '_' : *c);
	memcpy(create->token, text, sizeof(text));
	return 0;
}

static int add_line(struct strbuf *text, const struct journal_line *line)
{
	int ret = json_encode(&journal_line_type, line, 0, text);

	return ret < 0 ? ret : strbuf_addc(text, '\n');
}

static const char *file_path(struct create *create, const char *name)
{
	return arena_printf(&create->arena, "%s/%s", create->machine.dir, name);
}

/* The proxy finds what one before it would have left, and takes the guest over. */
static int step_restore_journal(struct create *create, struct error *err)
{
	const struct checkpoint *image = &create->restore->image;
	const char *id = create->rec.state.id;
	const struct journal_line lines[] = {
		{ .op = "vm",
		  .sandbox = id,
		  .ctl = file_path(create, MACHINE_CTL_SOCKET),
		  .tty = file_path(create, MACHINE_TTY_SOCKET),
		  .console = file_path(create, MACHINE_CONSOLE_SOCKET),
		  .key = image->key },
		{ .op = "next", .stdio = image->next_stream },
		{ .op = "session",
		  .token = create->token,
		  .container = id,
		  .process = "init",
		  .stdio = image->stdio,
		  .kill = true,
		  .started = true },
	};
	auto_strbuf struct strbuf text = { 0 };
	int ret = make_token(create, err);

	if (ret < 0)
		return ret;
	for (size_t i = 0; ret == 0 && i < sizeof(lines) / sizeof(lines[0]); i++)
		ret = add_line(&text, &lines[i]);
	if (ret == 0)
		ret = fs_replace_at(create->rec.dir_fd, PROXYHOME_SESSIONS, text.data, text.len,
				    0600, false);
	return ret < 0 ? err_set(err, ret, "write '%s/%s'", create->rec.dir_path,
				 PROXYHOME_SESSIONS)
		       : 0;
}

static int keep_copies(const struct create *create, struct error *err)
{
	const struct restore *restore = create->restore;
	auto_strbuf struct strbuf text = { 0 };
	int ret;

	if (!restore->image.copies)
		return 0;
	ret = fs_read_file_at(restore->dir_fd, restore->image.copies, &text, COPIES_MAX);
	if (ret == 0)
		ret = fs_replace_at(create->rec.dir_fd, COPIES_FILE, text.data, text.len, 0600,
				    false);
	return ret < 0 ? err_set(err, ret, "keep '%s'", COPIES_FILE) : 0;
}

static int step_restore_guest(struct create *create, struct error *err)
{
	const struct checkpoint *image = &create->restore->image;
	struct record_state *state = &create->rec.state;
	const struct client_wait wait = create_wait(create);
	const struct call_rename rename = { .container = image->id, .name = state->id };
	int ret = agent_attach(&create->client, state->id, &wait, NULL, err);

	create->client.dialect = AGENT_ACRUN;
	if (ret == 0)
		attach_keep(&create->rec, &create->client);
	if (ret == 0)
		ret = agent_give_identity(&create->client, &wait, err);
	if (ret == 0 && strcmp(image->id, state->id) != 0)
		ret = agent_call(&create->client, CALL_RENAMECONTAINER, NULL, &call_rename_type,
				 &rename, &wait, err);
	if (ret == 0)
		ret = keep_copies(create, err);
	state->vcpus = image->vcpus;
	state->memory_mib = image->memory_mib;
	return ret;
}

/* Everything is in its place: the processes may go on. */
static int step_release(struct create *create, struct error *err)
{
	const struct client_wait wait = create_wait(create);
	const struct call_container body = { .container = create->rec.state.id };
	int ret = agent_call(&create->client, CALL_RESUMECONTAINER, NULL, &call_container_type,
			     &body, &wait, err);

	return ret < 0 ? err_ctx(err, "unable to thaw") : 0;
}

static int step_poststart(struct create *create, struct error *err)
{
	struct oci_state state;
	int ret;

	create->rec.state.status = OCI_STATUS_RUNNING;
	ret = record_save(&create->rec, err);
	if (ret < 0 || !create->spec.hooks)
		return ret;
	record_to_oci_state(&create->rec.state, NULL, &state);
	/* A hook may call us for its own container. */
	record_unlock(&create->rec);
	return hooks_run("poststart", &create->spec.hooks->poststart, &state, err);
}

static int step_pid_file(struct create *create, struct error *err)
{
	const char *path = create->request->pid_file;

	return path ? shim_write_pid_file(path, create->rec.state.shim.pid, err) : 0;
}

/* Their undos are those of a create. */
static const struct step restore_steps[] = {
	{ "namespaces", step_namespaces, NULL },
	{ "cgroup", step_cgroup, NULL },
	{ "devices", step_restore_devices, NULL },
	{ "sockets", step_sockets, NULL },
	{ "vm", step_restore_vm, NULL },
	{ "restore", step_restore_state, NULL },
	{ "journal", step_restore_journal, NULL },
	{ "proxy", step_proxy, NULL },
	{ "guest", step_restore_guest, NULL },
	{ "network", step_network, NULL },
	{ "console", step_console, NULL },
	{ "shim", step_shim, NULL },
	{ "hooks", step_hooks, NULL },
	{ "guest network", step_guest_network, NULL },
	{ "limits", step_limits, NULL },
	{ "release", step_release, NULL },
	{ "poststart", step_poststart, NULL },
	{ "pid file", step_pid_file, NULL },
};

int restore_make(struct create *create, struct error *err)
{
	return steps_make(restore_steps, sizeof(restore_steps) / sizeof(restore_steps[0]), create,
			  err);
}

int sandbox_restore(const struct create_request *request, int64_t *shim_pid, struct error *err)
{
	return sandbox_create(request, shim_pid, err);
}
