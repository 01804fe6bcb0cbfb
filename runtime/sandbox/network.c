#include "runtime/sandbox/network.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "runtime/agent_client/original.h"
#include "runtime/net/tap.h"
#include "runtime/sandbox/attach.h"
#include "runtime/sandbox/create_internal.h"

enum { TELL_TIMEOUT_MS = 60000 };

void network_found_done(struct network_found *found)
{
	arena_done(&found->arena);
}

/* What it takes to connect an interface that is new. */
struct fresh {
	struct net_endpoint *ep;
	uint32_t mtu;
};

struct connecting {
	struct record *rec;
	const struct hypervisor_ops *hypervisor;
	struct vm_nic *nics;
	struct fresh fresh[VM_NICS_MAX];
	unsigned n_fresh;
};

static int check_room(const struct net_state *state, const struct net_link *link, struct error *err)
{
	if (state->endpoints.len < state->room && state->endpoints.len < VM_NICS_MAX)
		return 0;
	if (state->room == 0 && network_free_spare(state))
		return 0;
	if (state->room == 0 && state->spares.len > 0) {
		err_msg(err, -ENOSPC,
			"interface '%s': all %zu spare interfaces of this virtual machine are in "
			"use",
			link->name, state->spares.len);
		return err_hint(err, "attach it before create, or raise spare_nics in the "
				     "hypervisor's table");
	}
	if (state->room == 0)
		return err_msg(err, -ENOTSUP,
			       "interface '%s': this virtual machine cannot be given an interface "
			       "while it runs: attach it before create",
			       link->name);
	return err_msg(err, -ENOSPC,
		       "interface '%s': the virtual machine has room for %u interfaces and no more",
		       link->name, state->room);
}

/* Only the first n of the new endpoints are, or may be, there. */
static void forget(struct connecting *job, unsigned n)
{
	job->rec->state.network->endpoints.len -= job->n_fresh - n;
	job->n_fresh = n;
}

/* The device is one that the machine has already; the interface in the guest has the spare's
 * address until the guest is told of its own. */
static int take_spare(struct net_state *state, struct net_endpoint *ep, struct error *err)
{
	const struct net_spare *spare = network_free_spare(state);

	if (!endpoint_may_be_spare(ep->model))
		return err_msg(err, -ENOTSUP,
			       "interface '%s': this virtual machine cannot be given a macvtap "
			       "while it runs: attach it before create",
			       ep->name);
	ep->device = spare->device;
	ep->mac = spare->mac;
	ep->spare = true;
	return 0;
}

/* Decides about the interfaces that have no endpoint yet. Nothing is made. */
static int plan(struct connecting *job, struct netlink *nl, const struct net_scan *scan,
		struct error *err)
{
	struct net_state *state = job->rec->state.network;

	for (size_t i = 0; i < scan->n_links; i++) {
		const struct net_link *link = &scan->links[i];
		struct net_endpoint *ep;
		int ret;

		if (network_find(state, link->index))
			continue;
		ret = check_room(state, link, err);
		if (ret < 0)
			return ret;
		ep = network_next_endpoint(state, &job->rec->arena);
		if (!ep)
			return err_set(err, -ENOMEM, "connect the interface '%s'", link->name);
		ret = endpoint_plan(nl, link, state->model, &job->rec->arena, ep, err);
		if (ret == 0 && state->room == 0)
			ret = take_spare(state, ep, err);
		if (ret < 0)
			return ret;
		ep->by_name = !(job->hypervisor->caps & HV_CAP_NIC_FD);
		state->endpoints.len++;
		job->fresh[job->n_fresh++] = (struct fresh){ .mtu = link->mtu };
	}
	/* The list may have moved while it grew. */
	for (unsigned i = 0; i < job->n_fresh; i++)
		job->fresh[i].ep = (struct net_endpoint *)state->endpoints.items +
				   state->endpoints.len - job->n_fresh + i;
	return 0;
}

static int make_device(struct connecting *job, struct netlink *nl, unsigned i, struct error *err)
{
	const struct fresh *fresh = &job->fresh[i];
	auto_close int fd = -1;
	int ret;

	job->nics[i] = (struct vm_nic){ .fd = -1 };
	if (fresh->ep->spare)
		return endpoint_join(nl, fresh->ep, fresh->mtu, err);
	fd = endpoint_make(nl, fresh->ep, fresh->mtu, err);
	ret = fd < 0 ? fd : 0;

	job->nics[i] = (struct vm_nic){
		.id = arena_printf(&job->rec->arena, "net%u", fresh->ep->index),
		.ifname = fresh->ep->device,
		.macvtap = endpoint_is_macvtap(fresh->ep),
		.mac = fresh->ep->mac,
		.fd = -1,
	};
	if (ret < 0)
		return ret;
	if (!job->nics[i].id)
		return err_set(err, -ENOMEM, "connect the interface '%s'", fresh->ep->name);
	if (job->hypervisor->caps & HV_CAP_NIC_FD)
		job->nics[i].fd = take_fd(&fd);
	else if (fresh->ep->by_name && !job->nics[i].macvtap)
		ret = tap_keep(fd);
	return ret < 0 ? err_set(err, ret, "keep the tap '%s'", fresh->ep->device) : 0;
}

