#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/proc.h"
#include "base/sock.h"
#include "base/spawn.h"

/* Starts a shell with the script; it ends when killed at the latest. */
static pid_t start_shell(const char *script)
{
	const char *const argv[] = { "sh", "-c", script, NULL };
	struct spawn sp = { .path = "/bin/sh", .argv = argv };
	struct error err = { 0 };
	pid_t pid = 0;

	if (spawn_start(&sp, &pid, &err) != 0)
		fail_msg("%s", err.text);
	return pid;
}

static int64_t reap(pid_t pid)
{
	int status = -1;

	assert_int_equal(spawn_wait(pid, -1, &status), 0);
	return spawn_exit_code(status);
}

/* Returns once pid is a zombie of ours. */
static void wait_zombie(pid_t pid)
{
	siginfo_t info;

	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
}

static void self_is_alive(void **state)
{
	struct proc_id id = { 0 };
	struct proc_id other;
	auto_close int fd = -1;

	(void)state;
	assert_int_equal(proc_identify(getpid(), &id), 0);
	assert_int_equal(id.pid, getpid());
	assert_true(id.start_time > 0);
	assert_true(proc_is_alive(&id));
	fd = proc_open(&id);
	assert_true(fd >= 0);
	assert_int_equal(sock_wait_readable(fd, 0), 0);

	/* the same number with another birth is another process */
	other = (struct proc_id){ .pid = id.pid, .start_time = id.start_time + 1 };
	assert_false(proc_is_alive(&other));
	assert_int_equal(proc_open(&other), -ESRCH);
	assert_int_equal(proc_signal(&other, SIGKILL), -ESRCH);
	assert_int_equal(proc_wait_gone(&other, -1), 0);
}

static void names_do_not_confuse(void **state)
{
	char name[16] = "";
	uint64_t plain = 0;
	uint64_t renamed = 1;

	(void)state;
	assert_int_equal(prctl(PR_GET_NAME, name), 0);
	assert_int_equal(proc_start_time(getpid(), &plain), 0);
	assert_int_equal(prctl(PR_SET_NAME, ") Z 1 (x) \n 2 3"), 0);
	assert_int_equal(proc_start_time(getpid(), &renamed), 0);
	assert_int_equal(prctl(PR_SET_NAME, name), 0);
	assert_int_equal(renamed, plain);
}

static void nobody_is_gone(void **state)
{
	const struct proc_id none = { 0 };
	const struct proc_id huge = { .pid = INT64_MAX, .start_time = 1 };
	uint64_t start_time;

	(void)state;
	assert_int_equal(proc_start_time(0, &start_time), -ESRCH);
	assert_int_equal(proc_start_time(-1, &start_time), -ESRCH);
	assert_false(proc_is_alive(&none));
	assert_false(proc_is_alive(&huge));
	assert_int_equal(proc_open(&none), -ESRCH);
	assert_int_equal(proc_open(&huge), -ESRCH);
	assert_int_equal(proc_wait_gone(&none, -1), 0);
}

static void zombies_are_gone(void **state)
{
	struct proc_id id = { 0 };
	uint64_t start_time;
	pid_t pid = start_shell("exec sleep 100");

	(void)state;
	assert_int_equal(proc_identify(pid, &id), 0);
	assert_true(proc_is_alive(&id));
	assert_int_equal(proc_wait_gone(&id, 20), -ETIMEDOUT);
	assert_int_equal(proc_signal(&id, SIGKILL), 0);
	assert_int_equal(proc_wait_gone(&id, -1), 0);
	wait_zombie(pid);
	assert_false(proc_is_alive(&id));
	assert_int_equal(proc_start_time(pid, &start_time), -ESRCH);
	assert_int_equal(proc_open(&id), -ESRCH);
	assert_int_equal(reap(pid), 128 + SIGKILL);
	assert_false(proc_is_alive(&id));
	assert_int_equal(proc_signal(&id, SIGKILL), -ESRCH);
}

static char thread_stack[64 << 10] __attribute__((aligned(16)));
static char process_stack[64 << 10] __attribute__((aligned(16)));

static int wait_to_be_killed(void *arg)
{
	(void)arg;
	while (syscall(SYS_ppoll, NULL, 0, NULL, NULL, 0) < 0)
		;
	return 0;
}

/* Leaves a second thread behind and ends only itself. */
static int end_first_thread(void *arg)
{
	(void)arg;
	if (clone(wait_to_be_killed, thread_stack + sizeof(thread_stack),
		  CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_FS | CLONE_FILES, NULL) < 0)
		return 1;
	(void)syscall(SYS_exit, 0);
	return 1;
}

/* True when the state in /proc/<pid>/stat is Z; the name of this program has no brackets. */
static bool shows_as_zombie(pid_t pid)
{
	char path[64];
	char stat[256] = "";
	auto_file FILE *file = NULL;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	assert_non_null(file);
	assert_non_null(fgets(stat, sizeof(stat), file));
	return strstr(stat, ") Z ") != NULL;
}

static void first_thread_may_end_before_the_others(void **state)
{
	struct proc_id id = { 0 };
	int status;
	pid_t pid = clone(end_first_thread, process_stack + sizeof(process_stack), SIGCHLD, NULL);

	(void)state;
	assert_true(pid > 0);
	assert_int_equal(proc_identify(pid, &id), 0);
	while (!shows_as_zombie(pid))
		(void)usleep(1000);
	assert_true(proc_is_alive(&id));
	assert_int_equal(proc_wait_gone(&id, 20), -ETIMEDOUT);
	assert_int_equal(proc_signal(&id, SIGKILL), 0);
	assert_int_equal(proc_wait_gone(&id, -1), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_false(proc_is_alive(&id));
}

static void exe_dir_is_a_directory(void **state)
{
	auto_free char *dir = NULL;
	char path[4096];

	(void)state;
	assert_int_equal(proc_exe_dir(&dir), 0);
	assert_int_equal(dir[0], '/');
	assert_int_not_equal(dir[strlen(dir) - 1], '/');
	(void)snprintf(path, sizeof(path), "%s/%s", dir, program_invocation_short_name);
	assert_int_equal(access(path, X_OK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(self_is_alive),
		cmocka_unit_test(names_do_not_confuse),
		cmocka_unit_test(nobody_is_gone),
		cmocka_unit_test(zombies_are_gone),
		cmocka_unit_test(first_thread_may_end_before_the_others),
		cmocka_unit_test(exe_dir_is_a_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
