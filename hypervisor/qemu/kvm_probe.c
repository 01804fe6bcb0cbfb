#include "hypervisor/qemu/accel.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "base/cleanup.h"

#if defined(__x86_64__)
#include <linux/kvm.h>
#include <signal.h>
#include <time.h>
#include "base/clock.h"

enum {
	GUEST_BYTES = 1 << 20,
	PML4_AT = 0x1000,
	PDPT_AT = 0x2000,
	PD_AT = 0x3000,
	CODE_AT = 0x4000,
	STACK_AT = 0x8000,
	PTE_TABLE = 0x3,       /* present, writable */
	PTE_2MIB = 0x83,       /* and a page of 2 MiB */
	CR0_LONG = 0x80000011, /* PG, ET, PE */
	CR4_PAE = 0x20,
	EFER_LONG = 0x500, /* LME, LMA */
	LOOPS = 10000,
	TRIES = 3,
	FAST_US = 5000, /* 10 us expected of a CPU, 14 ms of one that is emulated instruction by
			   instruction */
	STOP_AFTER_MS = 200,
};

/* A VM of one page table, one vCPU and one loop. */
struct tiny_vm {
	int vm_fd;
	int cpu_fd;
	uint8_t *memory;
	struct kvm_run *run;
	size_t run_len;
};

static void tiny_vm_done(struct tiny_vm *t)
{
	if (t->run)
		(void)munmap(t->run, t->run_len);
	if (t->memory)
		(void)munmap(t->memory, GUEST_BYTES);
	cleanup_close(&t->cpu_fd);
	cleanup_close(&t->vm_fd);
}

static void put_u64(uint8_t *at, uint64_t value)
{
	memcpy(at, &value, sizeof(value));
}

static void fill_memory(uint8_t *memory)
{
	/* 1: dec %ecx; jnz 1b; hlt */
	static const uint8_t code[] = { 0xff, 0xc9, 0x75, 0xfc, 0xf4 };

	put_u64(memory + PML4_AT, PDPT_AT | PTE_TABLE);
	put_u64(memory + PDPT_AT, PD_AT | PTE_TABLE);
	put_u64(memory + PD_AT, PTE_2MIB);
	memcpy(memory + CODE_AT, code, sizeof(code));
}

