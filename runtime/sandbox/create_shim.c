/* The steps of a create that make the process which stands for the container on the host. */
#include "runtime/sandbox/create_internal.h"

#include <errno.h>
#include "base/log.h"
#include <fcntl.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "runtime/sandbox/shim.h"
#include "runtime/sandbox/view.h"

struct recorded_spawn {
	struct create *create;
	struct proc_id *id;
};

static int record_child(void *arg, struct error *err)
{
	struct recorded_spawn *spawn = arg;

	return create_record_self(&spawn->create->rec, spawn->id, err);
}

int create_spawn(struct create *create, struct spawn *sp, struct proc_id *id, struct error *err)
{
	struct recorded_spawn arg = { create, id };

	sp->prepare = record_child;
	sp->prepare_arg = &arg;
	return shim_spawn(sp, create->netns_fd, id, err);
}

int step_console(struct create *create, struct error *err)
{
	if (!create->request->console_socket)
		return 0;
	return shim_open_console(create->request->console_socket,
				 create->spec.process->console_size, &create->pty_slave_fd, err);
}

/* Only of what can be checkpointed. */
static int open_counts(const struct create *create, int *counts_fd, struct error *err)
{
	auto_close int fd = -1;

	if (!create->rec.state.no_share || !(create->machine.hypervisor->caps & HV_CAP_SNAPSHOT))
		return 0;
	fd = openat(create->rec.dir_fd, SHIM_COUNTS_FILE, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, SHIM_COUNTS_LEN) < 0)
		return err_set(err, -errno, "make '%s/%s'", create->rec.dir_path, SHIM_COUNTS_FILE);
	*counts_fd = take_fd(&fd);
	return 0;
}

int step_shim(struct create *create, struct error *err)
{
	auto_close int counts_fd = -1;
	int ret = open_counts(create, &counts_fd, err);
	struct recorded_spawn arg = { create, &create->rec.state.shim };
	const struct shim shim = {
		.path = create->config.shim.path,
		.id = create->rec.state.id,
		.dir = record_sandbox_path(&create->rec),
		.token = create->token,
		.pty_slave_fd = create->pty_slave_fd,
		.netns_fd = create->netns_fd,
		.counts_fd = counts_fd,
		.from = create->from,
		.own_session = create->request->detach || !create->spec.process->terminal,
		.rootfs = create_shares(create) ? create->rec.state.rootfs : NULL,
		.readonly = create->spec.root->readonly,
		.record = record_child,
		.record_arg = &arg,
	};

	return ret < 0 ? ret : shim_start(&shim, &create->rec.state.shim, err);
}

/* An agent that is not ours makes the places of the mounts only when the container starts. */
int step_view(struct create *create, struct error *err)
{
	struct error why = { 0 };

	(void)err;
	if (!create_shares(create) || create->client.dialect != AGENT_ACRUN)
		return 0;
	if (view_fill(&create->rec.state.shim, &create->share, &create->spec, &why) < 0)
		log_warning("clients that enter the container's mounts on the host, as podman cp "
			    "does, do not see its volumes: %s",
			    why.text);
	return 0;
}
