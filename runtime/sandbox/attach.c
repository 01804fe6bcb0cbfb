#include "runtime/sandbox/attach.h"

#include <errno.h>
#include "base/cleanup.h"
#include "runtime/agent_client/agent.h"

enum agent_dialect attach_dialect(const struct record *rec)
{
	return rec->state.agent ? agent_dialect_parse(rec->state.agent) : AGENT_ACRUN;
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
	ret = client_open(client, rec->dir_fd, "proxy.sock", err);
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
