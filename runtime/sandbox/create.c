#include "runtime/sandbox/create_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/uuid.h"
#include "runtime/net/netns.h"
#include "runtime/sandbox/hooks.h"
#include "runtime/sandbox/shim.h"
#include "runtime/sandbox/size.h"
#include "runtime/sandbox/steps.h"
#include "runtime/sandbox/timing.h"

enum { WARNINGS_MAX = 64, WARNINGS_MAX_BYTES = 1 << 20 };

int step_namespaces(struct create *create, struct error *err)
{
	static const char *const no_network =
		"the host's network namespace cannot be used in a virtual machine: the container "
		"has no network";
	const char *path = oci_spec_namespace(&create->spec, "network");
	struct record_state *state = &create->rec.state;
	int ret = netns_open(&create->spec, &create->netns_fd, err);

	if (ret == 0 && create->netns_fd >= 0)
		ret = network_describe(create->netns_fd, path && *path ? path : NULL,
				       create->config.runtime.internetworking_model,
				       &create->rec.arena, &state->network, err);
	if (ret < 0)
		return ret;
	if (!state->network)
		return create_tell_unapplied(create, &no_network, 1, err);
	return 0;
}

int step_share(struct create *create, struct error *err)
{
	int fd, ret;

	if (create->cached_fd >= 0)
		return 0;
	fd = fs_mkdir_open_at(create->rec.dir_fd, MACHINE_SHARE, 0700);
	if (fd < 0)
		return err_set(err, fd, "make '%s'", create->share.dir);
	ret = create_shares(create) ? share_make_targets(&create->share, fd, err) : 0;
	close(fd);
	return ret;
}

static const struct step create_steps[] = {
	/* what is lent comes back when the machine has ended */
	{ "loan", step_loan, undo_loan },
	{ "namespaces", step_namespaces, NULL },
	{ "cgroup", step_cgroup, undo_cgroup },
	{ "devices", step_network_devices, NULL },
	{ "cache", step_cache, undo_cache },
	{ "share", step_share, NULL },
	{ "pack", step_pack, NULL },
	{ "sockets", step_sockets, NULL },
	{ "vm", step_vm, undo_vm },
	{ "proxy", step_proxy, undo_proxy },
	{ "restore", step_restore, NULL },
	{ "network", step_network, network_undo },
	{ "console", step_console, NULL },
	{ "guest", step_guest, NULL },
	{ "shim", step_shim, undo_shim },
	{ "hooks", step_hooks, NULL },
	{ "guest network", step_guest_network, NULL },
	{ "image", step_image, NULL },
	{ "container", step_container, NULL },
	{ "view", step_view, NULL },
	{ "limits", step_limits, NULL },
	{ "publish", step_publish, NULL },
};
enum { N_STEPS = sizeof(create_steps) / sizeof(create_steps[0]) };

/* Of a container in the machine of another. */
static const struct step join_steps[] = {
	{ "loan", step_loan, undo_loan },
	{ "join", step_join, undo_join },
	{ "namespaces", step_join_namespaces, NULL },
	{ "cgroup", step_cgroup, undo_cgroup },
	{ "share", step_join_share, NULL },
	{ "pack", step_pack, NULL },
	{ "attach", step_attach, NULL },
	{ "grow", step_grow, NULL },
	{ "console", step_console, NULL },
	{ "shim", step_shim, undo_shim },
	{ "hooks", step_hooks, NULL },
	{ "image", step_image, NULL },
	{ "container", step_container, NULL },
	{ "view", step_view, NULL },
	{ "limits", step_limits, NULL },
	{ "publish", step_publish, NULL },
};
enum { N_JOIN_STEPS = sizeof(join_steps) / sizeof(join_steps[0]) };

int sandbox_undo(struct record *rec, struct error *err)
{
	if (record_is_member(&rec->state))
		steps_undo(join_steps, N_JOIN_STEPS, rec);
	else
		steps_undo(create_steps, N_STEPS, rec);
	return record_remove(rec, err);
}

int create_record_self(struct record *rec, struct proc_id *id, struct error *err)
{
	int ret = proc_identify(getpid(), id);

	if (ret < 0)
		return err_set(err, ret, "identify a helper process");
	ret = record_save(rec, err);
	return ret < 0 ? ret : cgroup_join(&rec->state.cgroups, 0, err);
}

