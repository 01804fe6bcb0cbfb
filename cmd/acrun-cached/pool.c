#include "cmd/acrun-cached/pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "runtime/factory/cache_dir.h"

enum {
	YOUNG_MS = 5000,	/* who dies so young counts as a failure */
	BACKOFF_MAX_MS = 30000, /* between two tries after failures */
	CLAIM_MS = 10000,	/* for a client whose pid we cannot see */
	/* A machine that starts takes a processor for itself: it is made when the container of the
	 * one before has had its start, unless somebody waits. */
	GIVEN_MS = 300,
};

static void schedule(struct pool *pool, int64_t delay_ms);

static void unlink_machine(struct pool_machine *machine)
{
	struct pool_machine **at = &machine->pool->machines;

	while (*at && *at != machine)
		at = &(*at)->next;
	if (*at)
		*at = machine->next;
}

/* Forgets the machine, and ends it unless somebody has claimed it. */
static void end_machine(struct pool_machine *machine)
{
	struct pool *pool = machine->pool;
	int ret;

	unlink_machine(machine);
	if (machine->watched)
		loop_remove_fd(pool->loop, machine->machine.pidfd);
	if (machine->client_fd >= 0)
		loop_remove_fd(pool->loop, machine->client_fd);
	loop_remove_timer(pool->loop, machine->timer);
	ret = *machine->uuid ? cache_machine_end(pool->dir_fd, machine->uuid) : 0;
	if (ret < 0)
		log_warning("remove '%s/%s': %s", pool->path, machine->uuid, strerror(-ret));
	cleanup_close(&machine->client_fd);
	machine_close(&machine->machine);
	cleanup_close(&machine->machine.dir_fd);
	arena_done(&machine->arena);
	free(machine);
}

static void on_death(void *arg, int fd, uint32_t events)
{
	struct pool_machine *machine = arg;
	struct pool *pool = machine->pool;

	(void)events;
	loop_remove_fd(pool->loop, fd);
	machine->watched = false;
	if (machine->phase == POOL_OFFERED)
		return; /* the client will see */
	if (machine->phase == POOL_READY) {
		log_warning("machine '%s' of the VM cache died (process %lld)", machine->uuid,
			    (long long)machine->machine.vm.vmm.pid);
		if (clock_now_ms() - machine->made_ms < YOUNG_MS)
			pool->failures++;
	}
	end_machine(machine);
	schedule(pool, 0);
}

static unsigned count_ready(const struct pool *pool)
{
	unsigned n = 0;

	for (const struct pool_machine *m = pool->machines; m; m = m->next)
		n += m->phase == POOL_READY;
	return n;
}

static int add_machine(struct pool *pool, struct error *err)
{
	struct pool_machine *machine = calloc(1, sizeof(*machine));
	int ret;

	if (!machine)
		return err_set(err, -ENOMEM, "make a machine");
	*machine = (struct pool_machine){ .pool = pool, .machine = MACHINE_INIT, .client_fd = -1 };
	ret = pool_make_machine(machine, err);
	if (ret == 0) {
		ret = loop_add_fd(pool->loop, machine->machine.pidfd, EPOLLIN, on_death, machine);
		machine->watched = ret == 0;
		if (ret < 0)
			err_set(err, ret, "watch a machine");
	}
	if (ret < 0) {
		end_machine(machine);
		return ret;
	}
	machine->made_ms = clock_now_ms();
	machine->next = pool->machines;
	pool->machines = machine;
	return 0;
}

static void on_fill(void *arg)
{
	struct pool *pool = arg;
	struct error err = { 0 };
	const char *json;
	int ret;

	pool->fill_timer = 0;
	if (pool->stopped || count_ready(pool) >= pool->config->factory.vm_cache_number)
		return;
	ret = pool_get_shape(pool, &json, &err);
	if (ret == 0)
		ret = add_machine(pool, &err);
	if (ret < 0) {
		pool->failures++;
		log_error("%s", err.text);
	} else {
		log_debug("machine '%s' is ready", pool->machines->uuid);
	}
	pool->changed(pool->arg, ret < 0 ? &err : NULL);
	schedule(pool, 0);
}

