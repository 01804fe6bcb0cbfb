/* Which dialect an agent speaks whose proxy does not say. */
#include <endian.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include "runtime/agent_client/agent.h"

enum { D1_VERSION_LAST = 4242 };

/*
 * Our own agent answers 4242 too, for the sake of hosts that know nothing higher. But it says what
 * is wrong with a call, which D1 never does; behind an original proxy it passes for D3.
 */
static int tell_d1_from_ours(struct client *client, const struct client_wait *wait,
			     enum agent_dialect *dialect, struct error *err)
{
	static const struct call_pscontainer nobody = { .container = "", .format = "json" };
	const struct agent_request request = { .code = CALL_PSCONTAINER,
					       .type = &call_pscontainer_type,
					       .body = &nobody };
	struct error refusal = { 0 };
	int ret = agent_ask(client, &request, wait, NULL, &refusal);

	if (ret < 0 && ret != -EREMOTEIO) {
		if (err)
			*err = refusal;
		return ret;
	}
	*dialect = ret == 0 || refusal.text[0] ? AGENT_D3 : AGENT_D1;
	return 0;
}

int agent_find_dialect(struct client *client, const struct client_wait *wait,
		       enum agent_dialect *dialect, struct error *err)
{
	const struct agent_request request = { .code = CALL_GETVERSION };
	auto_strbuf struct strbuf reply = { 0 };
	uint32_t version;
	int ret = agent_ask(client, &request, wait, &reply, err);

	*dialect = AGENT_D3;
	if (ret < 0 && ret != -EREMOTEIO)
		return err_ctx(err, "ask the guest's agent for its version");
	if (ret < 0 || reply.len != sizeof(version))
		return 0;
	memcpy(&version, reply.data, sizeof(version));
	*dialect = AGENT_D2;
	return be32toh(version) > D1_VERSION_LAST ? 0
						  : tell_d1_from_ours(client, wait, dialect, err);
}
