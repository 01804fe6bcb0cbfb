#include "runtime/agent_client/original.h"

#include <errno.h>
#include <string.h>
#include <signal.h>

int original_call(struct client *client, enum agent_dialect dialect, enum call_code code,
		  const char *token, const void *body, const struct client_wait *wait,
		  struct error *err)
{
	auto_strbuf struct strbuf json = { .max = CCPROXY_PAYLOAD_MAX };
	struct agent_request request = { .code = code, .token = token };
	int ret = original_encode(dialect, code, body, &json, err);

	request.json = strbuf_str(&json);
	return ret < 0 ? ret : agent_ask(client, &request, wait, NULL, err);
}

int original_kill(struct client *client, enum agent_dialect dialect, const char *id, int signo,
		  bool all, const struct client_wait *wait, struct error *err)
{
	const struct call_killcontainer body = { .container = id,
						 .signal = signo,
						 .all_processes = all };

	if (all && dialect == AGENT_D2 && signo != SIGKILL)
		return err_msg(err, -EOPNOTSUPP,
			       "the guest's agent (D2) cannot signal all processes of a container");
	return agent_call(client, CALL_KILLCONTAINER, NULL, &call_killcontainer_type, &body, wait,
			  err);
}

int original_ps(struct client *client, enum agent_dialect dialect, const char *id,
		const char *format, const struct json_strs *args, const struct client_wait *wait,
		struct strbuf *reply, struct error *err)
{
	const struct call_pscontainer body = { .container = id, .format = format, .psargs = *args };
	const struct agent_request request = { .code = CALL_PSCONTAINER,
					       .type = &call_pscontainer_type,
					       .body = &body };

	if (dialect != AGENT_D3)
		return err_msg(err, -EOPNOTSUPP,
			       "the guest's agent (%s) cannot list the processes of a container",
			       agent_dialect_name(dialect));
	return agent_ask(client, &request, wait, reply, err);
}

int original_stop_container(struct client *client, enum agent_dialect dialect, const char *id,
			    const struct client_wait *wait, struct error *err)
{
	const struct call_container body = { .container = id };
	int ret = agent_call(client, CALL_REMOVECONTAINER, NULL, &call_container_type, &body, wait,
			     err);

	return ret == -EREMOTEIO && dialect != AGENT_D3 ? 0 : ret;
}

int original_stop_pod(struct client *client, const char *sandbox_id, const struct client_wait *wait,
		      struct error *err)
{
	struct error second = { 0 };
	int ret = agent_call(client, CALL_DESTROYPOD, NULL, NULL, NULL, wait, err);
	int unregistered = agent_unregister(client, sandbox_id, wait, &second);

	if (ret < 0 || unregistered == 0)
		return ret;
	if (err)
		*err = second;
	return unregistered;
}