/* One machine after the other, with a look at the clients in between. */
static void schedule(struct pool *pool, int64_t delay_ms)
{
	int id;

	if (pool->stopped || pool->fill_timer > 0)
		return;
	if (count_ready(pool) >= pool->config->factory.vm_cache_number) {
		pool->failures = 0;
		return;
	}
	if (pool->failures > 0)
		delay_ms = pool->failures < 5 ? 1000L << pool->failures : BACKOFF_MAX_MS;
	id = loop_add_timer(pool->loop, delay_ms, on_fill, pool);
	if (id < 0)
		log_error("the VM cache cannot be filled: %s", strerror(-id));
	pool->fill_timer = id < 0 ? 0 : id;
}

int pool_start(struct pool *pool, struct error *err)
{
	const char *json;
	int ret = pool_get_shape(pool, &json, err);

	if (ret == 0)
		schedule(pool, 0);
	return ret;
}

void pool_stop(struct pool *pool)
{
	pool->stopped = true;
	loop_remove_timer(pool->loop, pool->fill_timer);
	pool->fill_timer = 0;
}

void pool_done(struct pool *pool)
{
	pool_stop(pool);
	while (pool->machines)
		end_machine(pool->machines);
	free(take_ptr(&pool->shape_json));
}

int pool_get_shape(struct pool *pool, const char **json, struct error *err)
{
	auto_arena struct arena arena = { 0 };
	struct pool_machine *next;
	const char *now;
	int ret = cache_shape_encode(pool->shape, &arena, &now, err);

	if (ret < 0)
		return ret;
	if (!pool->shape_json || strcmp(pool->shape_json, now) != 0) {
		char *copy = strdup(now);

		if (!copy)
			return err_set(err, -ENOMEM, "describe the machines of the VM cache");
		free(pool->shape_json);
		pool->shape_json = copy;
		for (struct pool_machine *m = pool->machines; m; m = next) {
			next = m->next;
			if (m->phase == POOL_READY)
				end_machine(m);
		}
		schedule(pool, 0);
	}
	*json = pool->shape_json;
	return 0;
}

struct pool_machine *pool_take(struct pool *pool)
{
	struct pool_machine *oldest = NULL;

	for (struct pool_machine *m = pool->machines; m; m = m->next)
		if (m->phase == POOL_READY)
			oldest = m;
	if (oldest)
		oldest->phase = POOL_OFFERED;
	return oldest;
}

void pool_hurry(struct pool *pool)
{
	if (pool->failures > 0)
		return;
	loop_remove_timer(pool->loop, pool->fill_timer);
	pool->fill_timer = 0;
	schedule(pool, 0);
}

static void on_client_gone(void *arg, int fd, uint32_t events)
{
	(void)fd;
	(void)events;
	end_machine(arg);
}

static void on_claim_over(void *arg)
{
	struct pool_machine *machine = arg;

	machine->timer = 0;
	end_machine(machine);
}

void pool_give(struct pool_machine *machine, pid_t client)
{
	struct pool *pool = machine->pool;
	struct proc_id id;
	int ret = -ESRCH;

	machine->phase = POOL_GIVEN;
	if (client > 0 && proc_identify(client, &id) == 0)
		machine->client_fd = ret = proc_open(&id);
	if (ret >= 0)
		ret = loop_add_fd(pool->loop, machine->client_fd, EPOLLIN, on_client_gone, machine);
	if (ret < 0)
		cleanup_close(&machine->client_fd);
	if (ret < 0 && client == 0)
		machine->timer = ret = loop_add_timer(pool->loop, CLAIM_MS, on_claim_over, machine);
	if (ret < 0)
		end_machine(machine);
	schedule(pool, GIVEN_MS);
}

void pool_drop(struct pool_machine *machine)
{
	struct pool *pool = machine->pool;

	end_machine(machine);
	schedule(pool, 0);
}