struct client_wait create_wait(const struct create *create)
{
	return (struct client_wait){
		.deadline_ms = clock_now_ms() +
			       (int64_t)create->config.runtime.create_container_timeout_s * 1000,
		.abort_fd = create->machine.pidfd,
	};
}

int step_hooks(struct create *create, struct error *err)
{
	struct oci_state state;
	int ret;

	if (!create->spec.hooks)
		return 0;
	create->hooks_begun = true;
	record_to_oci_state(&create->rec.state, NULL, &state);
	ret = hooks_run("prestart", &create->spec.hooks->prestart, &state, err);
	if (ret == 0)
		ret = hooks_run("createRuntime", &create->spec.hooks->create_runtime, &state, err);
	return ret;
}

/* What of config.json has no effect in this guest, by its agent's own words. */
static int tell_warnings(const struct create *create, const struct strbuf *reply, struct error *err)
{
	auto_arena struct arena arena = { .max_bytes = WARNINGS_MAX_BYTES };
	struct call_createcontainer_reply answer;
	size_t n;

	if (reply->len == 0 || json_decode(&call_createcontainer_reply_type, reply->data,
					   reply->len, NULL, &arena, &answer, NULL) < 0)
		return 0;
	n = answer.warnings.len < WARNINGS_MAX ? answer.warnings.len : WARNINGS_MAX;
	return create_tell_unapplied(create, answer.warnings.items, n, err);
}

int step_container(struct create *create, struct error *err)
{
	const struct client_wait wait = create_wait(create);
	struct call_createcontainer body = {
		.id = create->rec.state.id,
		.rootfs = create->rootfs,
		.bundle = create->rec.state.bundle,
		.process = { .id = "init",
			     .terminal = create->spec.process->terminal,
			     .plain_output = !create->request->detach },
		.spec = create->spec,
	};
	const struct agent_request request = {
		.code = CALL_CREATECONTAINER,
		.token = create->token,
		.type = &call_createcontainer_type,
		.body = &body,
	};
	auto_strbuf struct strbuf reply = { 0 };
	int ret;

	if (create->client.dialect != AGENT_ACRUN)
		return create_hold_container(create, err);
	body.spec.hooks = create->share.hooks;
	body.spec.vm = NULL;
	ret = agent_ask(&create->client, &request, &wait, &reply, err);
	if (ret < 0)
		return err_ctx(err, "unable to start container process");
	return tell_warnings(create, &reply, err);
}

int step_publish(struct create *create, struct error *err)
{
	int ret;

	create->rec.state.status = OCI_STATUS_CREATED;
	ret = record_save(&create->rec, err);
	if (ret == 0 && create->request->pid_file)
		ret = shim_write_pid_file(create->request->pid_file, create->rec.state.shim.pid,
					  err);
	return ret;
}

static void fill_record(struct create *create, const char *bundle, const char *rootfs)
{
	struct record_state *state = &create->rec.state;
	struct arena *arena = &create->rec.arena;
	char uuid[UUID_TEXT_LEN], created[CLOCK_TEXT_LEN];
	const struct oci_linux_resources *resources =
		create->spec.linux_ ? create->spec.linux_->resources : NULL;
	struct size_limits limits = { 0 };

	uuid_generate_text(uuid);
	clock_rfc3339(created);
	size_read(resources, &limits);
	*state = (struct record_state){
		.version = STORE_VERSION,
		.id = arena_strdup(arena, create->request->id),
		.sandbox_id = arena_strdup(arena, create->sandbox_id ? create->sandbox_id
								     : create->request->id),
		.uuid = arena_strdup(arena, uuid),
		.hypervisor = create->machine.hypervisor->name,
		.oci_version = create->spec.oci_version,
		.bundle = arena_strdup(arena, bundle),
		.rootfs = arena_strdup(arena, rootfs),
		.created = arena_strdup(arena, created),
		.owner_uid = getuid(),
		.status = OCI_STATUS_CREATING,
		.shim_path = create->config.shim.path,
		.annotations = create->spec.annotations,
		.hooks = create->spec.hooks,
		.cpu_millis = limits.cpu_millis,
		.limit_mib = limits.memory_mib,
		.terminal = create->spec.process->terminal,
		.no_share = create->machine.no_share,
	};
	size_complete_quota(resources ? resources->cpu : NULL, &state->cpu_quota_us,
			    &state->cpu_period_us);
	if (create->sandbox_id) {
		state->uuid = create->sandbox.state.uuid;
		state->sandbox_cgroups = create->sandbox.state.cgroups;
		state->accelerator = create->sandbox.state.accelerator;
		state->agent = create->sandbox.state.agent;
		state->vmm = create->sandbox.state.vmm;
		state->no_share = create->sandbox.state.no_share;
	}
}

