/*
 * A sandbox's network as its state has it, visits to its namespace, and what the guest's agent is
 * told about it.
 */
#ifndef RUNTIME_NET_NETWORK_H
#define RUNTIME_NET_NETWORK_H

#include "agent/proto/calls.h"
#include "runtime/net/endpoint.h"

/* Part of state.json; strings in the arena of the record. */
struct net_state {
	const char *path;	    /* of the namespace; NULL: it lives by its processes alone */
	uint64_t device, inode;	    /* which namespace it is */
	const char *model;	    /* internetworking_model as it was at create */
	uint32_t room;		    /* interfaces that the machine can be given while it runs */
	const char *told;	    /* what the guest knows, as a hash; NULL: nothing */
	struct json_objs endpoints; /* struct net_endpoint */
	struct json_objs spares;    /* struct net_spare: those in use too */
};

extern const struct json_type net_state_type;

/*
 * Describes the namespace behind netns_fd; `path` may be NULL. *state is NULL for the namespace of
 * this process: the host's interfaces are not taken away from it.
 */
int network_describe(int netns_fd, const char *path, const char *model, struct arena *arena,
		     struct net_state **state, struct error *err) must_check;

/* Opens the namespace of `state`, by its path or by one of the processes in it (pid 0: none).
 * Returns the fd, or -ENOENT when it is gone. Leaf. */
int network_open(const struct net_state *state, const int64_t *pids, size_t n) must_check;

/* This process in the sandbox's namespace, with a netlink socket. Zero-initialise. */
struct network_visit {
	int home_fd;
	bool away;
	struct netlink nl;
};

int network_enter(struct network_visit *visit, int netns_fd, struct error *err) must_check;
/* Returns to where it came from; fine when it never left. */
void network_leave(struct network_visit *visit);

#define auto_visit __attribute__((cleanup(network_leave)))

/* Room for one more endpoint in the state; what it returns counts when the caller increments
 * endpoints.len. NULL without memory. */
struct net_endpoint *network_next_endpoint(struct net_state *state, struct arena *arena);
/* The endpoint of the interface with that index, NULL when it has none. */
const struct net_endpoint *network_find(const struct net_state *state, unsigned index);

/* A spare that no endpoint has, NULL when there is none. */
const struct net_spare *network_free_spare(const struct net_state *state);

/* What the guest is told: one call for each interface, then the rest in one each. Arrays in the
 * arena; text is the scan's and the state's. */
struct network_news {
	struct call_update_interface *interfaces;
	size_t n_interfaces;
	struct call_update_routes routes;
	struct call_update_neighbours neighbours;
	char hash[17]; /* of all this */
};

int network_news(const struct net_state *state, const struct net_scan *scan, struct arena *arena,
		 struct network_news *news, struct error *err) must_check;

/* The same for an agent that knows STARTPOD alone: IPv4, without neighbours. */
int network_fill_startpod(const struct network_news *news, struct arena *arena,
			  struct call_startpod *pod, struct error *err) must_check;

#endif
