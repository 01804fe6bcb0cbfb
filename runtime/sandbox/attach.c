#include "runtime/sandbox/attach.h"

#include <errno.h>
#include "agent/proto/proxyhome.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/sock.h"
#include "runtime/agent_client/agent.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/sandbox/create_internal.h"

enum { REVIVE_TIMEOUT_MS = 10000, DYING_TIMEOUT_MS = 1000, JOINS_MAX = 5 };

enum agent_dialect attach_dialect(const struct record *rec)
{
	return rec->state.agent ? agent_dialect_parse(rec->state.agent) : AGENT_ACRUN;
}

void attach_settle_proxy(const struct record *rec)
{
	const struct record_state *state = &rec->state;
	const struct json_strs *cgroups = record_is_member(state) ? &state->sandbox_cgroups
								  : &state->cgroups;
	const struct proc_id proxy = proxyhome_find(rec->sandbox_fd, &state->proxy);
	struct error err = { 0 };

	if (proxy.pid > 0 && proc_is_alive(&proxy) &&
	    cgroup_join(cgroups, (pid_t)proxy.pid, &err) < 0)
		log_debug("%s", err.text);
}

/* A proxy that has died is replaced: its machine lives, and so do the processes. */
static int open_proxy(const struct record *rec, struct client *client, struct error *err)
{
	struct error why = { 0 };
	int ret;

	if (rec->sandbox_fd < 0)
		return err_msg(err, -ESRCH, "container not running: its sandbox '%s' is gone",
			       rec->state.sandbox_id);
	ret = client_open(client, rec->sandbox_fd, PROXYHOME_SOCKET, err);
	if (ret != -ECONNREFUSED && ret != -ENOENT)
		return ret;
	if (proxyhome_revive(rec->sandbox_fd, REVIVE_TIMEOUT_MS, &why) < 0)
		return err_ctx(err, "start another one: %s", why.text);
	log_debug("the sandbox's proxy had died: another one took its place");
	attach_settle_proxy(rec);
	err_clear(err);
	return client_open(client, rec->sandbox_fd, PROXYHOME_SOCKET, err);
}

static int join(const struct record *rec, struct client *client, const struct client_wait *wait,
		char *token, struct error *err)
{
	for (int i = 0;; i++) {
		int ret = open_proxy(rec, client, err);

		if (ret == 0)
			ret = agent_attach(client, rec->state.sandbox_id, wait, token, err);
		if (!client_is_lost(ret) || i == JOINS_MAX)
			return ret;
		/* It was about to die when it was asked. */
		client_close(client);
		(void)!proxyhome_wait_gone(rec->sandbox_fd, &rec->state.proxy, DYING_TIMEOUT_MS);
		err_clear(err);
	}
}

static int reopen(struct client *client, const void *arg, const struct client_wait *wait,
		  struct error *err)
{
	const struct record *rec = arg;
	const struct client old = *client;
	int ret;

	client_close(client);
	(void)!proxyhome_wait_gone(rec->sandbox_fd, &rec->state.proxy, DYING_TIMEOUT_MS);
	ret = join(rec, client, wait, NULL, err);
	client->interrupt_fd = old.interrupt_fd;
	client->dialect = old.dialect;
	attach_keep(rec, client);
	return ret;
}

void attach_keep(const struct record *rec, struct client *client)
{
	client->reopen = reopen;
	client->reopen_arg = rec;
}

int attach_open_streams(const struct record *rec, struct client *client, struct client_wait *wait,
			char *token, struct error *err)
{
	int ret = proc_open(&rec->state.vmm);

	wait->abort_fd = ret < 0 ? -1 : ret;
	if (ret == -ESRCH)
		return err_msg(err, ret, "container not running: its virtual machine is gone");
	if (ret < 0)
		return err_set(err, ret, "watch the virtual machine, process %lld",
			       (long long)rec->state.vmm.pid);
	ret = join(rec, client, wait, token, err);
	client->dialect = attach_dialect(rec);
	attach_keep(rec, client);
	return ret;
}

int attach_open(const struct record *rec, struct client *client, struct client_wait *wait,
		struct error *err)
{
	return attach_open_streams(rec, client, wait, NULL, err);
}

void attach_done(struct client_wait *wait)
{
	cleanup_close(&wait->abort_fd);
}

/* A machine out of the VM cache has its files elsewhere. */
int attach_connect_control(const struct record *rec)
{
	int fd = sock_connect_at(rec->dir_fd, FILE_MACHINE_LINK "/" MACHINE_CONTROL_SOCKET);

	return fd == -ENOENT ? sock_connect_at(rec->dir_fd, MACHINE_CONTROL_SOCKET) : fd;
}