/* In the sandbox's namespace: finds what is there, and makes devices for what is new. */
static int make_devices(struct connecting *job, int netns_fd, struct network_found *found,
			struct error *err)
{
	auto_visit struct network_visit visit = { 0 };
	int ret = network_enter(&visit, netns_fd, err);

	if (ret == 0)
		ret = scan_run(&visit.nl, NET_DEVICE_PREFIX, &found->arena, &found->scan, err);
	if (ret == 0)
		ret = plan(job, &visit.nl, &found->scan, err);
	if (ret < 0)
		forget(job, 0);
	if (ret < 0 || job->n_fresh == 0)
		return ret;
	ret = record_save(job->rec, err);
	if (ret < 0)
		forget(job, 0);
	for (unsigned i = 0; ret == 0 && i < job->n_fresh; i++) {
		ret = make_device(job, &visit.nl, i, err);
		/* What is another's must not be undone as if it were ours. */
		if (ret < 0)
			forget(job, i + (ret != -EBUSY));
	}
	if (ret == -EBUSY && record_save(job->rec, NULL) < 0)
		log_warning("the state still has the interfaces that could not be connected");
	return ret;
}

int network_make(struct record *rec, int netns_fd, const struct hypervisor_ops *hypervisor,
		 struct network_found *found, struct vm_nic nics[static VM_NICS_MAX],
		 unsigned *n_nics, struct error *err)
{
	struct connecting job = { .rec = rec, .hypervisor = hypervisor, .nics = nics };
	int ret = make_devices(&job, netns_fd, found, err);

	*n_nics = job.n_fresh;
	if (ret == 0)
		ret = network_news(rec->state.network, &found->scan, &found->arena, &found->news,
				   err);
	return ret;
}

int network_connect(struct record *rec, int netns_fd, const struct network_vm *vm,
		    struct network_found *found, struct error *err)
{
	struct vm_nic nics[VM_NICS_MAX];
	unsigned n_nics = 0;
	int ret = network_make(rec, netns_fd, vm->hypervisor, found, nics, &n_nics, err);

	for (unsigned i = 0; i < n_nics; i++) {
		/* without an id it is one that the machine has */
		if (ret == 0 && nics[i].id) {
			ret = vm->hypervisor->add_nic(&vm->vm, attach_connect_control(rec),
						      &nics[i], err);
			if (ret < 0)
				err_ctx(err, "give the virtual machine the other end of '%s'",
					nics[i].ifname);
		}
		cleanup_close(&nics[i].fd);
	}
	return ret;
}

/* In the sandbox's namespace: devices of which the record knows. */
static int make_spares(struct record *rec, struct netlink *nl, unsigned n, struct error *err)
{
	struct net_state *state = rec->state.network;
	struct net_spare *spares = arena_calloc(&rec->arena, n, sizeof(*spares));
	int ret = spares ? 0 : err_set(err, -ENOMEM, "make spare interfaces");

	for (unsigned i = 0, number = 0; ret == 0 && i < n; i++)
		ret = spare_plan(nl, &number, &rec->arena, &spares[i], err);
	if (ret < 0)
		return ret;
	state->spares = (struct json_objs){ .items = spares, .len = n };
	ret = record_save(rec, err);
	if (ret < 0)
		state->spares.len = 0;
	for (unsigned i = 0; ret == 0 && i < n; i++) {
		ret = spare_make(&spares[i], err);
		/* What is another's must not be undone as if it were ours. */
		if (ret < 0)
			state->spares.len = i + (ret != -EBUSY);
	}
	return ret;
}

int network_make_spares(struct record *rec, int netns_fd, unsigned n,
			struct vm_nic nics[static VM_NICS_MAX], unsigned *n_nics, struct error *err)
{
	struct net_state *state = rec->state.network;
	auto_visit struct network_visit visit = { 0 };
	int ret;

	if (n == 0 || !endpoint_may_be_spare(state->model))
		return 0;
	ret = network_enter(&visit, netns_fd, err);
	if (ret == 0)
		ret = make_spares(rec, &visit.nl, n < VM_NICS_MAX ? n : VM_NICS_MAX, err);
	for (unsigned i = 0; ret == 0 && i < state->spares.len; i++) {
		const struct net_spare *spare = &((const struct net_spare *)state->spares.items)[i];

		nics[i] = (struct vm_nic){ .id = arena_printf(&rec->arena, "spare%u", i),
					   .ifname = spare->device,
					   .mac = spare->mac,
					   .fd = -1 };
		if (!nics[i].id)
			return err_set(err, -ENOMEM, "describe spare interfaces");
		*n_nics = i + 1;
	}
	return ret;
}

