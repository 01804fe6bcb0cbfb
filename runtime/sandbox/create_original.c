/* A create whose guest has an original agent: nothing is started before `start`. */
#include "runtime/sandbox/create_internal.h"

#include <errno.h>
#include "base/log.h"
#include "runtime/agent_client/original.h"

int create_start_pod(struct create *create, const struct call_startpod *pod,
		     const struct client_wait *wait, struct error *err)
{
	struct record_state *state = &create->rec.state;
	struct client *client = &create->client;
	struct call_startpod held;
	int ret = 0;

	if (client->dialect == AGENT_UNTOLD)
		ret = agent_find_dialect(client, wait, &client->dialect, err);
	if (ret < 0)
		return ret;
	if (client->dialect == AGENT_ACRUN)
		return agent_call(client, CALL_STARTPOD, NULL, &call_startpod_type, pod, wait, err);
	log_info("the guest's agent is an original one and speaks %s",
		 agent_dialect_name(client->dialect));
	state->agent = agent_dialect_name(client->dialect);
	ret = original_make_pod(client->dialect, pod, &create->arena, &held, err);
	return ret < 0 ? ret
		       : original_hold_pod(create->rec.dir_fd, client->dialect, create->token,
					   &held, err);
}

int create_hold_container(struct create *create, struct error *err)
{
	enum agent_dialect dialect = create->client.dialect;
	auto_strvec struct strvec unapplied = { 0 };
	struct call_newcontainer container;
	int ret;

	original_list_unapplied(dialect, &create->spec, &unapplied);
	if (strvec_error(&unapplied) < 0)
		return err_set(err, -ENOMEM, "read config.json");
	ret = create_tell_unapplied(create, (const char *const *)unapplied.items, unapplied.len,
				    err);
	if (ret == 0)
		ret = original_make_container(dialect, create->rec.state.id, create->rootfs,
					      &create->spec, &create->arena, &container, err);
	return ret < 0 ? ret : original_hold_container(create->rec.dir_fd, &container, err);
}
