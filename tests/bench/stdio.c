/* Throughput of the standard streams: a process in the guest that writes zeros, or drops what it
 * reads; from its first byte to the end, so that its start does not count. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/sock.h"
#include "tests/bench/sections.h"
#include "tests/bench/vm.h"

enum { MIBS = 32, BUFFER = 1 << 20, ROUNDS_MAX = 3 };

#define WRITER "exec dd if=/dev/zero bs=64k count=512 2>/dev/null"
/* The same without an agent: into a port of the machine. */
#define RAW_PORT                                                     \
	"[ -e /dev/raw ] || for p in /sys/class/virtio-ports/*; do " \
	"[ \"$(cat $p/name)\" != " VM_RAW_PORT                       \
	" ] || mknod /dev/raw c $(tr : ' ' <$p/dev); done; "
#define RAW_WRITER RAW_PORT "exec dd if=/dev/zero of=/dev/raw bs=64k count=512 2>/dev/null"
/* And by way of a pipe: as most programs would do it, and as it costs least. */
#define PIPED	   RAW_PORT "dd if=/dev/zero bs=64k count=512 2>/dev/null | "
#define PLAIN_PUMP PIPED "pump >/dev/raw"
#define BEST_PUMP  PIPED "pump big >/dev/raw"
#define READER	   "echo; exec cat >/dev/null"

struct flow {
	int64_t first_us; /* 0: nothing came yet */
	uint64_t bytes;
};

static void on_output(void *arg, size_t len)
{
	struct flow *flow = arg;

	if (!flow->first_us)
		flow->first_us = clock_now_us();
	flow->bytes += len;
}

static double rate(int64_t begun_us)
{
	return MIBS * 1e6 / (double)(clock_now_us() - begun_us);
}

static int check_bytes(const struct flow *flow, struct error *err)
{
	if (flow->bytes != (uint64_t)MIBS << 20)
		return err_msg(err, -EIO, "%llu bytes came instead of %llu",
			       (unsigned long long)flow->bytes, (unsigned long long)MIBS << 20);
	return 0;
}

static int start_bare(struct bench_vm *vm, const char *script, struct error *err)
{
	const char *args[] = { "sh", "-c", script };
	struct oci_process process = *vm->rig->spec.process;

	process.args = (struct json_strs){ .items = args, .len = 3 };
	return vm_exec(vm, &process, err);
}

static int bare_out(struct bench_vm *vm, struct figure *figure, struct error *err)
{
	struct flow flow = { 0 };
	int ret = start_bare(vm, WRITER, err);

	if (ret == 0)
		ret = vm_wait_exit(vm, VM_STDIO_EXEC, on_output, &flow, err);
	if (ret == 0)
		ret = check_bytes(&flow, err);
	if (ret == 0)
		figure_sample(figure, rate(flow.first_us));
	return ret;
}

static int raw_out(struct bench_vm *vm, const char *script, struct figure *figure,
		   struct error *err)
{
	static char buffer[BUFFER];
	struct flow flow = { 0 };
	ssize_t n = 1;
	int ret = start_bare(vm, script, err);

	while (ret == 0 && n > 0 && flow.bytes < (uint64_t)MIBS << 20) {
		n = 0;
		if (sock_wait_readable(vm->raw, RIG_TIMEOUT_MS) > 0)
			n = read(vm->raw, buffer, sizeof(buffer));
		if (n > 0)
			on_output(&flow, (size_t)n);
	}
	if (ret == 0)
		ret = check_bytes(&flow, err);
	if (ret == 0)
		figure_sample(figure, rate(flow.first_us));
	return ret < 0 ? ret : vm_wait_exit(vm, VM_STDIO_EXEC, NULL, NULL, err);
}

static int bare_in(struct bench_vm *vm, struct figure *figure, struct error *err)
{
	int64_t begun;
	int ret = start_bare(vm, READER, err);

	if (ret == 0)
		ret = vm_wait_output(vm, VM_STDIO_EXEC, err);
	begun = clock_now_us();
	if (ret == 0)
		ret = vm_feed(vm, VM_STDIO_EXEC, (uint64_t)MIBS << 20, err);
	if (ret == 0)
		ret = vm_wait_exit(vm, VM_STDIO_EXEC, NULL, NULL, err);
	if (ret == 0)
		figure_sample(figure, rate(begun));
	return ret;
}

static int start_acrun(const struct rig *rig, const char *script, int in_fd, int out_fd, pid_t *pid,
		       struct error *err)
{
	const char *const words[] = { "exec", "bench", "sh", "-c", script, NULL };
	const char *argv[RIG_ARGV_MAX];

	rig_argv(rig, RIG_ACRUN, words, argv);
	return rig_spawn(argv, in_fd, out_fd, pid, err);
}