/* Directory, lock, first state.json; from here on there is something to undo. */
static int open_record(struct create *create, const char *bundle, const char *rootfs,
		       struct error *err)
{
	int ret = record_create(&create->rec, create->request->root, create->request->id, err);

	if (ret < 0)
		return ret;
	timing_keep(create->rec.dir_fd, false);
	fill_record(create, bundle, rootfs);
	create->share.dir =
		arena_printf(&create->arena, "%s/%s", create->rec.dir_path, MACHINE_SHARE);
	ret = proc_identify(getpid(), &create->rec.state.creator);
	if (ret < 0)
		return err_set(err, ret, "identify this process");
	ret = record_open_sandbox(&create->rec, err);
	if (ret < 0)
		return ret;
	return create->share.dir ? record_save(&create->rec, err)
				 : err_set(err, -ENOMEM, "state of '%s'", create->request->id);
}

static void create_done(struct create *create)
{
	create_images_done(create);
	restore_done(create);
	cleanup_close(&create->cached_fd);
	cleanup_close(&create->netns_fd);
	cleanup_close(&create->proxy_fd);
	cleanup_close(&create->pty_slave_fd);
	machine_close(&create->machine);
	template_done(&create->template);
	network_found_done(&create->network);
	client_close(&create->client);
	record_done(&create->sandbox);
	record_done(&create->rec);
	arena_done(&create->arena);
}

static int make_sandbox(struct create *create, const char *bundle, const char *rootfs,
			struct error *err)
{
	struct error ignored = { 0 };
	struct oci_state state;
	int ret = open_record(create, bundle, rootfs, err);

	if (ret == -EEXIST || create->rec.dir_fd < 0)
		return ret;
	create->share.keeps_names = create_shares(create);
	create->share.no_devices = !create_shares(create);
	if (ret == 0 && !create->restore)
		ret = share_plan(&create->share, &create->spec, rootfs, bundle, create->request->id,
				 &create->arena, &create->rootfs, err);
	if (ret == 0 && !create->restore)
		ret = create_plan_images(create, err);
	if (ret == 0 && create->restore)
		ret = restore_make(create, err);
	else if (ret == 0 && create->sandbox_id)
		ret = steps_make(join_steps, N_JOIN_STEPS, create, err);
	else if (ret == 0)
		ret = steps_make(create_steps, N_STEPS, create, err);
	if (ret == 0)
		return 0;
	record_to_oci_state(&create->rec.state, NULL, &state);
	if (sandbox_undo(&create->rec, &ignored) < 0)
		log_warning("%s", ignored.text);
	if (create->hooks_begun)
		hooks_run_poststop(create->spec.hooks, &state);
	return ret;
}

int sandbox_create(const struct create_request *request, int64_t *shim_pid, struct error *err)
{
	struct create create = {
		.request = request,
		.rec = RECORD_INIT,
		.sandbox = RECORD_INIT,
		.cached_fd = -1,
		.netns_fd = -1,
		.proxy_fd = -1,
		.pty_slave_fd = -1,
		.machine = MACHINE_INIT,
		.template = TEMPLATE_INIT,
		.client = { .fd = -1 },
	};
	auto_free char *bundle = NULL;
	auto_free char *rootfs = NULL;
	int64_t begun = timing_begin("create", request->id);
	int ret = record_check_id(request->id, err);

	if (ret == 0)
		ret = create_read_inputs(&create, &bundle, &rootfs, err);
	timing_phase("inputs", begun, ret);
	if (ret == 0 && request->image_path)
		ret = restore_open(&create, err);
	if (ret == 0)
		ret = make_sandbox(&create, bundle, rootfs, err);
	if (ret == 0 && shim_pid)
		*shim_pid = create.rec.state.shim.pid;
	create_done(&create);
	timing_end(ret);
	return ret;
}
