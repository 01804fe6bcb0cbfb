#include "runtime/net/network.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include "base/cleanup.h"
#include "base/log.h"
#include "hypervisor/hypervisor.h"

static const char own_netns[] = "/proc/self/ns/net";

#define FIELD(member) .offset = offsetof(struct net_state, member)

static const struct json_row state_rows[] = {
	{ .name = "path", .kind = JSON_STR, FIELD(path), .flags = JSON_OMIT_EMPTY },
	{ .name = "device", .kind = JSON_U64, FIELD(device), .flags = JSON_REQUIRED },
	{ .name = "inode", .kind = JSON_U64, FIELD(inode), .flags = JSON_REQUIRED },
	{ .name = "model", .kind = JSON_STR, FIELD(model), .flags = JSON_REQUIRED },
	{ .name = "room", .kind = JSON_U32, FIELD(room) },
	{ .name = "told", .kind = JSON_STR, FIELD(told), .flags = JSON_OMIT_EMPTY },
	{ .name = "endpoints",
	  .kind = JSON_OBJS,
	  FIELD(endpoints),
	  .type = &net_endpoint_type,
	  .flags = JSON_OMIT_EMPTY },
	{ .name = "spares",
	  .kind = JSON_OBJS,
	  FIELD(spares),
	  .type = &net_spare_type,
	  .flags = JSON_OMIT_EMPTY },
};
const struct json_type net_state_type = JSON_TYPE(net_state, state_rows);

int network_describe(int netns_fd, const char *path, const char *model, struct arena *arena,
		     struct net_state **state, struct error *err)
{
	struct stat theirs, ours;

	*state = NULL;
	if (fstat(netns_fd, &theirs) < 0 || stat(own_netns, &ours) < 0)
		return err_set(err, -errno, "look at the network namespace");
	if (theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino)
		return 0;
	*state = arena_alloc(arena, sizeof(**state));
	if (!*state)
		return err_set(err, -ENOMEM, "describe the network namespace");
	**state = (struct net_state){
		.path = path ? arena_strdup(arena, path) : NULL,
		.device = theirs.st_dev,
		.inode = theirs.st_ino,
		.model = arena_strdup(arena, model),
	};
	return (path && !(*state)->path) || !(*state)->model
		       ? err_set(err, -ENOMEM, "describe the network namespace")
		       : 0;
}

static int open_if_same(const struct net_state *state, const char *path)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (st.st_dev != state->device || st.st_ino != state->inode ||
	    ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWNET)
		return -ENOENT;
	return take_fd(&fd);
}

int network_open(const struct net_state *state, const int64_t *pids, size_t n)
{
	char path[64];
	int fd = state->path ? open_if_same(state, state->path) : -ENOENT;

	for (size_t i = 0; fd < 0 && i < n; i++) {
		if (pids[i] <= 0)
			continue;
		(void)snprintf(path, sizeof(path), "/proc/%lld/ns/net", (long long)pids[i]);
		fd = open_if_same(state, path);
	}
	return fd < 0 ? -ENOENT : fd;
}

int network_enter(struct network_visit *visit, int netns_fd, struct error *err)
{
	int ret;

	visit->home_fd = open(own_netns, O_RDONLY | O_CLOEXEC);
	if (visit->home_fd < 0)
		return err_set(err, -errno, "open '%s'", own_netns);
	visit->away = setns(netns_fd, CLONE_NEWNET) == 0;
	ret = visit->away ? netlink_open(&visit->nl) : -errno;
	if (ret == 0)
		return 0;
	err_set(err, ret, "%s the sandbox' network namespace",
		visit->away ? "open a netlink socket in" : "enter");
	network_leave(visit);
	return ret;
}

void network_leave(struct network_visit *visit)
{
	netlink_close(&visit->nl);
	if (visit->away && setns(visit->home_fd, CLONE_NEWNET) < 0)
		log_warning("return to the caller's network namespace: %s", strerror(errno));
	if (visit->home_fd > 0)
		cleanup_close(&visit->home_fd);
	visit->home_fd = 0;
	visit->away = false;
}

struct net_endpoint *network_next_endpoint(struct net_state *state, struct arena *arena)
{
	struct net_endpoint *items = arena_calloc(arena, state->endpoints.len + 1, sizeof(*items));

	if (!items)
		return NULL;
	if (state->endpoints.len)
		memcpy(items, state->endpoints.items, state->endpoints.len * sizeof(*items));
	state->endpoints.items = items;
	return &items[state->endpoints.len];
}

const struct net_endpoint *network_find(const struct net_state *state, unsigned index)
{
	const struct net_endpoint *items = state->endpoints.items;

	for (size_t i = 0; i < state->endpoints.len; i++)
		if (items[i].index == index)
			return &items[i];
	return NULL;
}

static bool has_device(const struct net_state *state, const char *device)
{
	const struct net_endpoint *items = state->endpoints.items;

	for (size_t i = 0; i < state->endpoints.len; i++)
		if (!strcmp(items[i].device, device))
			return true;
	return false;
}

const struct net_spare *network_free_spare(const struct net_state *state)
{
	const struct net_spare *items = state->spares.items;

	for (size_t i = 0; i < state->spares.len; i++)
		if (!has_device(state, items[i].device))
			return &items[i];
	return NULL;
}
