#include "runtime/agent_client/original.h"

#include <errno.h>
#include <string.h>
#include <signal.h>
#include "base/cleanup.h"
#include "base/fs.h"

/* What waits on disk for `start`. */
#define FILE_HELD "held.json"

struct held {
	const char *dialect;
	const char *token;
	const char *container; /* the body, encoded */
};

static const struct json_row held_rows[] = {
	{ .name = "dialect",
	  .kind = JSON_STR,
	  .offset = offsetof(struct held, dialect),
	  .flags = JSON_REQUIRED },
	{ .name = "token",
	  .kind = JSON_STR,
	  .offset = offsetof(struct held, token),
	  .flags = JSON_REQUIRED },
	{ .name = "container",
	  .kind = JSON_RAW,
	  .offset = offsetof(struct held, container),
	  .flags = JSON_REQUIRED },
};
static const struct json_type held_type = JSON_TYPE(held, held_rows);

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

int original_hold(int dir_fd, enum agent_dialect dialect, const char *token,
		  const struct call_newcontainer *container, struct error *err)
{
	auto_strbuf struct strbuf body = { .max = CCPROXY_PAYLOAD_MAX };
	auto_strbuf struct strbuf file = { .max = CCPROXY_PAYLOAD_MAX };
	struct held held = { .dialect = agent_dialect_name(dialect), .token = token };
	int ret = original_encode(dialect, CALL_NEWCONTAINER, container, &body, err);

	if (ret < 0)
		return ret;
	held.container = strbuf_str(&body);
	ret = json_encode(&held_type, &held, 0, &file);
	if (ret == 0)
		ret = fs_replace_at(dir_fd, FILE_HELD, file.data, file.len, 0600, false);
	return ret < 0 ? err_set(err, ret, "keep the container's start in '%s'", FILE_HELD) : 0;
}

int original_start_held(int dir_fd, struct client *client, const struct client_wait *wait,
			struct error *err)
{
	auto_strbuf struct strbuf file = { 0 };
	auto_arena struct arena arena = { 0 };
	struct agent_request request = { .code = CALL_NEWCONTAINER };
	struct held held;
	int ret = fs_read_file_at(dir_fd, FILE_HELD, &file, CCPROXY_PAYLOAD_MAX);

	if (ret < 0)
		return err_set(err, ret, "read '%s', the container's start", FILE_HELD);
	ret = json_decode(&held_type, file.data, file.len, NULL, &arena, &held, err);
	if (ret < 0)
		return err_ctx(err, "'%s'", FILE_HELD);
	request.token = held.token;
	request.json = held.container;
	return agent_ask(client, &request, wait, NULL, err);
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
