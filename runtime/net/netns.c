#include "runtime/net/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include "base/cleanup.h"

static const char own_netns[] = "/proc/self/ns/net";

static int make_netns(struct error *err)
{
	auto_close int old = open(own_netns, O_RDONLY | O_CLOEXEC);
	auto_close int made = -1;

	if (old < 0)
		return err_set(err, -errno, "open '%s'", own_netns);
	if (unshare(CLONE_NEWNET) < 0)
		return err_set(err, -errno, "make a network namespace");
	made = open(own_netns, O_RDONLY | O_CLOEXEC);
	if (made < 0)
		err_set(err, -errno, "open the new network namespace");
	if (setns(old, CLONE_NEWNET) < 0)
		return err_set(err, -errno, "return to the caller's network namespace");
	return made < 0 ? (err ? err->code : -EIO) : take_fd(&made);
}

int netns_open(const struct oci_spec *spec, int *fd, struct error *err)
{
	const char *path = oci_spec_namespace(spec, "network");

	*fd = -1;
	if (!path)
		return 0;
	if (!*path) {
		*fd = make_netns(err);
		return *fd < 0 ? *fd : 0;
	}
	*fd = open(path, O_RDONLY | O_CLOEXEC);
	return *fd < 0 ? err_set(err, -errno, "open the network namespace '%s'", path) : 0;
}
