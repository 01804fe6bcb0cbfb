#include "runtime/sandbox/attach.h"

#include <errno.h>
#include "agent/proto/proxyhome.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "runtime/agent_client/agent.h"

enum { REVIVE_TIMEOUT_MS = 10000 };

enum agent_dialect attach_dialect(const struct record *rec)
{
	return rec->state.agent ? agent_dialect_parse(rec->state.agent) : AGENT_ACRUN;
}

/* A proxy that has died is replaced: its machine lives, and so do the processes. */
static int open_proxy(const struct record *rec, struct client *client, struct error *err)
{
	struct error why = { 0 };
	int ret = client_open(client, rec->dir_fd, PROXYHOME_SOCKET, err);

	if (ret != -ECONNREFUSED && ret != -ENOENT)
		return ret;
	if (proxyhome_revive(rec->dir_fd, REVIVE_TIMEOUT_MS, &why) < 0)
		return err_ctx(err, "start another one: %s", why.text);
	log_debug("the sandbox's proxy had died: another one took its place");
	err_clear(err);
	return client_open(client, rec->dir_fd, PROXYHOME_SOCKET, err);
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
	ret = open_proxy(rec, client, err);
	client->dialect = attach_dialect(rec);
	return ret < 0 ? ret : agent_attach(client, rec->state.sandbox_id, wait, token, err);
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
