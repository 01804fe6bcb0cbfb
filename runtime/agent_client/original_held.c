/* The start of an original agent's container, on disk from `create` to `start`. */
#include <errno.h>
#include <string.h>
#include "base/fs.h"
#include "runtime/agent_client/original.h"

#define FILE_HELD "held.json"

struct held {
	const char *dialect;
	const char *token;
	const char *pod;       /* the bodies, encoded */
	const char *container; /* NULL before there is one */
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
	{ .name = "pod",
	  .kind = JSON_RAW,
	  .offset = offsetof(struct held, pod),
	  .flags = JSON_REQUIRED },
	{ .name = "container",
	  .kind = JSON_RAW,
	  .offset = offsetof(struct held, container),
	  .flags = JSON_OMIT_EMPTY },
};
static const struct json_type held_type = JSON_TYPE(held, held_rows);

static int load(int dir_fd, struct arena *arena, struct held *held, struct error *err)
{
	auto_strbuf struct strbuf file = { 0 };
	int ret = fs_read_file_at(dir_fd, FILE_HELD, &file, CCPROXY_PAYLOAD_MAX);

	if (ret < 0)
		return err_set(err, ret, "read '%s', the container's start", FILE_HELD);
	ret = json_decode(&held_type, file.data, file.len, NULL, arena, held, err);
	return ret < 0 ? err_ctx(err, "'%s'", FILE_HELD) : 0;
}

static int save(int dir_fd, const struct held *held, struct error *err)
{
	auto_strbuf struct strbuf file = { .max = CCPROXY_PAYLOAD_MAX };
	int ret = json_encode(&held_type, held, 0, &file);

	if (ret == 0)
		ret = fs_replace_at(dir_fd, FILE_HELD, file.data, file.len, 0600, false);
	return ret < 0 ? err_set(err, ret, "keep the container's start in '%s'", FILE_HELD) : 0;
}

int original_hold_pod(int dir_fd, enum agent_dialect dialect, const char *token,
		      const struct call_startpod *pod, struct error *err)
{
	auto_strbuf struct strbuf body = { .max = CCPROXY_PAYLOAD_MAX };
	struct held held = { .dialect = agent_dialect_name(dialect), .token = token };
	int ret = original_encode(dialect, CALL_STARTPOD, pod, &body, err);

	held.pod = strbuf_str(&body);
	return ret < 0 ? ret : save(dir_fd, &held, err);
}

int original_hold_network(int dir_fd, const struct call_startpod *network, struct error *err)
{
	auto_strbuf struct strbuf body = { .max = CCPROXY_PAYLOAD_MAX };
	auto_arena struct arena arena = { 0 };
	struct call_startpod pod, made;
	enum agent_dialect dialect;
	struct held held;
	int ret = load(dir_fd, &arena, &held, err);

	if (ret == 0)
		ret = json_decode(&call_startpod_type, held.pod, strlen(held.pod), NULL, &arena,
				  &pod, err);
	if (ret < 0)
		return ret;
	dialect = agent_dialect_parse(held.dialect);
	pod.interfaces = network->interfaces;
	pod.routes = network->routes;
	ret = original_make_pod(dialect, &pod, &arena, &made, err);
	if (ret == 0)
		ret = original_encode(dialect, CALL_STARTPOD, &made, &body, err);
	held.pod = strbuf_str(&body);
	return ret < 0 ? ret : save(dir_fd, &held, err);
}

int original_hold_container(int dir_fd, const struct call_newcontainer *container,
			    struct error *err)
{
	auto_strbuf struct strbuf body = { .max = CCPROXY_PAYLOAD_MAX };
	auto_arena struct arena arena = { 0 };
	struct held held;
	int ret = load(dir_fd, &arena, &held, err);

	if (ret == 0)
		ret = original_encode(agent_dialect_parse(held.dialect), CALL_NEWCONTAINER,
				      container, &body, err);
	held.container = strbuf_str(&body);
	return ret < 0 ? ret : save(dir_fd, &held, err);
}

int original_start_held(int dir_fd, struct client *client, const struct client_wait *wait,
			struct error *err)
{
	auto_arena struct arena arena = { 0 };
	struct agent_request pod = { .code = CALL_STARTPOD };
	struct agent_request container = { .code = CALL_NEWCONTAINER };
	struct held held;
	int ret = load(dir_fd, &arena, &held, err);

	if (ret < 0)
		return ret;
	if (!held.container)
		return err_msg(err, -ENODATA, "'%s' holds no container", FILE_HELD);
	pod.json = held.pod;
	container.json = held.container;
	container.token = held.token;
	ret = agent_ask(client, &pod, wait, NULL, err);
	if (ret < 0)
		return err_ctx(err, "start the guest's pod");
	return agent_ask(client, &container, wait, NULL, err);
}
