/*
 * A create that takes its machine out of the VM cache. In this order, each of which may be the last
 * thing that it does: a link to the machine's directory, the VMM in state.json, the claim. So
 * delete finds whatever was claimed; what was not is ended by the server, or by who sweeps after
 * it.
 */
#include "runtime/sandbox/create_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/log.h"
#include "runtime/factory/cache.h"
#include "runtime/factory/cache_dir.h"

enum { END_TIMEOUT_MS = 5000 };

static int record_machine(struct create *create, const struct cache_machine *cached,
			  struct error *err)
{
	struct record_state *state = &create->rec.state;

	if (symlinkat(cached->dir, create->rec.dir_fd, FILE_MACHINE_LINK) < 0)
		return err_set(err, -errno, "make '%s/%s'", create->rec.dir_path,
			       FILE_MACHINE_LINK);
	state->vmm = cached->vmm;
	state->uuid = cached->uuid;
	state->accelerator = cached->accelerator;
	return record_save(&create->rec, err);
}

static int claim(struct create *create, const struct cache_machine *cached, struct error *err)
{
	struct machine *machine = &create->machine;
	int ret = record_machine(create, cached, err);

	if (ret < 0)
		return ret;
	ret = cache_machine_claim(create->cached_fd);
	if (ret < 0)
		return err_set(err, ret, "claim the machine '%s'", cached->dir);
	ret = proc_open(&cached->vmm);
	if (ret < 0)
		return err_set(err, ret, "watch the machine '%s', process %lld", cached->dir,
			       (long long)cached->vmm.pid);
	machine->pidfd = ret;
	machine->vm.vmm = cached->vmm;
	(void)snprintf(machine->vm.accelerator, sizeof(machine->vm.accelerator), "%s",
		       cached->accelerator);
	machine->dir = cached->dir;
	machine->dir_fd = create->cached_fd;
	ret = cgroup_join(&create->rec.state.cgroups, (pid_t)cached->vmm.pid, err);
	if (ret < 0)
		return ret;
	return create_fill_share(create, cached->dir, create->cached_fd, err);
}

/* Back to where we were before it: what was claimed is ended, what was not is the server's. */
static int give_up(struct create *create, const char *uuid, struct error *err)
{
	struct record_state *state = &create->rec.state;

	if (cache_machine_is_claimed(create->cached_fd) && proc_signal(&state->vmm, SIGKILL) == 0)
		(void)!proc_wait_gone(&state->vmm, END_TIMEOUT_MS);
	undo_cache(&create->rec);
	cleanup_close(&create->machine.pidfd);
	create->machine.vm = (struct vm){ 0 };
	create->machine.dir = NULL;
	create->machine.dir_fd = -1;
	cleanup_close(&create->cached_fd);
	state->vmm = (struct proc_id){ 0 };
	state->uuid = uuid;
	state->accelerator = NULL;
	return record_save(&create->rec, err);
}

/* -EAGAIN after everything that is no reason to fail, told by a warning. */
static int take_over(struct create *create, struct error *err)
{
	const char *endpoint = create->config.factory.vm_cache_endpoint;
	const char *uuid = create->rec.state.uuid;
	struct cache_machine cached;
	struct error why = { 0 };
	int ret = cache_fetch(endpoint, &create->machine, &create->rec.arena, &cached, &why);

	if (ret == 0)
		create->cached_fd = ret = cache_dir_open(cached.dir, false, &why);
	if (ret >= 0) {
		ret = claim(create, &cached, &why);
		if (ret == 0)
			return 0;
		if (give_up(create, uuid, err) < 0)
			return err->code;
	}
	create->cached_fd = -1;
	log_warning("VM cache: %s; making a virtual machine without it", why.text);
	return -EAGAIN;
}

int step_cache(struct create *create, struct error *err)
{
	const struct machine *machine = &create->machine;
	int ret;

	create_size(create);
	/* Interfaces that a machine must boot with are its own. */
	if (create->config.factory.vm_cache_number == 0 || machine->n_nics > 0 ||
	    create_needs_link(create))
		return 0;
	/* The server keeps machines of one shape: this one could not grow into what is wanted. */
	if (create->wanted_vcpus > machine->vcpus && create->wanted_vcpus > machine->max_vcpus)
		return 0;
	if (create->wanted_memory_mib > machine->memory_mib &&
	    create->wanted_memory_mib > machine->max_memory_mib)
		return 0;
	ret = take_over(create, err);
	create->restored = ret == 0;
	return ret == -EAGAIN ? 0 : ret;
}

void undo_cache(struct record *rec)
{
	char dir[PATH_MAX];
	ssize_t n = readlinkat(rec->dir_fd, FILE_MACHINE_LINK, dir, sizeof(dir) - 1);
	int ret;

	if (n <= 0)
		return;
	dir[n] = '\0';
	ret = dir[0] == '/' ? cache_machine_remove(dir) : 0;
	if (ret < 0)
		log_warning("remove '%s': %s", dir, strerror(-ret));
	(void)unlinkat(rec->dir_fd, FILE_MACHINE_LINK, 0);
}