static int acrun_out(const struct rig *rig, struct figure *figure, struct error *err)
{
	static char buffer[BUFFER];
	struct flow flow = { 0 };
	int ends[2];
	pid_t pid;
	ssize_t n;
	int ret;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_set(err, -errno, "make a pipe");
	ret = start_acrun(rig, WRITER, -1, ends[1], &pid, err);
	close(ends[1]);
	while (ret == 0 && (n = read(ends[0], buffer, sizeof(buffer))) > 0)
		on_output(&flow, (size_t)n);
	close(ends[0]);
	if (ret == 0)
		ret = rig_wait(pid, "acrun exec", err);
	if (ret == 0)
		ret = check_bytes(&flow, err);
	if (ret == 0)
		figure_sample(figure, rate(flow.first_us));
	return ret;
}

static int feed(int fd, struct error *err)
{
	static const char zeros[BUFFER];
	int ret = 0;

	for (unsigned i = 0; ret == 0 && i < MIBS; i++)
		ret = fs_write_all(fd, zeros, sizeof(zeros));
	return ret < 0 ? err_set(err, ret, "write to the container") : 0;
}

static int acrun_in(const struct rig *rig, struct figure *figure, struct error *err)
{
	auto_close int in_read = -1;
	auto_close int in_write = -1;
	auto_close int out_read = -1;
	auto_close int out_write = -1;
	int in[2], out[2];
	int64_t begun = 0;
	pid_t pid;
	char byte;
	int ret;

	if (pipe2(in, O_CLOEXEC) < 0)
		return err_set(err, -errno, "make a pipe");
	in_read = in[0];
	in_write = in[1];
	if (pipe2(out, O_CLOEXEC) < 0)
		return err_set(err, -errno, "make a pipe");
	out_read = out[0];
	out_write = out[1];
	ret = start_acrun(rig, READER, in_read, out_write, &pid, err);
	if (ret < 0)
		return ret;
	cleanup_close(&in_read);
	cleanup_close(&out_write);
	if (read(out_read, &byte, 1) == 1) {
		begun = clock_now_us();
		ret = feed(in_write, err);
	}
	cleanup_close(&in_write);
	if (ret == 0)
		ret = rig_wait(pid, "acrun exec", err);
	if (ret == 0 && begun)
		figure_sample(figure, rate(begun));
	return ret;
}

static int rounds(const struct rig *rig, struct bench_vm *vm, struct section *section,
		  struct error *err)
{
	struct figure *bare_stdout = section_add(section, "stdout, bare channel", "MiB/s", NULL);
	struct figure *our_stdout =
		section_add(section, "stdout, acrun exec to a pipe", "MiB/s", bare_stdout);
	struct figure *raw = section_add(section, "stdout, raw virtio-serial port", "MiB/s", NULL);
	struct figure *of_raw = section_add(section, "acrun's stdout, beside it", "MiB/s", raw);
	struct figure *plain =
		section_add(section, "stdout, a pipe and the raw port", "MiB/s", raw);
	struct figure *best = section_add(section, "the same, 1 MiB at a time", "MiB/s", raw);
	struct figure *of_best = section_add(section, "acrun's stdout, beside it", "MiB/s", best);
	struct figure *bare_stdin = section_add(section, "stdin, bare channel", "MiB/s", NULL);
	struct figure *our_stdin =
		section_add(section, "stdin, acrun exec from a pipe", "MiB/s", bare_stdin);
	int ret = 0;

	for (uint32_t i = 0; ret == 0 && i < rig->rounds && i < ROUNDS_MAX; i++) {
		ret = bare_out(vm, bare_stdout, err);
		if (ret == 0)
			ret = acrun_out(rig, our_stdout, err);
		if (ret == 0)
			ret = raw_out(vm, RAW_WRITER, raw, err);
		if (ret == 0)
			ret = raw_out(vm, PLAIN_PUMP, plain, err);
		if (ret == 0)
			ret = raw_out(vm, BEST_PUMP, best, err);
		if (ret == 0)
			ret = bare_in(vm, bare_stdin, err);
		if (ret == 0)
			ret = acrun_in(rig, our_stdin, err);
	}
	memcpy(of_raw->samples, our_stdout->samples, sizeof(of_raw->samples));
	of_raw->n = our_stdout->n;
	memcpy(of_best->samples, our_stdout->samples, sizeof(of_best->samples));
	of_best->n = our_stdout->n;
	return ret;
}

int section_stdio(const struct rig *rig, struct section *section, struct error *err)
{
	const char *const words[] = { "run", "--detach", "--bundle", rig->sleeper, "bench", NULL };
	struct bench_vm vm;
	int ret = vm_begin_sleeper(&vm, rig, VM_BOOT_RAW, err);

	if (ret == 0)
		ret = rig_time(rig, RIG_ACRUN, words, NULL, err);
	if (ret == 0)
		ret = rounds(rig, &vm, section, err);
	vm_end(&vm);
	rig_remove(rig, RIG_ACRUN, "bench");
	return ret;
}
