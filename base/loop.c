#include "base/loop.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"

enum { EVENTS_A_ROUND = 64, NS_PER_MS = 1000000, NS_PER_S = 1000000000 };

struct watch {
	loop_fd_fn *fn; /* NULL: free slot */
	void *arg;
	uint32_t events;
	uint32_t generation; /* tells this registration from earlier ones of the same number */
	bool always;	     /* regular file or the like: epoll refuses it, it never blocks */
};

struct timer {
	struct timer *next;
	int64_t end_ns;
	uint64_t serial; /* order of birth */
	int id;
	loop_timer_fn *fn;
	void *arg;
};

struct loop {
	int epoll_fd;
	struct watch *watches; /* indexed by fd */
	size_t n_watches;
	size_t n_always; /* watches that are always ready and have events asked for */
	uint32_t last_generation;

	int signal_fd;
	loop_signal_fn *signal_fn;
	void *signal_arg;

	int timer_fd;
	struct timer *timers; /* soonest first */
	uint64_t next_serial;
	int last_id;

	bool stop;
	int value;
};

struct loop *loop_new(void)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return NULL;
	loop->signal_fd = -1;
	loop->timer_fd = -1;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0) {
		free(loop);
		return NULL;
	}
	return loop;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	while (loop->timers) {
		struct timer *timer = loop->timers;

		loop->timers = timer->next;
		free(timer);
	}
	cleanup_close(&loop->timer_fd);
	cleanup_close(&loop->signal_fd);
	cleanup_close(&loop->epoll_fd);
	free(loop->watches);
	free(loop);
}

static struct watch *find_watch(struct loop *loop, int fd)
{
	if (fd < 0 || (size_t)fd >= loop->n_watches || !loop->watches[fd].fn)
		return NULL;
	return &loop->watches[fd];
}

static int grow_watches(struct loop *loop, int fd)
{
	size_t n = loop->n_watches ? loop->n_watches : 16;
	struct watch *grown;

	if ((size_t)fd < loop->n_watches)
		return 0;
	while (n <= (size_t)fd)
		n *= 2;
	grown = reallocarray(loop->watches, n, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	memset(grown + loop->n_watches, 0, (n - loop->n_watches) * sizeof(*grown));
	loop->watches = grown;
	loop->n_watches = n;
	return 0;
}

static bool is_busy(const struct watch *watch)
{
	return watch->always && (watch->events & (EPOLLIN | EPOLLOUT));
}

/* What epoll hands back: number and generation. */
static struct epoll_event event_of(int fd, const struct watch *watch)
{
	return (struct epoll_event){
		.events = watch->events,
		.data.u64 = (uint64_t)watch->generation << 32 | (uint32_t)fd,
	};
}

int loop_add_fd(struct loop *loop, int fd, uint32_t events, loop_fd_fn *fn, void *arg)
{
	struct watch watch = { .fn = fn, .arg = arg, .events = events };
	struct epoll_event event;
	int ret;

	if (fd < 0)
		return -EBADF;
	if (find_watch(loop, fd))
		return -EEXIST;
	ret = grow_watches(loop, fd);
	if (ret < 0)
		return ret;
	watch.generation = ++loop->last_generation;
	event = event_of(fd, &watch);
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
		if (errno != EPERM)
			return -errno;
		watch.always = true;
	}
	loop->watches[fd] = watch;
	loop->n_always += is_busy(&watch);
	return 0;
}

int loop_set_events(struct loop *loop, int fd, uint32_t events)
{
	struct watch *watch = find_watch(loop, fd);
	struct watch changed;
	struct epoll_event event;

	if (!watch)
		return -ENOENT;
	if (watch->events == events)
		return 0;
	changed = *watch;
	changed.events = events;
	event = event_of(fd, &changed);
	if (!watch->always && epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, fd, &event) < 0)
		return -errno;
	loop->n_always -= is_busy(watch);
	*watch = changed;
	loop->n_always += is_busy(watch);
	return 0;
}

