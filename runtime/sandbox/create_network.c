/* The steps of a create that give the guest its network. */
#include "runtime/sandbox/create_internal.h"

/* A machine that cannot be given interfaces while it runs boots with those that are there now, or
 * with spare ones for those that come later. */
int step_network_devices(struct create *create, struct error *err)
{
	struct net_state *state = create->rec.state.network;
	struct machine *machine = &create->machine;
	int ret;

	if (!state)
		return 0;
	state->room = machine->nic_slots;
	if (state->room > 0)
		return 0;
	state->room = VM_NICS_MAX;
	ret = network_make(&create->rec, create->netns_fd, machine->hypervisor, &create->network,
			   machine->nics, &machine->n_nics, err);
	state->room = 0;
	/* Clients bring interfaces before create, or all of them later. */
	if (ret == 0 && machine->n_nics == 0)
		ret = network_make_spares(&create->rec, create->netns_fd,
					  machine->config->spare_nics, machine->nics,
					  &machine->n_nics, err);
	return ret;
}

static int look(struct create *create, struct error *err)
{
	const struct network_vm vm = { create->machine.hypervisor, create->machine.vm };

	network_found_done(&create->network);
	create->network = (struct network_found){ 0 };
	return network_connect(&create->rec, create->netns_fd, &vm, &create->network, err);
}

/* As early as can be: the guest finds its interfaces while we do other things. */
int step_network(struct create *create, struct error *err)
{
	return create->rec.state.network && create->machine.nic_slots > 0 ? look(create, err) : 0;
}

/* Hooks may have brought further interfaces. */
int step_guest_network(struct create *create, struct error *err)
{
	const struct client_wait wait = create_wait(create);
	int ret;

	if (!create->rec.state.network)
		return 0;
	ret = create->hooks_begun ? look(create, err) : 0;
	return ret < 0 ? ret
		       : network_tell(&create->rec, &create->network, &create->client, &wait, err);
}
