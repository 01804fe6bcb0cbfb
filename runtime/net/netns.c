#include "runtime/net/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
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

/* The file of a namespace that is gone is an ordinary one: that would show only when a helper tries
 * to join. */
static int join_netns(const char *path, int *fd, struct error *err)
{
	auto_close int found = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (found < 0)
		return err_set(err, -errno, "open the network namespace '%s'", path);
	if (ioctl(found, NS_GET_NSTYPE) != CLONE_NEWNET)
		return err_msg(err, -EINVAL,
			       "'%s' is no network namespace (linux.namespaces of config.json)",
			       path);
	*fd = take_fd(&found);
	return 0;
}

int netns_open(const struct oci_spec *spec, int *fd, struct error *err)
{
	const char *path = oci_spec_namespace(spec, "network");
	int ret;

	*fd = -1;
	if (!path)
		return 0;
	if (*path)
		return join_netns(path, fd, err);
	ret = make_netns(err);
	if (ret < 0)
		return ret;
	*fd = ret;
	return 0;
}