static bool is_news(const struct net_state *state, const struct network_news *news)
{
	/* A namespace without interfaces is nothing to talk about. */
	if (!state->told)
		return news->n_interfaces > 0;
	return strcmp(state->told, news->hash) != 0;
}

/* An original agent hears of the network when its pod is started. */
static int hold(const struct record *rec, const struct network_news *news, struct error *err)
{
	auto_arena struct arena arena = { 0 };
	struct call_startpod pod = { 0 };
	int ret = network_fill_startpod(news, &arena, &pod, err);

	return ret < 0 ? ret : original_hold_network(rec->dir_fd, &pod, err);
}

static int tell_acrun(const struct network_news *news, struct client *client,
		      const struct client_wait *wait, struct error *err)
{
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < news->n_interfaces; i++)
		ret = agent_call(client, CALL_UPDATEINTERFACE, NULL, &call_update_interface_type,
				 &news->interfaces[i], wait, err);
	if (ret == 0)
		ret = agent_call(client, CALL_UPDATEROUTES, NULL, &call_update_routes_type,
				 &news->routes, wait, err);
	if (ret == 0 && news->neighbours.neighbours.len > 0)
		ret = agent_call(client, CALL_UPDATENEIGHBOURS, NULL, &call_update_neighbours_type,
				 &news->neighbours, wait, err);
	return ret;
}

int network_tell(struct record *rec, const struct network_found *found, struct client *client,
		 const struct client_wait *wait, struct error *err)
{
	const struct network_news *news = &found->news;
	struct net_state *state = rec->state.network;
	int ret;

	if (!is_news(state, news))
		return 0;
	ret = rec->state.agent ? hold(rec, news, err) : tell_acrun(news, client, wait, err);
	if (ret < 0)
		return err_ctx(err, "set up the guest's network");
	state->told = arena_strdup(&rec->arena, news->hash);
	return state->told ? 0 : err_set(err, -ENOMEM, "set up the guest's network");
}

static int open_namespace(const struct record *rec)
{
	const struct record_state *state = &rec->state;
	const struct proc_id *holders[] = { &state->shim, &state->proxy, &state->vmm };
	int64_t pids[sizeof(holders) / sizeof(holders[0])];

	for (size_t i = 0; i < sizeof(holders) / sizeof(holders[0]); i++)
		pids[i] = proc_is_alive(holders[i]) ? holders[i]->pid : 0;
	return network_open(state->network, pids, sizeof(pids) / sizeof(pids[0]));
}

static int tell_by_proxy(struct record *rec, const struct network_found *found, struct error *err)
{
	struct client_wait wait = { .deadline_ms = clock_now_ms() + TELL_TIMEOUT_MS,
				    .abort_fd = -1 };
	auto_client struct client client = { .fd = -1 };
	int ret = attach_open(rec, &client, &wait, err);

	if (ret == 0)
		ret = network_tell(rec, found, &client, &wait, err);
	attach_done(&wait);
	return ret < 0 ? ret : record_save(rec, err);
}

int network_update(struct record *rec, struct error *err)
{
	const struct network_vm vm = {
		.hypervisor = rec->state.hypervisor ? hypervisor_find(rec->state.hypervisor) : NULL,
		.vm = { .vmm = rec->state.vmm },
	};
	auto_found struct network_found found = { 0 };
	auto_close int netns_fd = -1;
	int ret;

	if (!rec->state.network)
		return 0;
	netns_fd = open_namespace(rec);
	if (netns_fd < 0)
		return err_set(err, netns_fd, "find the sandbox's network namespace");
	if (!vm.hypervisor)
		return err_msg(err, -EINVAL, "the sandbox's hypervisor is not known");
	ret = network_connect(rec, netns_fd, &vm, &found, err);
	if (ret < 0 || !is_news(rec->state.network, &found.news))
		return ret;
	return tell_by_proxy(rec, &found, err);
}

void network_undo(struct record *rec)
{
	const struct net_state *state = rec->state.network;
	auto_visit struct network_visit visit = { 0 };
	auto_close int netns_fd = -1;
	struct error err = { 0 };

	if (!state || state->endpoints.len + state->spares.len == 0)
		return;
	netns_fd = open_namespace(rec);
	/* All that was made was in it. */
	if (netns_fd < 0)
		return;
	if (network_enter(&visit, netns_fd, &err) < 0) {
		log_warning("undo the network: %s", err.text);
		return;
	}
	for (size_t i = state->endpoints.len; i-- > 0;)
		endpoint_undo(&visit.nl, &((const struct net_endpoint *)state->endpoints.items)[i]);
	for (size_t i = state->spares.len; i-- > 0;)
		spare_undo(&visit.nl, &((const struct net_spare *)state->spares.items)[i]);
}
