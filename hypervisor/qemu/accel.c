#include "hypervisor/qemu/accel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/proc.h"
#include "base/sock.h"
#include "base/spawn.h"
#include "hypervisor/qemu/qemu_internal.h"
#include "hypervisor/vm.h"

#define KVM_DEVICE  "/dev/kvm"
#define FILE_NAME   "accelerator.json"
#define LOCK_NAME   "accelerator.lock"
#define SOCKET_NAME "probe.sock"

enum {
	FILE_MAX = 256 << 10,
	BOOT_ID_MAX = 64,
	PROBE_MS = 3000,
	PROBE_MEMORY_MIB = 256,
	CONSOLE_MAX = 64 << 10,
};

/* What a decision works with. */
struct decision {
	const struct hypervisor_config *cfg;
	int kvm_fd; /* -1: cannot be opened, for the reason kvm_errno */
	int kvm_errno;
	int dir; /* host_dir, -1 when it is of no use */
	struct strbuf boot_id;
	struct strbuf key;
	struct strbuf text; /* of the file as it is */
};

static void decision_done(struct decision *d)
{
	cleanup_close(&d->kvm_fd);
	cleanup_close(&d->dir);
	strbuf_done(&d->boot_id);
	strbuf_done(&d->key);
	strbuf_done(&d->text);
}

static int open_kvm(struct decision *d)
{
	d->kvm_fd = open(KVM_DEVICE, O_RDWR | O_CLOEXEC);
	d->kvm_errno = d->kvm_fd < 0 ? errno : 0;
	return -d->kvm_errno;
}

static int kvm_error(const struct decision *d, struct error *err)
{
	err_set(err, -d->kvm_errno, "cannot open " KVM_DEVICE);
	if (d->kvm_errno == EACCES)
		return err_hint(err, "add the user to group kvm, or set accelerator = \"tcg\"");
	return err_hint(err, "load the module kvm_intel or kvm_amd, or set accelerator = \"tcg\"");
}

