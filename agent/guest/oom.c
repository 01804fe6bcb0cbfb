#include "agent/guest/oom.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "agent/guest/cgroup.h"
#include "agent/guest/events.h"
#include "base/cleanup.h"

void oom_check(struct container *container)
{
	int64_t kills;

	if (container->oom_fd < 0)
		return;
	kills = cgroup_read_key(container->oom_fd, "oom_kill");
	if (kills <= container->oom_kills)
		return;
	container->oom_kills = kills;
	events_add(container->guest, "oom", container->id, NULL, 0);
}

static void on_memory_event(void *arg, int fd, uint32_t events)
{
	(void)fd;
	(void)events;
	oom_check(arg);
}

void oom_watch(struct container *container)
{
	auto_close int fd = openat(container->cgroup_fd, "memory.events", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	/* what a cgroup of that name has seen before does not count; and only who has read is told
	 */
	container->oom_kills = cgroup_read_key(fd, "oom_kill");
	if (container->oom_kills < 0)
		container->oom_kills = 0;
	if (loop_add_fd(container->guest->loop, fd, EPOLLPRI, on_memory_event, container) == 0)
		container->oom_fd = take_fd(&fd);
}

void oom_unwatch(struct container *container)
{
	if (container->oom_fd >= 0)
		loop_remove_fd(container->guest->loop, container->oom_fd);
	cleanup_close(&container->oom_fd);
}
