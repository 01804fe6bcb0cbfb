#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/loop.h"

/* What callbacks of one test share. */
struct scene {
	struct loop *loop;
	int a[2];
	int b[2];
	int calls;
	int other_calls;
	char order[16];
	int timer;
};

static int setup(void **state)
{
	static struct scene scene;

	scene = (struct scene){ .loop = loop_new() };
	assert_non_null(scene.loop);
	assert_int_equal(pipe2(scene.a, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(pipe2(scene.b, O_CLOEXEC | O_NONBLOCK), 0);
	*state = &scene;
	return 0;
}

static int teardown(void **state)
{
	struct scene *scene = *state;

	loop_free(scene->loop);
	for (int i = 0; i < 2; i++) {
		(void)close(scene->a[i]);
		(void)close(scene->b[i]);
	}
	return 0;
}

static void stop_timer(void *arg)
{
	struct scene *scene = arg;

	loop_stop(scene->loop, 42);
}

/* Lets the loop run for a while; whoever waits for nothing else stops it. */
static void run_for(struct scene *scene, int64_t ms)
{
	assert_true(loop_add_timer(scene->loop, ms, stop_timer, scene) > 0);
	assert_int_equal(loop_run(scene->loop), 42);
}

static void count_and_drain(void *arg, int fd, uint32_t events)
{
	struct scene *scene = arg;
	char c;

	assert_true(events & EPOLLIN);
	assert_int_equal(read(fd, &c, 1), 1);
	scene->calls++;
	loop_stop(scene->loop, c);
}

static void data_arrives(void **state)
{
	struct scene *scene = *state;

	assert_int_equal(loop_add_fd(scene->loop, scene->a[0], EPOLLIN, count_and_drain, scene), 0);
	assert_int_equal(loop_add_fd(scene->loop, scene->a[0], EPOLLIN, count_and_drain, scene),
			 -EEXIST);
	assert_int_equal(loop_add_fd(scene->loop, -1, EPOLLIN, count_and_drain, scene), -EBADF);
	assert_int_equal(loop_add_fd(scene->loop, 4000, EPOLLIN, count_and_drain, scene), -EBADF);
	assert_int_equal(loop_set_events(scene->loop, 4000, EPOLLIN), -ENOENT);
	assert_int_equal(write(scene->a[1], "x", 1), 1);
	assert_int_equal(loop_run(scene->loop), 'x');
	assert_int_equal(write(scene->a[1], "y", 1), 1);
	assert_int_equal(loop_run(scene->loop), 'y');
	assert_int_equal(scene->calls, 2);
}

static void silent_fds_stay_silent(void **state)
{
	struct scene *scene = *state;

	assert_int_equal(loop_add_fd(scene->loop, scene->a[0], 0, count_and_drain, scene), 0);
	assert_int_equal(write(scene->a[1], "x", 1), 1);
	run_for(scene, 10);
	assert_int_equal(scene->calls, 0);
	assert_int_equal(loop_set_events(scene->loop, scene->a[0], EPOLLIN), 0);
	assert_int_equal(loop_run(scene->loop), 'x');
	loop_remove_fd(scene->loop, scene->a[0]);
	loop_remove_fd(scene->loop, scene->a[0]);
	loop_remove_fd(scene->loop, -1);
	assert_int_equal(write(scene->a[1], "x", 1), 1);
	run_for(scene, 10);
	assert_int_equal(scene->calls, 1);
}

static void stop_before_run_counts(void **state)
{
	struct scene *scene = *state;

	loop_stop(scene->loop, 3);
	assert_int_equal(loop_run(scene->loop), 3);
}

/* Of two ready ones the first to be called removes both. */
static void remove_both(void *arg, int fd, uint32_t events)
{
	struct scene *scene = arg;

	(void)fd;
	(void)events;
	scene->calls++;
	loop_remove_fd(scene->loop, scene->a[0]);
	loop_remove_fd(scene->loop, scene->b[0]);
}

static void removed_in_the_same_round(void **state)
{
	struct scene *scene = *state;

	assert_int_equal(loop_add_fd(scene->loop, scene->a[0], EPOLLIN, remove_both, scene), 0);
	assert_int_equal(loop_add_fd(scene->loop, scene->b[0], EPOLLIN, remove_both, scene), 0);
	assert_int_equal(write(scene->a[1], "x", 1), 1);
	assert_int_equal(write(scene->b[1], "x", 1), 1);
	run_for(scene, 10);
	assert_int_equal(scene->calls, 1);
}

static void count_other(void *arg, int fd, uint32_t events)
{
	struct scene *scene = arg;

	(void)fd;
	(void)events;
	scene->other_calls++;
}

/* The other number is closed, comes back as another (empty) pipe and is watched anew. */
static void replace_other(void *arg, int fd, uint32_t events)
{
	struct scene *scene = arg;
	int *other = fd == scene->a[0] ? scene->b : scene->a;
	int number = other[0];
	int fresh[2];

	(void)events;
	scene->calls++;
	loop_remove_fd(scene->loop, fd);
	loop_remove_fd(scene->loop, number);
	assert_int_equal(pipe2(fresh, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(dup3(fresh[0], number, O_CLOEXEC), number);
	assert_int_equal(dup3(fresh[1], other[1], O_CLOEXEC), other[1]);
	(void)close(fresh[0]);
	(void)close(fresh[1]);
	assert_int_equal(loop_add_fd(scene->loop, number, EPOLLIN, count_other, scene), 0);
}

static void stale_events_do_not_reach_a_new_one(void **state)
{
	struct scene *scene = *state;

	assert_int_equal(loop_add_fd(scene->loop, scene->a[0], EPOLLIN, replace_other, scene), 0);
	assert_int_equal(loop_add_fd(scene->loop, scene->b[0], EPOLLIN, replace_other, scene), 0);
	assert_int_equal(write(scene->a[1], "x", 1), 1);
	assert_int_equal(write(scene->b[1], "x", 1), 1);
	run_for(scene, 10);
	assert_int_equal(scene->calls, 1);
	assert_int_equal(scene->other_calls, 0);
}

static void count_and_end(void *arg, int fd, uint32_t events)
{
	struct scene *scene = arg;
	char c;

	assert_int_equal(events, EPOLLIN);
	scene->calls++;
	if (read(fd, &c, 1) == 0) {
		loop_remove_fd(scene->loop, fd);
		loop_stop(scene->loop, 1);
	}
}

/* epoll knows no regular files and no /dev/null: they are always ready. */
static void files_are_always_ready(void **state)
{
	struct scene *scene = *state;
	auto_close int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(loop_add_fd(scene->loop, fd, 0, count_and_end, scene), 0);
	run_for(scene, 10);
	assert_int_equal(scene->calls, 0);
	assert_int_equal(loop_set_events(scene->loop, fd, EPOLLIN), 0);
	assert_int_equal(loop_run(scene->loop), 1);
	assert_int_equal(scene->calls, 1);
	assert_int_equal(loop_add_fd(scene->loop, fd, EPOLLIN, count_and_end, scene), 0);
	assert_int_equal(loop_run(scene->loop), 1);
	assert_int_equal(scene->calls, 2);
	run_for(scene, 10);
	assert_int_equal(scene->calls, 2);
}

static void on_signal(void *arg, int signo, int32_t sender_pid)
{
	struct scene *scene = arg;

	assert_int_equal(sender_pid, getpid());
	scene->calls++;
	if (signo == SIGUSR2)
		loop_stop(scene->loop, signo);
}

static void signals_arrive(void **state)
{
	struct scene *scene = *state;
	sigset_t mask;
	sigset_t old;

	(void)sigemptyset(&mask);
	(void)sigaddset(&mask, SIGUSR1);
	(void)sigaddset(&mask, SIGUSR2);
	assert_int_equal(sigprocmask(SIG_BLOCK, NULL, &old), 0);
	assert_int_equal(loop_add_signals(scene->loop, &mask, on_signal, scene), 0);
	assert_int_equal(loop_add_signals(scene->loop, &mask, on_signal, scene), -EEXIST);
	assert_int_equal(kill(getpid(), SIGUSR1), 0);
	assert_int_equal(kill(getpid(), SIGUSR2), 0);
	assert_int_equal(loop_run(scene->loop), SIGUSR2);
	assert_int_equal(scene->calls, 2);
	assert_int_equal(sigprocmask(SIG_SETMASK, &old, NULL), 0);
}

static void note(struct scene *scene, char c)
{
	size_t len = strlen(scene->order);

	assert_true(len + 1 < sizeof(scene->order));
	scene->order[len] = c;
}

static void timer_a(void *arg)
{
	note(arg, 'a');
}

static void timer_b(void *arg)
{
	note(arg, 'b');
}

static void timer_c(void *arg)
{
	struct scene *scene = arg;

	note(arg, 'c');
	loop_remove_timer(scene->loop, scene->timer);
}

static void timers_fire_in_order_and_once(void **state)
{
	struct scene *scene = *state;
	int64_t start_us = clock_now_us();
	int ids[3];

	ids[0] = loop_add_timer(scene->loop, 20, timer_b, scene);
	ids[1] = loop_add_timer(scene->loop, 5, timer_a, scene);
	ids[2] = loop_add_timer(scene->loop, 5, timer_b, scene);
	assert_true(ids[0] > 0 && ids[1] > 0 && ids[2] > 0);
	assert_true(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2]);
	run_for(scene, 30);
	assert_true(clock_now_us() - start_us >= 30000);
	assert_string_equal(scene->order, "abb");
	loop_remove_timer(scene->loop, ids[0]);
	loop_remove_timer(scene->loop, 12345);
}

/* Both are due in the same round; the first removes the second. */
static void timers_may_remove_one_another(void **state)
{
	struct scene *scene = *state;

	assert_true(loop_add_timer(scene->loop, 1, timer_c, scene) > 0);
	scene->timer = loop_add_timer(scene->loop, 1, timer_a, scene);
	assert_true(scene->timer > 0);
	(void)usleep(5000);
	run_for(scene, 10);
	assert_string_equal(scene->order, "c");
}

static void rearm(void *arg)
{
	struct scene *scene = arg;

	scene->other_calls++;
	assert_true(loop_add_timer(scene->loop, 0, rearm, scene) > 0);
}

static void immediate_timers_do_not_starve_descriptors(void **state)
{
	struct scene *scene = *state;

	assert_true(loop_add_timer(scene->loop, -5, rearm, scene) > 0);
	assert_true(loop_add_timer(scene->loop, INT64_MAX, timer_a, scene) > 0);
	assert_int_equal(loop_add_fd(scene->loop, scene->a[0], EPOLLIN, count_and_drain, scene), 0);
	assert_int_equal(write(scene->a[1], "x", 1), 1);
	assert_int_equal(loop_run(scene->loop), 'x');
	run_for(scene, 10);
	assert_true(scene->other_calls >= 2);
	assert_string_equal(scene->order, "");
}

static int64_t switches(void)
{
	struct rusage usage;

	assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
	return usage.ru_nvcsw;
}

static void idle_means_asleep(void **state)
{
	struct scene *scene = *state;
	int64_t before;

	assert_int_equal(loop_add_fd(scene->loop, scene->a[0], EPOLLIN, count_and_drain, scene), 0);
	scene->timer = loop_add_timer(scene->loop, 5, timer_a, scene);
	loop_remove_timer(scene->loop, scene->timer);
	before = switches();
	run_for(scene, 200);
	/* one for the timer that stops it; the rest is room for page faults */
	assert_in_range(switches() - before, 1, 8);
	assert_string_equal(scene->order, "");
}

int main(void)
{
#define SCENE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		SCENE(data_arrives),
		SCENE(silent_fds_stay_silent),
		SCENE(stop_before_run_counts),
		SCENE(removed_in_the_same_round),
		SCENE(stale_events_do_not_reach_a_new_one),
		SCENE(files_are_always_ready),
		SCENE(signals_arrive),
		SCENE(timers_fire_in_order_and_once),
		SCENE(timers_may_remove_one_another),
		SCENE(immediate_timers_do_not_starve_descriptors),
		SCENE(idle_means_asleep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
