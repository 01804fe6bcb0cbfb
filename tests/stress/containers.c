/*
 * Many containers in one machine, each with its shim, all there at once: a client of the proxy has
 * them made, as a runtime would have a pod's.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/spawn.h"
#include "runtime/agent_client/agent.h"
#include "tests/bench/usage.h"
#include "tests/stress/pod.h"

enum { CODES = 251, ID_MAX = 24 };

struct crowd {
	struct pod *pod;
	struct client client;
	struct client_wait wait;
	struct worker *shims;
	uint32_t n;
};

static void name(uint32_t number, char id[static ID_MAX])
{
	(void)snprintf(id, ID_MAX, "crowd%u", number);
}

static int start_shim(struct crowd *crowd, const char *id, const char *token, struct worker *shim,
		      struct error *err)
{
	static const char *const no_environment[] = { NULL };
	const char *path = crowd->pod->rec.state.shim_path;
	const char *argv[] = { path, "-c", id, "-token-fd", "3", "-u", crowd->pod->uri, NULL };
	struct spawn spawn = { .path = path, .argv = argv, .envp = no_environment };
	auto_close int token_read = -1;
	auto_close int token_write = -1;
	int ends[2];
	int ret;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_set(err, -errno, "make a pipe");
	token_read = ends[0];
	token_write = ends[1];
	ret = fs_write_all(token_write, token, strlen(token));
	if (ret < 0)
		return err_set(err, ret, "write to a pipe");
	cleanup_close(&token_write);
	spawn.fds[spawn.n_fds++] = (struct spawn_fd){ token_read, 3 };
	return worker_start(shim, &spawn, true, false, err);
}

static int create_container(struct crowd *crowd, uint32_t number, const char *id, const char *token,
			    struct error *err)
{
	char code[16];
	const char *args[] = { "sh", "-c", "echo $0; read x; exit $1", id, code };
	struct oci_process process = *crowd->pod->spec.process;
	struct call_createcontainer body = { .id = id,
					     .rootfs = crowd->pod->rootfs,
					     .process = { .id = "init" },
					     .spec = crowd->pod->spec };
	const struct call_container start = { .container = id };
	int ret;

	(void)snprintf(code, sizeof(code), "%u", number % CODES);
	process.args = (struct json_strs){ .items = args, .len = 5 };
	body.spec.process = &process;
	body.spec.hostname = id;
	ret = agent_call(&crowd->client, CALL_CREATECONTAINER, token, &call_createcontainer_type,
			 &body, &crowd->wait, err);
	if (ret == 0)
		ret = agent_call(&crowd->client, CALL_STARTCONTAINER, NULL, &call_container_type,
				 &start, &crowd->wait, err);
	return ret;
}

static int add(struct crowd *crowd, uint32_t number, struct error *err)
{
	struct worker *shim = &crowd->shims[number];
	char token[CLIENT_TOKEN_MAX], id[ID_MAX];
	int ret = agent_attach(&crowd->client, crowd->pod->id, &crowd->wait, token, err);

	name(number, id);
	if (ret == 0)
		ret = start_shim(crowd, id, token, shim, err);
	if (ret == 0)
		ret = create_container(crowd, number, id, token, err);
	if (ret == 0)
		ret = worker_read(shim, true, err);
	return ret < 0 ? err_ctx(err, "container '%s'", id) : 0;
}

/* Each says its name and nothing else, and ends with its own code when its stdin does. */
static int finish(struct crowd *crowd, uint32_t number, struct error *err)
{
	struct worker *shim = &crowd->shims[number];
	char id[ID_MAX];
	struct call_container body = { .container = id };
	size_t len;
	int ret;

	name(number, id);
	len = strlen(id);
	cleanup_close(&shim->in);
	ret = worker_read(shim, false, err);
	if (ret == 0 && (shim->got.len != len + 1 || memcmp(shim->got.data, id, len) != 0))
		ret = err_msg(err, -EIO, "it said '%s'", shim->got.data);
	if (ret == 0)
		ret = worker_end(shim, (int)(number % CODES), err);
	if (ret == 0)
		ret = agent_call(&crowd->client, CALL_REMOVECONTAINER, NULL, &call_container_type,
				 &body, &crowd->wait, err);
	return ret < 0 ? err_ctx(err, "container '%s'", id) : 0;
}

static int measure(const struct crowd *crowd, uint64_t *most_private, struct usage *all,
		   struct error *err)
{
	int ret = 0;

	for (uint32_t i = 0; ret == 0 && i < crowd->n; i++) {
		struct usage usage = { 0 };

		ret = usage_add_process(crowd->shims[i].pid, &usage, err);
		*most_private = usage.private > *most_private ? usage.private : *most_private;
		all->private += usage.private;
		all->pss += usage.pss;
	}
	return ret;
}

static int run(struct crowd *crowd, struct error *err)
{
	int64_t begun = clock_now_ms(), full, ended;
	struct usage shims = { 0 }, proxy = { 0 };
	uint64_t most_private = 0;
	int ret = 0;

	for (uint32_t i = 0; ret == 0 && i < crowd->n; i++)
		ret = add(crowd, i, err);
	full = clock_now_ms();
	if (ret == 0)
		ret = measure(crowd, &most_private, &shims, err);
	if (ret == 0)
		ret = usage_add_process(crowd->pod->rec.state.proxy.pid, &proxy, err);
	ended = clock_now_ms();
	/* The last one first, so that no order helps. */
	for (uint32_t i = crowd->n; ret == 0 && i-- > 0;)
		ret = finish(crowd, i, err);
	if (ret < 0)
		return ret;
	printf("containers: %u in one pod, each its own output and exit code, made in %.1f s, ended "
	       "and removed in %.1f s; a shim's private memory: %.0f KiB, %llu at most; its PSS: "
	       "%.0f KiB; the proxy's: %llu KiB\n",
	       crowd->n, (double)(full - begun) / 1000, (double)(clock_now_ms() - ended) / 1000,
	       (double)shims.private / crowd->n, (unsigned long long)most_private,
	       (double)shims.pss / crowd->n, (unsigned long long)proxy.pss);
	return 0;
}

int load_containers(struct pod *pod, uint32_t count, struct error *err)
{
	struct crowd crowd = { .pod = pod, .n = count };
	int ret = pod_connect(pod, &crowd.client, &crowd.wait, err);

	crowd.shims = arena_calloc(&pod->arena, count, sizeof(*crowd.shims));
	if (ret == 0 && !crowd.shims)
		ret = err_set(err, -ENOMEM, "make containers");
	for (uint32_t i = 0; crowd.shims && i < count; i++)
		crowd.shims[i] = (struct worker)WORKER_INIT;
	if (ret == 0)
		ret = run(&crowd, err);
	for (uint32_t i = 0; crowd.shims && i < count; i++)
		worker_done(&crowd.shims[i]);
	client_close(&crowd.client);
	attach_done(&crowd.wait);
	return ret;
}
