/*
 * The bare path: a machine as acrun makes it, without acrun. Its channels are spoken to directly;
 * there is no proxy, no shim, no state on disk, no command. What takes longer through acrun than
 * here is acrun's own.
 */
#ifndef TESTS_BENCH_VM_H
#define TESTS_BENCH_VM_H

#include "agent/proto/calls.h"
#include "agent/proto/hyperstart.h"
#include "base/uuid.h"
#include "runtime/factory/template.h"
#include "tests/bench/rig.h"

/* Stream ids of the container's process, and of the one executed beside it. */
enum { VM_STDIO_INIT = 3, VM_STDIO_EXEC = 5 };

/* What is launched. VM_BOOT_RAW has one more port, that the agent does not know of. */
enum vm_kind { VM_BOOT, VM_CLONE, VM_BOOT_RAW };

#define VM_RAW_PORT "acrun.bench"

struct bench_vm {
	const struct rig *rig;
	struct machine machine;
	struct template template;
	struct arena arena;
	char dir[128];
	char uuid[UUID_TEXT_LEN];
	int ctl, tty;
	int raw_listen, raw; /* of VM_BOOT_RAW */
	struct strbuf ctl_in, tty_in;
	bool running;
};

/* How long the steps of a bare path took; filled as far as it was gone. */
struct vm_steps {
	double launch, restore, ready, hello, startpod, create, start, end, all;
};

/* Launches the machine and restores a clone of the template. vm_end() also after a failure.
 */
int vm_begin(struct bench_vm *vm, const struct rig *rig, enum vm_kind kind, struct vm_steps *steps,
	     struct error *err) must_check;
/* Waits for READY and says HELLO. */
int vm_greet(struct bench_vm *vm, struct vm_steps *steps, struct error *err) must_check;
/* Mounts the root by STARTPOD, creates and starts the container of that spec. */
int vm_container(struct bench_vm *vm, const struct oci_spec *spec, struct vm_steps *steps,
		 struct error *err) must_check;
/* Executes a process beside it, with VM_STDIO_EXEC. */
int vm_exec(struct bench_vm *vm, const struct oci_process *process, struct error *err) must_check;

/* Called for output of the awaited process. */
typedef void vm_output_fn(void *arg, size_t len);
/* Reads the streams, giving credit back, until the process of stream `stdio` has ended with 0. */
int vm_wait_exit(struct bench_vm *vm, uint64_t stdio, vm_output_fn *output, void *arg,
		 struct error *err) must_check;
/* Waits for the first output of the process. */
int vm_wait_output(struct bench_vm *vm, uint64_t stdio, struct error *err) must_check;
/* Sends `bytes` of zeros to the process within its credit, then EOF. */
int vm_feed(struct bench_vm *vm, uint64_t stdio, uint64_t bytes, struct error *err) must_check;
/* One call of the agent; its ACK's payload is dropped. */
int vm_call(struct bench_vm *vm, enum call_code code, const struct json_type *type,
	    const void *body, struct error *err) must_check;

/* Kills the machine and removes what was made. */
void vm_end(struct bench_vm *vm);

/* The whole bare path up to the exit code of the container's process. */
int vm_bare_path(const struct rig *rig, const struct oci_spec *spec, enum vm_kind kind,
		 struct vm_steps *steps, struct error *err) must_check;

/* A machine, up, whose container sleeps, for processes to be executed in. */
int vm_begin_sleeper(struct bench_vm *vm, const struct rig *rig, enum vm_kind kind,
		     struct error *err) must_check;

/* The least that is a container: a root, and a program in it. */
void vm_least_spec(const struct rig *rig, struct oci_spec *least);

#endif