static void put_file_key(struct strbuf *key, const char *name, const char *path)
{
	struct stat st = { 0 };

	if (!path || stat(path, &st) < 0)
		st.st_size = -1;
	(void)strbuf_addf(key, " %s=%s:%lld:%lld.%09ld", name, path ? path : "",
			  (long long)st.st_size, (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
}

/* Everything that the outcome of a probe depends on, but the boot of the host, which the file as a
 * whole belongs to. */
static int make_key(struct decision *d)
{
	const struct hypervisor_config *cfg = d->cfg;
	struct stat st;

	if (d->kvm_fd >= 0 && fstat(d->kvm_fd, &st) == 0)
		(void)strbuf_addf(&d->key, "kvm=%u:%u", major(st.st_rdev), minor(st.st_rdev));
	else
		(void)strbuf_addf(&d->key, "kvm=none:%d", d->kvm_errno);
	put_file_key(&d->key, "vmm", cfg->path);
	put_file_key(&d->key, "kernel", cfg->kernel);
	(void)strbuf_addf(&d->key, " machine=%s,%s cpu=%s params=%s",
			  cfg->machine_type ? cfg->machine_type : "",
			  cfg->machine_accelerators ? cfg->machine_accelerators : "",
			  cfg->cpu_features ? cfg->cpu_features : "",
			  cfg->kernel_params ? cfg->kernel_params : "");
	return strbuf_error(&d->key);
}

/* Opens host_dir, which must be ours alone: what is found there is believed. */
static int open_host_dir(const char *path)
{
	auto_close int dir = -1;
	struct stat st;
	int ret;

	if (!path || !*path)
		return -ENOENT;
	ret = fs_mkdir_all(path, 0700);
	if (ret < 0)
		return ret;
	dir = fs_open_dir_at(AT_FDCWD, path);
	if (dir < 0)
		return dir;
	if (fstat(dir, &st) < 0)
		return -errno;
	if (st.st_uid != geteuid() || (st.st_mode & 022))
		return -EPERM;
	return take_fd(&dir);
}

static const struct accel_verdict *look_up(struct decision *d, struct arena *arena)
{
	strbuf_clear(&d->text);
	if (d->dir < 0 || fs_read_file_at(d->dir, FILE_NAME, &d->text, FILE_MAX) < 0) {
		strbuf_clear(&d->text);
		return NULL;
	}
	return accel_verdict_find(strbuf_str(&d->text), d->text.len, strbuf_str(&d->boot_id),
				  strbuf_str(&d->key), arena);
}

/* Reads the console until it proves that a kernel runs (the firmware alone proves nothing), or
 * until the VMM ends. */
static int await_kernel(int console, pid_t pid, int log_fd, struct error *err)
{
	auto_strbuf struct strbuf seen = { .max = CONSOLE_MAX };
	int64_t until = clock_now_ms() + PROBE_MS;
	char words[512];
	int status;

	for (;;) {
		int64_t left = until - clock_now_ms();
		char *room = strbuf_reserve(&seen, 1024);
		ssize_t n;
		int ret;

		if (left <= 0 || !room)
			return err_msg(err, -ETIMEDOUT, "no guest kernel starts on it");
		ret = sock_wait_readable(console, (int)left);
		if (ret < 0)
			return err_set(err, ret, "wait for a guest kernel");
		if (ret == 0)
			continue;
		n = read(console, room, 1024);
		if (n > 0) {
			strbuf_grown(&seen, (size_t)n);
			if (memmem(seen.data, seen.len, "Linux version", 13))
				return 0;
			continue;
		}
		/* QEMU closed the console: it ends or has ended. */
		if (spawn_wait(pid, (int)left, &status) == 0 &&
		    vm_last_words(log_fd, words, sizeof(words)) > 0)
			return err_msg(err, -ECHILD, "QEMU fails on it: %s", words);
		return err_msg(err, -ECHILD, "QEMU fails on it");
	}
}

/* Whether a failure tells about the moment (or about us) rather than about the host's KVM: it is
 * not remembered. */
static bool is_passing(int code)
{
	static const int codes[] = { EAGAIN, EBUSY, EMFILE, ENFILE, ENOMEM, ENOSPC };

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (code == -codes[i])
			return true;
	return false;
}

/* Boots the configured kernel on KVM, as far as its first line on the console. *passing: as
 * is_passing(). */
static int probe_boot(const struct decision *d, bool *passing, struct error *err)
{
	struct hypervisor_config cfg = *d->cfg;
	auto_close int listen_fd = sock_listen_at(d->dir, SOCKET_NAME, 0600, 1);
	auto_close int console = -1;
	auto_close int log_fd = memfd_create("qemu-log", MFD_CLOEXEC);
	struct vm_spec spec = {
		.name = "accelerator-probe",
		.vcpus = 1,
		.memory_mib = PROBE_MEMORY_MIB,
		.console_listen_fd = listen_fd,
		.control_listen_fd = -1,
		.log_fd = log_fd,
		.extra_kernel_params = "ignore_loglevel earlyprintk=ttyS0,115200",
	};
	auto_strvec struct strvec argv = { 0 };
	struct proc_id id;
	pid_t pid;
	int ret;

	*passing = true;
	if (listen_fd < 0 || log_fd < 0)
		return err_set(err, listen_fd < 0 ? listen_fd : -EMFILE, "prepare a trial boot");
	console = sock_connect_at(d->dir, SOCKET_NAME);
	(void)unlinkat(d->dir, SOCKET_NAME, 0);
	if (console < 0)
		return err_set(err, console, "connect to the console of a trial boot");
	cfg.initrd = cfg.image = NULL;
	ret = qemu_argv(&cfg, &spec, "kvm", &argv, err);
	if (ret == 0)
		ret = qemu_spawn(&cfg, &spec, &argv, &pid, err);
	if (ret < 0)
		return ret;
	*passing = false;
	/* With our copy closed, the end of QEMU is the end of the console. */
	cleanup_close(&listen_fd);
	if (proc_identify(pid, &id) < 0)
		id = (struct proc_id){ 0 };
	ret = await_kernel(console, pid, log_fd, err);
	if (vm_kill(&id, NULL) < 0)
		log_debug("the trial boot, pid %d, does not end", (int)pid);
	return ret;
}

/* Both trials: a bare vCPU, which takes no time at all, then a real boot. True when the outcome is
 * worth keeping. */
static bool probe(const struct decision *d, struct accel_verdict *verdict, struct error *err)
{
	int64_t from = clock_now_ms();
	bool passing = false;
	int ret;

	if (d->kvm_fd < 0) {
		ret = err_set(err, -d->kvm_errno, "cannot open " KVM_DEVICE);
	} else {
		ret = kvm_probe(d->kvm_fd, err);
		passing = is_passing(ret);
		if (ret == 0)
			ret = probe_boot(d, &passing, err);
		if (ret < 0)
			err_ctx(err, KVM_DEVICE " opens, but");
	}
	verdict->accelerator = ret < 0 ? "tcg" : "kvm";
	verdict->reason = ret < 0 ? err->text : "";
	verdict->took_ms = clock_now_ms() - from;
	return !passing;
}

static void save(struct decision *d, const struct accel_verdict *verdict)
{
	auto_strbuf struct strbuf out = { 0 };
	int ret = accel_verdict_add(strbuf_str(&d->text), d->text.len, strbuf_str(&d->boot_id),
				    verdict, &out);

	if (ret == 0)
		ret = fs_replace_at(d->dir, FILE_NAME, strbuf_str(&out), out.len, 0600, false);
	if (ret < 0)
		log_debug("the accelerator's verdict is not kept: %s", strerror(-ret));
}

/* Under the lock: someone else may have found out meanwhile. */
static const char *probe_locked(struct decision *d)
{
	auto_arena struct arena arena = { 0 };
	auto_close int lock =
		openat(d->dir, LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	const struct accel_verdict *known;
	struct accel_verdict verdict = { .key = strbuf_str(&d->key) };
	struct error err;
	bool lasting;

	while (lock >= 0 && flock(lock, LOCK_EX) < 0 && errno == EINTR)
		continue;
	known = look_up(d, &arena);
	if (known)
		return !strcmp(known->accelerator, "kvm") ? "kvm" : "tcg";
	lasting = probe(d, &verdict, &err);
	if (lasting)
		save(d, &verdict);
	if (!strcmp(verdict.accelerator, "tcg"))
		log_warning("%s; using tcg (software emulation)%s; set accelerator = \"kvm\" to "
			    "insist",
			    verdict.reason,
			    lasting ? " until the next boot of this host" : " this time");
	return verdict.accelerator;
}

/* Gathers what the decision works with. -errno when no verdict can be kept. */
static int gather(struct decision *d)
{
	int ret;

	(void)open_kvm(d);
	d->dir = open_host_dir(d->cfg->host_dir);
	if (d->dir < 0)
		return d->dir;
	ret = make_key(d);
	if (ret == 0)
		ret = fs_read_file_at(AT_FDCWD, "/proc/sys/kernel/random/boot_id", &d->boot_id,
				      BOOT_ID_MAX);
	while (ret == 0 && d->boot_id.len && d->boot_id.data[d->boot_id.len - 1] == '\n')
		d->boot_id.data[--d->boot_id.len] = '\0';
	return ret;
}

static const char *decide_auto(struct decision *d)
{
	auto_arena struct arena arena = { 0 };
	const struct accel_verdict *known;
	int ret = gather(d);

	if (ret < 0) {
		log_warning("cannot use '%s' to find out whether KVM works: %s; using tcg "
			    "(software emulation)",
			    d->cfg->host_dir ? d->cfg->host_dir : "", strerror(-ret));
		return "tcg";
	}
	known = look_up(d, &arena);
	if (!known)
		return probe_locked(d);
	log_debug("accelerator %s %s", known->accelerator, known->reason ? known->reason : "");
	return !strcmp(known->accelerator, "kvm") ? "kvm" : "tcg";
}

void accel_explain(const struct hypervisor_config *cfg, struct strbuf *out)
{
	__attribute__((cleanup(decision_done))) struct decision d = {
		.cfg = cfg,
		.kvm_fd = -1,
		.dir = -1,
	};
	auto_arena struct arena arena = { 0 };
	const struct accel_verdict *known;

	if (strcmp(cfg->accelerator, "auto") != 0 || gather(&d) < 0)
		return;
	known = look_up(&d, &arena);
	if (known && known->reason)
		(void)strbuf_adds(out, known->reason);
}

int accel_decide(const struct hypervisor_config *cfg, const char **accelerator, struct error *err)
{
	__attribute__((cleanup(decision_done))) struct decision d = {
		.cfg = cfg,
		.kvm_fd = -1,
		.dir = -1,
	};

	if (!strcmp(cfg->accelerator, "tcg")) {
		*accelerator = "tcg";
		return 0;
	}
	if (!strcmp(cfg->accelerator, "kvm")) {
		if (open_kvm(&d) < 0)
			return kvm_error(&d, err);
		*accelerator = "kvm";
		return 0;
	}
	if (strcmp(cfg->accelerator, "auto") != 0) {
		err_msg(err, -EINVAL, "unknown accelerator '%s' in [hypervisor.qemu]",
			cfg->accelerator);
		return err_hint(err, "known: auto, kvm, tcg");
	}
	*accelerator = decide_auto(&d);
	return 0;
}