void loop_remove_fd(struct loop *loop, int fd)
{
	struct watch *watch = find_watch(loop, fd);

	if (!watch)
		return;
	if (!watch->always)
		(void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
	loop->n_always -= is_busy(watch);
	*watch = (struct watch){ 0 };
}

static void on_signal_fd(void *arg, int fd, uint32_t events)
{
	struct loop *loop = arg;
	struct signalfd_siginfo info;

	(void)events;
	while (!loop->stop && read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		loop->signal_fn(loop->signal_arg, (int)info.ssi_signo, (int32_t)info.ssi_pid);
}

int loop_add_signals(struct loop *loop, const sigset_t *mask, loop_signal_fn *fn, void *arg)
{
	auto_close int fd = -1;
	int ret;

	if (loop->signal_fd >= 0)
		return -EEXIST;
	fd = signalfd(-1, mask, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	ret = loop_add_fd(loop, fd, EPOLLIN, on_signal_fd, loop);
	if (ret < 0)
		return ret;
	if (sigprocmask(SIG_BLOCK, mask, NULL) < 0) {
		ret = -errno;
		loop_remove_fd(loop, fd);
		return ret;
	}
	loop->signal_fn = fn;
	loop->signal_arg = arg;
	loop->signal_fd = take_fd(&fd);
	return 0;
}

static int64_t now_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

/* Sets the timerfd to the soonest timer; without one it is silent. */
static int arm_timer_fd(struct loop *loop)
{
	struct itimerspec spec = { 0 };

	if (loop->timers) {
		spec.it_value.tv_sec = (time_t)(loop->timers->end_ns / NS_PER_S);
		spec.it_value.tv_nsec = (long)(loop->timers->end_ns % NS_PER_S);
	}
	return timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL) < 0 ? -errno : 0;
}

static void on_timer_fd(void *arg, int fd, uint32_t events)
{
	struct loop *loop = arg;
	uint64_t count;
	uint64_t first_new = loop->next_serial;
	int64_t now = now_ns();

	(void)events;
	(void)!read(fd, &count, sizeof(count));
	/* Timers born in these callbacks wait for the next round: descriptors get their turn. */
	while (!loop->stop && loop->timers && loop->timers->end_ns <= now &&
	       loop->timers->serial < first_new) {
		struct timer *timer = loop->timers;

		loop->timers = timer->next;
		timer->fn(timer->arg);
		free(timer);
	}
	(void)arm_timer_fd(loop);
}

static int make_timer_fd(struct loop *loop)
{
	auto_close int fd = -1;
	int ret;

	if (loop->timer_fd >= 0)
		return 0;
	fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	ret = loop_add_fd(loop, fd, EPOLLIN, on_timer_fd, loop);
	if (ret < 0)
		return ret;
	loop->timer_fd = take_fd(&fd);
	return 0;
}

static bool has_timer(const struct loop *loop, int id)
{
	for (const struct timer *timer = loop->timers; timer; timer = timer->next)
		if (timer->id == id)
			return true;
	return false;
}

static int new_timer_id(struct loop *loop)
{
	do {
		loop->last_id = loop->last_id == INT_MAX ? 1 : loop->last_id + 1;
	} while (has_timer(loop, loop->last_id));
	return loop->last_id;
}

int loop_add_timer(struct loop *loop, int64_t delay_ms, loop_timer_fn *fn, void *arg)
{
	const int64_t max_ms = INT64_MAX / NS_PER_MS / 2;
	struct timer **link = &loop->timers;
	struct timer *timer;
	int ret = make_timer_fd(loop);

	if (ret < 0)
		return ret;
	timer = calloc(1, sizeof(*timer));
	if (!timer)
		return -ENOMEM;
	delay_ms = delay_ms < 0 ? 0 : delay_ms > max_ms ? max_ms : delay_ms;
	timer->id = new_timer_id(loop);
	timer->end_ns = now_ns() + delay_ms * NS_PER_MS;
	timer->serial = loop->next_serial++;
	timer->fn = fn;
	timer->arg = arg;
	while (*link && (*link)->end_ns <= timer->end_ns)
		link = &(*link)->next;
	timer->next = *link;
	*link = timer;
	ret = loop->timers == timer ? arm_timer_fd(loop) : 0;
	if (ret < 0) {
		loop_remove_timer(loop, timer->id);
		return ret;
	}
	return timer->id;
}

void loop_remove_timer(struct loop *loop, int id)
{
	struct timer **link = &loop->timers;
	struct timer *timer;

	while (*link && (*link)->id != id)
		link = &(*link)->next;
	timer = *link;
	if (!timer)
		return;
	*link = timer->next;
	free(timer);
	if (link == &loop->timers)
		(void)arm_timer_fd(loop);
}

static void dispatch(struct loop *loop, int fd, uint32_t generation, uint32_t events)
{
	struct watch *watch = find_watch(loop, fd);

	/* removed, or removed and added anew, by a callback of this round */
	if (!watch || watch->generation != generation)
		return;
	events &= watch->events | EPOLLERR | EPOLLHUP;
	if (events)
		watch->fn(watch->arg, fd, events);
}

static void dispatch_always(struct loop *loop)
{
	for (size_t fd = 0; fd < loop->n_watches && loop->n_always > 0 && !loop->stop; fd++) {
		const struct watch *watch = &loop->watches[fd];

		if (watch->fn && is_busy(watch))
			dispatch(loop, (int)fd, watch->generation, EPOLLIN | EPOLLOUT);
	}
}

int loop_run(struct loop *loop)
{
	struct epoll_event events[EVENTS_A_ROUND];

	while (!loop->stop) {
		int n = epoll_wait(loop->epoll_fd, events, EVENTS_A_ROUND, loop->n_always ? 0 : -1);

		if (n < 0 && errno != EINTR)
			return -errno;
		for (int i = 0; i < n && !loop->stop; i++)
			dispatch(loop, (int)(uint32_t)events[i].data.u64,
				 (uint32_t)(events[i].data.u64 >> 32), events[i].events);
		if (loop->n_always > 0)
			dispatch_always(loop);
	}
	loop->stop = false;
	return loop->value;
}

void loop_stop(struct loop *loop, int value)
{
	loop->stop = true;
	loop->value = value;
}