static int make_vm(struct tiny_vm *t, int kvm_fd, struct error *err)
{
	struct kvm_userspace_memory_region region = { .memory_size = GUEST_BYTES };
	void *map;
	int len;

	t->vm_fd = ioctl(kvm_fd, KVM_CREATE_VM, 0);
	if (t->vm_fd < 0)
		return err_set(err, -errno, "KVM makes no VM");
	map = mmap(NULL, GUEST_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED)
		return err_set(err, -errno, "map memory for a VM");
	t->memory = map;
	fill_memory(t->memory);
	region.userspace_addr = (uintptr_t)t->memory;
	if (ioctl(t->vm_fd, KVM_SET_USER_MEMORY_REGION, &region) < 0)
		return err_set(err, -errno, "KVM takes no memory");
	t->cpu_fd = ioctl(t->vm_fd, KVM_CREATE_VCPU, 0);
	if (t->cpu_fd < 0)
		return err_set(err, -errno, "KVM makes no vCPU");
	len = ioctl(kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (len < (int)sizeof(*t->run))
		return err_set(err, len < 0 ? -errno : -EPROTO, "KVM tells no size of its vCPUs");
	map = mmap(NULL, (size_t)len, PROT_READ | PROT_WRITE, MAP_SHARED, t->cpu_fd, 0);
	if (map == MAP_FAILED)
		return err_set(err, -errno, "map a vCPU of KVM");
	t->run = map;
	t->run_len = (size_t)len;
	return 0;
}

/* 64-bit mode with the first 2 MiB mapped one to one. */
static int set_long_mode(const struct tiny_vm *t, struct error *err)
{
	struct kvm_segment code = {
		.limit = 0xffffffff, .selector = 8, .type = 11, .present = 1, .s = 1, .l = 1, .g = 1
	};
	struct kvm_segment data = { .limit = 0xffffffff,
				    .selector = 16,
				    .type = 3,
				    .present = 1,
				    .s = 1,
				    .db = 1,
				    .g = 1 };
	struct kvm_sregs sregs;

	if (ioctl(t->cpu_fd, KVM_GET_SREGS, &sregs) < 0)
		return err_set(err, -errno, "read the registers of a vCPU of KVM");
	sregs.cr0 = CR0_LONG;
	sregs.cr3 = PML4_AT;
	sregs.cr4 = CR4_PAE;
	sregs.efer = EFER_LONG;
	sregs.cs = code;
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
	if (ioctl(t->cpu_fd, KVM_SET_SREGS, &sregs) < 0)
		return err_set(err, -errno, "set the registers of a vCPU of KVM");
	return 0;
}

/* Runs the loop once; *took_us is its time. */
static int run_once(const struct tiny_vm *t, int64_t *took_us, struct error *err)
{
	struct kvm_regs regs = { .rip = CODE_AT, .rcx = LOOPS, .rsp = STACK_AT, .rflags = 2 };
	int64_t from;

	if (ioctl(t->cpu_fd, KVM_SET_REGS, &regs) < 0)
		return err_set(err, -errno, "set the registers of a vCPU of KVM");
	from = clock_now_us();
	if (ioctl(t->cpu_fd, KVM_RUN, 0) < 0) {
		if (errno == EINTR)
			return err_msg(err, -ETIMEDOUT, "a vCPU of KVM got nowhere in %d ms",
				       STOP_AFTER_MS);
		return err_set(err, -errno, "KVM runs no vCPU");
	}
	*took_us = clock_now_us() - from;
	if (t->run->exit_reason != KVM_EXIT_HLT)
		return err_msg(err, -EPROTO, "a vCPU of KVM stopped for reason %u",
			       t->run->exit_reason);
	return 0;
}

static int time_loop(const struct tiny_vm *t, struct error *err)
{
	int64_t best = INT64_MAX;

	for (int i = 0; i < TRIES && best > FAST_US; i++) {
		int64_t took = 0;
		int ret = set_long_mode(t, err);

		if (ret == 0)
			ret = run_once(t, &took, err);
		if (ret < 0)
			return ret;
		best = took < best ? took : best;
	}
	if (best > FAST_US)
		return err_msg(err, -ENOTSUP,
			       "KVM emulates its vCPUs: %d instructions took %lld us", 2 * LOOPS,
			       (long long)best);
	return 0;
}

static void on_alarm(int signo)
{
	(void)signo;
}

/* What the alarm below changes in this process. */
struct alarm {
	struct sigaction action;
	sigset_t mask;
	timer_t timer;
};

/*
 * Has SIGALRM interrupt KVM_RUN should it get nowhere. It repeats: one that comes just before the
 * call would be lost. Everything is put back by alarm_stop().
 */
static int alarm_start(struct alarm *a, struct error *err)
{
	const struct sigaction act = { .sa_handler = on_alarm };
	const struct itimerspec when = {
		.it_value.tv_nsec = STOP_AFTER_MS * 1000000,
		.it_interval.tv_nsec = STOP_AFTER_MS * 1000000,
	};
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM };
	sigset_t set;

	if (timer_create(CLOCK_MONOTONIC, &ev, &a->timer) < 0)
		return err_set(err, -errno, "make a timer");
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGALRM);
	(void)sigaction(SIGALRM, &act, &a->action);
	(void)sigprocmask(SIG_UNBLOCK, &set, &a->mask);
	(void)timer_settime(a->timer, 0, &when, NULL);
	return 0;
}

static void alarm_stop(struct alarm *a)
{
	(void)timer_delete(a->timer);
	(void)sigprocmask(SIG_SETMASK, &a->mask, NULL);
	(void)sigaction(SIGALRM, &a->action, NULL);
}

int kvm_probe(int kvm_fd, struct error *err)
{
	__attribute__((cleanup(tiny_vm_done))) struct tiny_vm t = { .vm_fd = -1, .cpu_fd = -1 };
	struct alarm alarm;
	int ret = make_vm(&t, kvm_fd, err);

	if (ret < 0)
		return ret;
	ret = alarm_start(&alarm, err);
	if (ret < 0)
		return ret;
	ret = time_loop(&t, err);
	alarm_stop(&alarm);
	return ret;
}

#else

int kvm_probe(int kvm_fd, struct error *err)
{
	(void)kvm_fd;
	return err_msg(err, -ENOTSUP, "KVM is used on x86-64 only");
}

#endif
