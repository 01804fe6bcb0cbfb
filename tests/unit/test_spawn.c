#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/parse.h"
#include "base/spawn.h"
#include "base/strbuf.h"

static const char *const true_argv[] = { "true", NULL };

/* Runs a shell script to its end and returns its exit code; what it writes lands in `out`. */
static int run_shell(struct spawn *sp, const char *script, const char *input, struct strbuf *out)
{
	const char *const argv[] = { "sh", "-c", script, NULL };
	struct error err = { 0 };
	int code = -1;

	sp->path = "/bin/sh";
	sp->argv = argv;
	if (spawn_run(sp, input, input ? strlen(input) : 0, out, 1 << 20, 20000, &code, &err) != 0)
		fail_msg("%s", err.text);
	return code;
}

static void assert_no_child(void)
{
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void start_and_wait(void **state)
{
	struct spawn sp = { .path = "/bin/true", .argv = true_argv };
	struct error err = { 0 };
	int status = -1;
	pid_t pid = 0;

	(void)state;
	assert_int_equal(spawn_start(&sp, &pid, &err), 0);
	assert_int_equal(spawn_wait(pid, 20000, &status), 0);
	assert_int_equal(spawn_exit_code(status), 0);
	assert_int_equal(spawn_wait(pid, 0, &status), -ECHILD);
	assert_int_equal(spawn_wait(pid, -1, &status), -ECHILD);
}

static void exit_codes_are_a_shells(void **state)
{
	struct spawn sp = { 0 };

	(void)state;
	assert_int_equal(run_shell(&sp, "exit 7", NULL, NULL), 7);
	assert_int_equal(run_shell(&sp, "kill -TERM $$", NULL, NULL), 128 + SIGTERM);
}

static void wait_times_out_and_leaves_it_running(void **state)
{
	const char *const argv[] = { "sleep", "100", NULL };
	struct spawn sp = { .path = "/bin/sleep", .argv = argv };
	struct error err = { 0 };
	int status = -1;
	pid_t pid = 0;

	(void)state;
	assert_int_equal(spawn_start(&sp, &pid, &err), 0);
	assert_int_equal(spawn_wait(pid, 20, &status), -ETIMEDOUT);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(spawn_wait(pid, -1, &status), 0);
	assert_int_equal(spawn_exit_code(status), 128 + SIGKILL);
}

static int failing_prepare(void *arg, struct error *err)
{
	return err_set(err, -EROFS, "mount '%s'", (const char *)arg);
}

static int silent_prepare(void *arg, struct error *err)
{
	(void)arg;
	(void)err;
	return 5;
}

static int dying_prepare(void *arg, struct error *err)
{
	(void)arg;
	(void)err;
	return kill(getpid(), SIGKILL);
}

static void failures_before_exec_come_back(void **state)
{
	const struct {
		struct spawn sp;
		int code;
		const char *text;
	} rows[] = {
		{ { .path = "/no/such/program" },
		  -ENOENT,
		  "exec '/no/such/program': No such file or directory" },
		{ { .path = "/etc/passwd" }, -EACCES, "exec '/etc/passwd': Permission denied" },
		{ { .path = "/bin/true", .cwd = "/no/such/dir" },
		  -ENOENT,
		  "change to directory '/no/such/dir': No such file or directory" },
		{ { .path = "/bin/true", .fds = { { 900, 3 } }, .n_fds = 1 },
		  -EBADF,
		  "pass on descriptor 900 as 3: Bad file descriptor" },
		{ { .path = "/bin/true", .fds = { { -1, 3 } }, .n_fds = 1 },
		  -EBADF,
		  "spawn '/bin/true' with descriptor -1 as 3: Bad file descriptor" },
		{ { .path = "/bin/true", .join_ns = { 901 }, .n_join_ns = 1 },
		  -EBADF,
		  "join namespace 1 of 1: Bad file descriptor" },
		{ { .path = "/bin/true", .setsid = true, .set_ctty = true },
		  -ENOTTY,
		  "make descriptor 0 the controlling terminal: Inappropriate ioctl for device" },
		{ { .path = "/bin/true", .prepare = failing_prepare, .prepare_arg = (void *)"x" },
		  -EROFS,
		  "mount 'x': Read-only file system" },
		{ { .path = "/bin/true", .prepare = silent_prepare },
		  -EIO,
		  "prepare to exec '/bin/true': Input/output error" },
		{ { .path = "/bin/true", .prepare = dying_prepare },
		  -ECHILD,
		  "'/bin/true' was killed before it was executed: No child processes" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct spawn sp = rows[i].sp;
		struct error err = { 0 };
		pid_t pid = 0;

		sp.argv = true_argv;
		assert_int_equal(spawn_start(&sp, &pid, &err), rows[i].code);
		assert_int_equal(err.code, rows[i].code);
		assert_string_equal(err.text, rows[i].text);
		assert_int_equal(pid, 0);
		assert_no_child();
	}
}

/* Descriptors 3 and 4 change places, and one is passed to three numbers. */
static void fds_may_overlap(void **state)
{
	auto_strbuf struct strbuf out = { 0 };
	char text[2][8] = { "first\n", "second\n" };
	struct spawn sp = { 0 };
	int ends[2][2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pipe2(ends[i], O_CLOEXEC), 0);
		assert_int_equal(fs_write_all(ends[i][1], text[i], strlen(text[i])), 0);
		(void)close(ends[i][1]);
	}
	sp.fds[sp.n_fds++] = (struct spawn_fd){ ends[0][0], ends[1][0] };
	sp.fds[sp.n_fds++] = (struct spawn_fd){ ends[1][0], ends[0][0] };
	sp.fds[sp.n_fds++] = (struct spawn_fd){ ends[1][0], 9 };
	sp.fds[sp.n_fds++] = (struct spawn_fd){ ends[0][0], 8 };
	{
		char script[256];

		(void)snprintf(script, sizeof(script),
			       "read a <&%d; read b <&%d; echo $a $b; "
			       "[ /proc/self/fd/%d -ef /proc/self/fd/9 ] && "
			       "[ /proc/self/fd/%d -ef /proc/self/fd/8 ]",
			       ends[1][0], ends[0][0], ends[0][0], ends[1][0]);
		assert_int_equal(run_shell(&sp, script, NULL, &out), 0);
	}
	assert_string_equal(strbuf_str(&out), "first second\n");
	(void)close(ends[0][0]);
	(void)close(ends[1][0]);
}

static void nothing_leaks_into_the_child(void **state)
{
	auto_strbuf struct strbuf out = { 0 };
	/* neither has CLOEXEC, and one stands far up */
	int low = dup(STDIN_FILENO);
	int high = fcntl(STDIN_FILENO, F_DUPFD, 700);
	struct spawn sp = { .fds = { { STDIN_FILENO, 5 } }, .n_fds = 1 };

	(void)state;
	assert_true(low >= 0 && high >= 700);
	/* by builtins alone: 0 1 2 5, and what the shell itself opens for the directory has gone by
	 * the test */
	assert_int_equal(run_shell(&sp,
				   "for f in /proc/$$/fd/*; do "
				   "[ -e $f -o -L $f ] && printf '%s ' ${f##*/}; done",
				   NULL, &out),
			 0);
	assert_string_equal(strbuf_str(&out), "0 1 2 5 ");
	(void)close(low);
	(void)close(high);
}

static void unmapped_stdio_is_dev_null(void **state)
{
	auto_strbuf struct strbuf out = { 0 };
	const char *const argv[] = { "sh", "-c",
				     "for i in 0 1 2; do (readlink /proc/$$/fd/$i >&5); done",
				     NULL };
	int ends[2];
	struct spawn sp = { .path = "/bin/sh", .argv = argv };
	struct error err = { 0 };
	int status;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	sp.fds[sp.n_fds++] = (struct spawn_fd){ ends[1], 5 };
	assert_int_equal(spawn_start(&sp, &pid, &err), 0);
	(void)close(ends[1]);
	assert_int_equal(fs_read_all(ends[0], &out, 4096), 0);
	assert_string_equal(strbuf_str(&out), "/dev/null\n/dev/null\n/dev/null\n");
	assert_int_equal(spawn_wait(pid, -1, &status), 0);
	(void)close(ends[0]);
}

/* Stdio closed in the parent: pipes and /dev/null get the numbers 0, 1, 2 and must still arrive
 * where they belong. */
static void parent_may_lack_stdio(void **state)
{
	auto_strbuf struct strbuf out = { 0 };
	struct spawn sp = { 0 };
	int saved[3];
	int code;

	(void)state;
	for (int fd = 0; fd < 3; fd++) {
		saved[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 100);
		(void)close(fd);
	}
	code = run_shell(&sp, "cat; echo err >&2", "in ", &out);
	for (int fd = 0; fd < 3; fd++) {
		(void)dup2(saved[fd], fd);
		(void)close(saved[fd]);
	}
	assert_int_equal(code, 0);
	assert_string_equal(strbuf_str(&out), "in err\n");
}

static void signals_are_reset(void **state)
{
	auto_strbuf struct strbuf out = { 0 };
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct sigaction old;
	struct spawn sp = { 0 };
	sigset_t block;
	sigset_t old_mask;
	sigset_t now;

	(void)state;
	(void)sigemptyset(&block);
	(void)sigaddset(&block, SIGUSR1);
	assert_int_equal(sigprocmask(SIG_BLOCK, &block, &old_mask), 0);
	assert_int_equal(sigaction(SIGHUP, &ignore, &old), 0);
	assert_int_equal(run_shell(&sp, "grep -E '^Sig(Blk|Ign)' /proc/self/status", NULL, &out),
			 0);
	assert_string_equal(strbuf_str(&out),
			    "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
	/* and ours are as before */
	assert_int_equal(sigprocmask(SIG_SETMASK, &old_mask, &now), 0);
	assert_int_equal(sigismember(&now, SIGUSR1), 1);
	assert_int_equal(sigismember(&now, SIGUSR2), 0);
	assert_int_equal(sigaction(SIGHUP, &old, &ignore), 0);
	assert_ptr_equal(ignore.sa_handler, SIG_IGN);
}

static void environment_directory_and_session(void **state)
{
	const char *const envp[] = { "ONLY=this", NULL };
	auto_strbuf struct strbuf out = { 0 };
	auto_strbuf struct strbuf inherited = { 0 };
	struct spawn sp = { .envp = envp, .cwd = "/proc", .setsid = true };
	struct spawn plain = { 0 };

	(void)state;
	assert_int_equal(
		run_shell(&sp,
			  "echo $ONLY $TEST_SPAWN_VAR $(pwd); read -r stat < /proc/$$/stat; "
			  "set -- ${stat##*)}; [ $4 = $$ ]",
			  NULL, &out),
		0);
	assert_string_equal(strbuf_str(&out), "this /proc\n");
	assert_int_equal(setenv("TEST_SPAWN_VAR", "seen", 1), 0);
	assert_int_equal(run_shell(&plain, "echo $TEST_SPAWN_VAR", NULL, &inherited), 0);
	assert_string_equal(strbuf_str(&inherited), "seen\n");
}

static void terminal_becomes_the_controlling_one(void **state)
{
	auto_strbuf struct strbuf out = { 0 };
	auto_close int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	auto_close int slave = -1;
	struct spawn sp = { .setsid = true, .set_ctty = true, .ctty_fd = 4 };

	(void)state;
	assert_true(master >= 0);
	assert_int_equal(grantpt(master), 0);
	assert_int_equal(unlockpt(master), 0);
	slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(slave >= 0);
	sp.fds[sp.n_fds++] = (struct spawn_fd){ slave, 4 };
	assert_int_equal(run_shell(&sp, "echo hello >/dev/tty; echo $?", NULL, &out), 0);
	assert_string_equal(strbuf_str(&out), "0\n");
}

/* Much more than the pipes hold, both ways at once. */
static void run_feeds_and_collects_without_deadlock(void **state)
{
	size_t len = 1 << 20;
	auto_free char *input = malloc(len + 1);
	auto_strbuf struct strbuf out = { 0 };
	struct spawn sp = { 0 };

	(void)state;
	assert_non_null(input);
	for (size_t i = 0; i < len; i++)
		input[i] = (char)('a' + i % 23);
	input[len] = '\0';
	assert_int_equal(run_shell(&sp, "exec cat", input, &out), 0);
	assert_int_equal(out.len, len);
	assert_memory_equal(out.data, input, len);
}

static void run_survives_unread_input(void **state)
{
	size_t len = 1 << 20;
	auto_free char *input = malloc(len + 1);
	auto_strbuf struct strbuf out = { 0 };
	struct sigaction now;
	struct spawn sp = { 0 };

	(void)state;
	assert_non_null(input);
	memset(input, 'x', len);
	input[len] = '\0';
	assert_int_equal(run_shell(&sp, "exec <&-; echo done; exit 3", input, &out), 3);
	assert_string_equal(strbuf_str(&out), "done\n");
	assert_int_equal(sigaction(SIGPIPE, NULL, &now), 0);
	assert_ptr_equal(now.sa_handler, SIG_DFL);
}

static void run_cuts_output_but_not_the_program(void **state)
{
	const char *const argv[] = { "sh", "-c", "head -c 300000 /dev/zero | tr '\\0' y; exit 4",
				     NULL };
	struct spawn sp = { .path = "/bin/sh", .argv = argv };
	auto_strbuf struct strbuf out = { 0 };
	struct error err = { 0 };
	int code = -1;

	(void)state;
	assert_int_equal(spawn_run(&sp, NULL, 0, &out, 1000, 20000, &code, &err), 0);
	assert_int_equal(code, 4);
	assert_int_equal(out.len, 1000);
}

static void run_empty_input_is_end_of_file(void **state)
{
	auto_strbuf struct strbuf out = { 0 };
	struct spawn sp = { 0 };

	(void)state;
	assert_int_equal(run_shell(&sp, "cat; echo end", "", &out), 0);
	assert_string_equal(strbuf_str(&out), "end\n");
}

static void run_kills_at_the_timeout(void **state)
{
	const char *const argv[] = { "sleep", "100", NULL };
	struct spawn sp = { .path = "/bin/sleep", .argv = argv };
	auto_strbuf struct strbuf out = { 0 };
	struct error err = { 0 };
	int64_t start_ms = clock_now_ms();
	int code = -1;

	(void)state;
	assert_int_equal(spawn_run(&sp, NULL, 0, &out, 1000, 50, &code, &err), -ETIMEDOUT);
	assert_string_equal(err.text, "'/bin/sleep' did not end in time and was killed");
	assert_in_range(clock_now_ms() - start_ms, 49, 20000);
	assert_no_child();
}

static void run_does_not_wait_for_those_left_behind(void **state)
{
	auto_strbuf struct strbuf out = { 0 };
	struct spawn sp = { 0 };
	int64_t start_ms = clock_now_ms();
	uint32_t left_pid = 0;

	(void)state;
	assert_int_equal(run_shell(&sp, "sleep 100 & printf %s $!", NULL, &out), 0);
	assert_in_range(clock_now_ms() - start_ms, 0, 20000);
	assert_int_equal(parse_u32(strbuf_str(&out), &left_pid), 0);
	assert_int_equal(kill((pid_t)left_pid, SIGKILL), 0);
}

struct called {
	pid_t caller;
	int changed;
};

static int change_and_fail(void *arg, struct error *err)
{
	struct called *called = arg;

	called->changed = 1;
	return err_msg(err, -EXDEV, "called by %s",
		       getppid() == called->caller ? "its parent" : "a stranger");
}

static int answer_three(void *arg, struct error *err)
{
	(void)arg;
	(void)err;
	return 3;
}

static int kill_myself(void *arg, struct error *err)
{
	(void)arg;
	(void)err;
	return raise(SIGKILL);
}

static void call_brings_result_and_error_back(void **state)
{
	struct called called = { .caller = getpid() };
	struct error err = { 0 };

	(void)state;
	assert_int_equal(spawn_call(change_and_fail, &called, &err), -EXDEV);
	assert_int_equal(err.code, -EXDEV);
	assert_string_equal(err.text, "called by its parent");
	assert_int_equal(called.changed, 0);
	err_clear(&err);
	assert_int_equal(spawn_call(answer_three, NULL, &err), 3);
	assert_int_equal(err.code, 0);
	assert_int_equal(spawn_call(kill_myself, NULL, &err), -ECHILD);
	assert_no_child();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(start_and_wait),
		cmocka_unit_test(exit_codes_are_a_shells),
		cmocka_unit_test(wait_times_out_and_leaves_it_running),
		cmocka_unit_test(failures_before_exec_come_back),
		cmocka_unit_test(fds_may_overlap),
		cmocka_unit_test(nothing_leaks_into_the_child),
		cmocka_unit_test(unmapped_stdio_is_dev_null),
		cmocka_unit_test(parent_may_lack_stdio),
		cmocka_unit_test(signals_are_reset),
		cmocka_unit_test(environment_directory_and_session),
		cmocka_unit_test(terminal_becomes_the_controlling_one),
		cmocka_unit_test(run_feeds_and_collects_without_deadlock),
		cmocka_unit_test(run_survives_unread_input),
		cmocka_unit_test(run_cuts_output_but_not_the_program),
		cmocka_unit_test(run_empty_input_is_end_of_file),
		cmocka_unit_test(run_kills_at_the_timeout),
		cmocka_unit_test(run_does_not_wait_for_those_left_behind),
		cmocka_unit_test(call_brings_result_and_error_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
