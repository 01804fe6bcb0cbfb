/* The network of a sandbox: its namespace's interfaces, each connected to one of the guest's. */
#ifndef RUNTIME_SANDBOX_NETWORK_H
#define RUNTIME_SANDBOX_NETWORK_H

#include "hypervisor/hypervisor.h"
#include "runtime/agent_client/client.h"
#include "runtime/net/network.h"
#include "runtime/sandbox/store.h"

/* The machine that gets the interfaces. */
struct network_vm {
	const struct hypervisor_ops *hypervisor;
	struct vm vm;
};

/* What was found, and is to be told to the guest. Zero-initialise. */
struct network_found {
	struct arena arena;
	struct net_scan scan;
	struct network_news news;
};

void network_found_done(struct network_found *found);

#define auto_found __attribute__((cleanup(network_found_done)))

/*
 * Looks at the sandbox's namespace and makes a device for every interface that has come since the
 * last time, recording each before it is made. nics[] describes them for the hypervisor, strings in
 * the record's arena; descriptors in it are the caller's to close, also on failure.
 */
int network_make(struct record *rec, int netns_fd, const struct hypervisor_ops *hypervisor,
		 struct network_found *found, struct vm_nic nics[static VM_NICS_MAX],
		 unsigned *n_nics, struct error *err) must_check;

/*
 * For a machine that can be given no interface while it runs: makes n spare ones for it to boot
 * with. They are connected to the interfaces that come later, by network_connect().
 */
int network_make_spares(struct record *rec, int netns_fd, unsigned n,
			struct vm_nic nics[static VM_NICS_MAX], unsigned *n_nics, struct error *err)
	must_check;

/*
 * Looks at the sandbox's namespace and plugs every interface that has come since the last time into
 * the machine. Nothing of this is undone on failure: that is network_undo()'s, which works from the
 * record.
 */
int network_connect(struct record *rec, int netns_fd, const struct network_vm *vm,
		    struct network_found *found, struct error *err) must_check;

/* Has the guest told what it does not know yet. The caller saves the record. */
int network_tell(struct record *rec, const struct network_found *found, struct client *client,
		 const struct client_wait *wait, struct error *err) must_check;

/* Both, for a sandbox that was created before: clients that attach interfaces between create and
 * start. Saves the record when it has changed. */
int network_update(struct record *rec, struct error *err) must_check;

/* Undoes everything that network_connect() has made. May run twice, and when the namespace is gone.
 */
void network_undo(struct record *rec);

#endif
