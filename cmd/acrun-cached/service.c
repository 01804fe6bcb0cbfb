#include "cmd/acrun-cached/service.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/log.h"
#include "runtime/factory/cache_messages.h"

enum { STOP_MS = 1000, REQUEST_MAX = 64 << 10 };

/* A call of GetBaseVM until its end. */
struct service_get {
	struct service_get *next;
	struct grpc_call *call;
	struct pool_machine *machine; /* that it was offered; NULL: it waits */
};

static void reply(struct grpc_call *call, int encoded, const struct strbuf *message)
{
	if (encoded < 0 || grpc_call_reply(call, strbuf_str(message), message->len) < 0)
		grpc_call_fail(call, GRPC_INTERNAL, "out of memory");
}

static void on_config(void *arg, struct grpc_call *call, const char *message, size_t len)
{
	static const char agent[] = "{\"type\":\"hyperstart\"}";
	struct service *service = arg;
	auto_strbuf struct strbuf buf = { 0 };
	struct error err = { 0 };
	const char *json;
	struct cache_vm_config config = { .agent_config = { agent, sizeof(agent) - 1 } };

	(void)message;
	(void)len;
	if (pool_get_shape(service->pool, &json, &err) < 0) {
		grpc_call_fail(call, GRPC_UNAVAILABLE, "%s", err.text);
		return;
	}
	config.data = (struct cache_bytes){ json, strlen(json) };
	reply(call, cache_vm_config_encode(&config, &buf), &buf);
}

static int encode_machine(const struct pool_machine *pooled, struct strbuf *buf)
{
	auto_arena struct arena arena = { 0 };
	struct cache_vm vm = {
		.id = pooled->uuid,
		.cpu = pooled->pool->shape->vcpus,
		.memory_mib = pooled->pool->shape->memory_mib,
	};
	const char *json;
	int ret = cache_machine_encode(&pooled->machine, &arena, &json, NULL);

	if (ret < 0)
		return ret;
	vm.hypervisor = (struct cache_bytes){ json, strlen(json) };
	return cache_vm_encode(&vm, buf);
}

static void offer(struct service_get *get, struct pool_machine *machine)
{
	auto_strbuf struct strbuf buf = { 0 };

	get->machine = machine;
	reply(get->call, encode_machine(machine, &buf), &buf);
}

static void on_get(void *arg, struct grpc_call *call, const char *message, size_t len)
{
	struct service *service = arg;
	struct service_get **last = &service->waiting;
	struct service_get *get = calloc(1, sizeof(*get));
	struct pool_machine *machine;

	(void)message;
	(void)len;
	if (!get || service->stopping) {
		free(get);
		grpc_call_fail(call, GRPC_UNAVAILABLE, "cache factory is closed");
		return;
	}
	get->call = call;
	grpc_call_set_data(call, get);
	machine = service->waiting ? NULL : pool_take(service->pool);
	if (machine) {
		offer(get, machine);
		return;
	}
	while (*last)
		last = &(*last)->next;
	*last = get;
	pool_hurry(service->pool);
}

static struct service_get *next_waiting(struct service *service)
{
	struct service_get *get = service->waiting;

	service->waiting = get->next;
	get->next = NULL;
	return get;
}

void service_pool_changed(void *arg, const struct error *err)
{
	struct service *service = arg;

	while (service->waiting) {
		struct pool_machine *machine = err ? NULL : pool_take(service->pool);

		if (!err && !machine)
			return;
		if (machine)
			offer(next_waiting(service), machine);
		else
			grpc_call_fail(next_waiting(service)->call, GRPC_UNAVAILABLE, "%s",
				       err->text);
	}
}

static void on_status(void *arg, struct grpc_call *call, const char *message, size_t len)
{
	const struct service *service = arg;
	auto_arena struct arena arena = { 0 };
	auto_strbuf struct strbuf buf = { 0 };
	struct cache_status status = { .pid = getpid() };
	size_t n = 0;

	(void)message;
	(void)len;
	for (const struct pool_machine *m = service->pool->machines; m; m = m->next)
		n++;
	status.vms = arena_calloc(&arena, n + 1, sizeof(*status.vms));
	if (!status.vms) {
		grpc_call_fail(call, GRPC_RESOURCE_EXHAUSTED, "out of memory");
		return;
	}
	for (const struct pool_machine *m = service->pool->machines; m; m = m->next) {
		if (m->phase != POOL_READY)
			continue;
		status.vms[status.n_vms++] = (struct cache_vm_status){
			.pid = m->machine.vmm.pid,
			.cpu = m->pool->shape->vcpus,
			.memory_mib = m->pool->shape->memory_mib,
		};
	}
	reply(call, cache_status_encode(&status, &buf), &buf);
}

static void on_quit(void *arg, struct grpc_call *call, const char *message, size_t len)
{
	const struct strbuf empty = { 0 };

	(void)message;
	(void)len;
	reply(call, 0, &empty);
	service_stop(arg);
}

static void on_end(void *arg, struct grpc_call *call, enum grpc_outcome outcome)
{
	struct service *service = arg;
	struct service_get *get = grpc_call_data(call);
	struct service_get **at = &service->waiting;
	pid_t pid;
	uid_t uid;

	if (!get)
		return;
	while (*at && *at != get)
		at = &(*at)->next;
	if (*at)
		*at = get->next;
	grpc_call_peer(call, &pid, &uid);
	if (get->machine && outcome == GRPC_END_DELIVERED)
		pool_give(get->machine, pid);
	else if (get->machine)
		pool_drop(get->machine);
	free(get);
}

int service_start(struct service *service, int listen_fd, struct error *err)
{
	static const struct grpc_method methods[] = {
		{ CACHE_METHOD_CONFIG, on_config },
		{ CACHE_METHOD_GET_BASE_VM, on_get },
		{ CACHE_METHOD_STATUS, on_status },
		{ CACHE_METHOD_QUIT, on_quit },
	};
	const struct grpc_server_config config = {
		.methods = methods,
		.n_methods = sizeof(methods) / sizeof(methods[0]),
		.end = on_end,
		.arg = service,
		.max_message = REQUEST_MAX,
	};

	service->server = grpc_server_new(service->loop, &config, err);
	if (!service->server) {
		cleanup_close(&listen_fd);
		return err->code;
	}
	return grpc_server_listen(service->server, listen_fd, err);
}

static void on_drained(void *arg)
{
	loop_stop(arg, 0);
}

void service_stop(struct service *service)
{
	const struct error closed = { -ESHUTDOWN, "cache factory is closed" };

	if (service->stopping)
		return;
	service->stopping = true;
	pool_stop(service->pool);
	service_pool_changed(service, &closed);
	/* A client that does not read its answer does not keep us. */
	if (loop_add_timer(service->loop, STOP_MS, on_drained, service->loop) < 0)
		loop_stop(service->loop, 0);
	else
		grpc_server_drain(service->server, on_drained, service->loop);
}

void service_done(struct service *service)
{
	grpc_server_free(service->server);
	service->server = NULL;
}
