/* Event loop over epoll: descriptors, signals (signalfd) and timers (timerfd). One thread, no
 * polling. */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/error.h"

struct loop;

/* events: EPOLLIN | EPOLLOUT | EPOLLHUP ... as epoll reports them. */
typedef void loop_fd_fn(void *arg, int fd, uint32_t events);
typedef void loop_signal_fn(void *arg, int signo, int32_t sender_pid);
typedef void loop_timer_fn(void *arg);

/* NULL when out of memory or descriptors. */
struct loop *loop_new(void);
void loop_free(struct loop *loop);

/* Watches fd (not owned). events is an EPOLL* mask; 0 keeps it registered but silent except for
 * errors. Regular files and /dev/null, which epoll refuses, count as always ready. -EEXIST when fd
 * is watched already. */
int loop_add_fd(struct loop *loop, int fd, uint32_t events, loop_fd_fn *fn, void *arg) must_check;
int loop_set_events(struct loop *loop, int fd, uint32_t events) must_check;
/* Stops watching; safe from inside any callback, also for fds whose events are still pending in
 * this round. Call before close(). */
void loop_remove_fd(struct loop *loop, int fd);

/* Blocks the signals in mask and delivers them through the loop. May be called once a loop.
 * They stay blocked after loop_free(). */
int loop_add_signals(struct loop *loop, const sigset_t *mask, loop_signal_fn *fn, void *arg)
	must_check;

/* One-shot timer; returns an id > 0, or -errno. */
int loop_add_timer(struct loop *loop, int64_t delay_ms, loop_timer_fn *fn, void *arg) must_check;
/* Unknown or fired ids are fine. */
void loop_remove_timer(struct loop *loop, int id);

/* Runs until loop_stop(). Returns the value given there, or -errno. */
int loop_run(struct loop *loop);
void loop_stop(struct loop *loop, int value);

#endif
