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

static void unwatch(struct loop *loop, int *fd)
{
	if (*fd >= 0)
		loop_remove_fd(loop, *fd);
	cleanup_close(fd);
}

static void end_directory(const struct pool *pool, const char *uuid)
{
	int ret = cache_machine_end(pool->dir_fd, uuid);

	if (ret < 0)
		log_warning("remove '%s/%s': %s", pool->path, uuid, strerror(-ret));
}

/* Forgets the machine, and ends it unless somebody has claimed it. */
static void end_machine(struct pool_machine *machine)
{
	struct pool *pool = machine->pool;

	unlink_machine(machine);
	unwatch(pool->loop, &machine->pidfd);
	unwatch(pool->loop, &machine->client_fd);
	loop_remove_timer(pool->loop, machine->timer);
	end_directory(pool, machine->uuid);
	arena_done(&machine->arena);
	free(machine);
}

static void on_death(void *arg, int fd, uint32_t events)
{
	struct pool_machine *machine = arg;
	struct pool *pool = machine->pool;

	(void)fd;
	(void)events;
	unwatch(pool->loop, &machine->pidfd);
	if (machine->phase == POOL_OFFERED)
		return; /* the client will see */
	if (machine->phase == POOL_READY) {
		log_warning("machine '%s' of the VM cache died (process %lld)", machine->uuid,
			    (long long)machine->machine.vmm.pid);
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

/* What the maker tells becomes a machine of the pool. */
static int add_machine(struct pool *pool, struct error *err)
{
	struct pool_machine *machine = calloc(1, sizeof(*machine));
	int ret = 0;

	if (!machine)
		return err_set(err, -ENOMEM, "make a machine");
	*machine = (struct pool_machine){ .pool = pool, .pidfd = -1, .client_fd = -1 };
	memcpy(machine->uuid, pool->maker.uuid, sizeof(machine->uuid));
	switch (maker_result(&pool->maker, &machine->arena, &machine->machine, err)) {
	case MAKER_READY:
		machine->pidfd = ret = proc_open(&machine->machine.vmm);
		if (ret >= 0)
			ret = loop_add_fd(pool->loop, ret, EPOLLIN, on_death, machine);
		if (ret < 0) {
			cleanup_close(&machine->pidfd);
			err_set(err, ret, "watch a machine of the VM cache");
		}
		break;
	case MAKER_WARM_FAILED:
		/* It is not tried again: machines that are not warm serve as well. */
		pool->stays_cold = true;
		ret = err->code;
		break;
	case MAKER_FAILED:
		ret = err->code;
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

static void tell_made(struct pool *pool, const struct error *err)
{
	if (err) {
		pool->failures++;
		log_error("%s", err->text);
	}
	pool->changed(pool->arg, err);
	schedule(pool, 0);
}

static void on_made(void *arg, int fd, uint32_t events)
{
	struct pool *pool = arg;
	struct error err = { 0 };
	const char *json;
	int ret = maker_read(&pool->maker);

	(void)fd;
	(void)events;
	if (ret == 0)
		return;
	loop_remove_fd(pool->loop, pool->maker.fd);
	ret = add_machine(pool, &err);
	maker_done(&pool->maker);
	/* It goes again if what it was made of has changed since. */
	if (ret == 0)
		ret = pool_get_shape(pool, &json, &err);
	if (ret == 0)
		log_debug("another machine is ready");
	tell_made(pool, ret < 0 ? &err : NULL);
}

static int start_maker(struct pool *pool, struct error *err)
{
	const struct maker_order order = { .config = pool->config_path,
					   .stays_cold = pool->stays_cold,
					   .debug = pool->debug };
	const char *json;
	int ret = pool_get_shape(pool, &json, err);

	if (ret == 0)
		ret = maker_start(&pool->maker, order, pool->dir_fd, err);
	if (ret < 0)
		return ret;
	ret = loop_add_fd(pool->loop, pool->maker.fd, EPOLLIN, on_made, pool);
	if (ret < 0) {
		maker_done(&pool->maker);
		return err_set(err, ret, "watch the process that makes machines");
	}
	return 0;
}

static void on_fill(void *arg)
{
	struct pool *pool = arg;
	struct error err = { 0 };

	pool->fill_timer = 0;
	if (pool->stopped || count_ready(pool) >= pool->config->factory.vm_cache_number)
		return;
	if (start_maker(pool, &err) < 0)
		tell_made(pool, &err);
}

/* One machine after the other. */
static void schedule(struct pool *pool, int64_t delay_ms)
{
	int id;

	if (pool->stopped || pool->fill_timer > 0 || pool->maker.fd >= 0)
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
	if (pool->maker.fd >= 0) {
		loop_remove_fd(pool->loop, pool->maker.fd);
		maker_done(&pool->maker);
		end_directory(pool, pool->maker.uuid);
	}
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
