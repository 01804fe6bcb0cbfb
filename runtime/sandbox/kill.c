#include "runtime/sandbox/sandbox.h"

#include <errno.h>
#include <signal.h>
#include "base/clock.h"
#include "base/log.h"
#include "runtime/agent_client/original.h"
#include "runtime/sandbox/attach.h"
#include "runtime/sandbox/kill_internal.h"
#include "runtime/sandbox/store.h"

enum { KILL_TIMEOUT_MS = 15000 };

int kill_by_agent(struct record *rec, int signo, bool all, struct error *err)
{
	const struct call_signalprocess body = {
		.container = rec->state.id, .process = "init", .signal = signo, .all = all
	};
	struct client_wait wait = { .deadline_ms = clock_now_ms() + KILL_TIMEOUT_MS,
				    .abort_fd = -1 };
	auto_client struct client client = { .fd = -1 };
	int ret;

	/* An original agent knows nothing of a container before its start; its shim does. */
	if (attach_dialect(rec) != AGENT_ACRUN && rec->state.status == OCI_STATUS_CREATED) {
		ret = proc_signal(&rec->state.shim, signo);
		return ret < 0 ? err_set(err, ret, "signal the container's shim") : 0;
	}
	ret = attach_open(rec, &client, &wait, err);
	if (ret == 0 && client.dialect != AGENT_ACRUN)
		ret = original_kill(&client, client.dialect, rec->state.id, signo, all, &wait, err);
	else if (ret == 0)
		ret = agent_call(&client, CALL_SIGNALPROCESS, NULL, &call_signalprocess_type, &body,
				 &wait, err);
	attach_done(&wait);
	return ret;
}

int sandbox_kill(const char *root, const char *id, int signo, bool all, struct error *err)
{
	auto_record struct record rec = RECORD_INIT;
	enum oci_status status;
	int ret = record_open(&rec, root, id, err);

	if (ret < 0)
		return ret;
	status = record_status(&rec.state);
	if (status == OCI_STATUS_STOPPED || status == OCI_STATUS_CREATING)
		return all ? 0 : err_msg(err, -ESRCH, "container not running");
	/* It asks whether there is somebody to be signalled: there is. */
	if (signo == 0)
		return 0;
	ret = kill_by_agent(&rec, signo, all, err);
	if (ret == 0 || record_status(&rec.state) == OCI_STATUS_STOPPED)
		return ret == 0 || all ? 0 : err_msg(err, -ESRCH, "container not running");
	if (signo != SIGKILL)
		return ret;
	/* Whatever ails the guest: SIGKILL ends the container, if need be with its machine. */
	log_warning("%s; ending the virtual machine", err->text);
	ret = proc_signal(&rec.state.vmm, SIGKILL);
	if (ret < 0 && ret != -ESRCH)
		return err_set(err, ret, "kill the virtual machine");
	ret = proc_signal(&rec.state.shim, SIGKILL);
	return ret < 0 && ret != -ESRCH ? err_set(err, ret, "kill the shim") : 0;
}
