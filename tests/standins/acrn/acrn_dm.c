/* acrn-dm: a stand-in for ACRN's device model, for machines without ACRN. The VM is QEMU's. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "tests/standins/acrn/hypervisor.h"
#include "tests/standins/acrn/monitor.h"

struct program {
	struct settings set;
	struct dm_config cfg;
	struct vm vm;
	struct monitor monitor;
	struct cmd_monitor cmd_monitor;
	int faults_fd;
};

static void note_fault(void *arg, const char *text)
{
	struct program *p = arg;
	char line[1200];
	int len = snprintf(line, sizeof(line), "%.1000s\n", text);

	if (p->faults_fd >= 0)
		(void)!write(p->faults_fd, line, (size_t)len);
}

/* By default the signal kills, and all sockets stay where they are. */
static void die_of(int signo)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	sigset_t one;

	(void)sigemptyset(&one);
	(void)sigaddset(&one, signo);
	(void)sigaction(signo, &dfl, NULL);
	(void)sigprocmask(SIG_UNBLOCK, &one, NULL);
	(void)raise(signo);
}

static void on_signal(void *arg, int signo, int32_t sender)
{
	struct program *p = arg;

	(void)sender;
	if (signo != SIGTERM)
		vm_power_off(&p->vm);
	else if (vm_acpi_enabled(&p->vm))
		dm_fault(&p->cfg, "signal: SIGTERM is ignored by a guest that has ACPI on");
	else
		die_of(SIGTERM);
}

static int watch_signals(struct program *p)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaction(SIGPIPE, &ignore, NULL);
	return loop_add_signals(p->vm.loop, &set, on_signal, p);
}

static int bring_up(struct program *p)
{
	struct error err = { 0 };
	int ret = DM_GO_ON;

	if (monitor_open(&p->monitor, &p->vm) < 0 ||
	    cmd_monitor_open(&p->cmd_monitor, &p->vm) < 0) {
		(void)printf("monitor: cannot listen\n");
		return DM_EXIT_FAIL;
	}
	for (unsigned i = 0; ret == DM_GO_ON && i < p->cfg.n_devices; i++) {
		ret = dm_parse_device(&p->cfg, &p->cfg.devices[i]);
		if (ret == DM_GO_ON)
			ret = vm_open_device(&p->vm, &p->cfg.devices[i]);
	}
	if (ret == DM_GO_ON)
		ret = dm_parse_late(&p->cfg);
	if (ret != DM_GO_ON)
		return ret;
	if (watch_signals(p) < 0 || vm_start(&p->vm, &err) < 0) {
		(void)printf("stand-in: %s\n", err.text);
		return DM_EXIT_FAIL;
	}
	return DM_GO_ON;
}

static int run(struct program *p, int argc, char **argv)
{
	int ret = dm_parse_options(&p->cfg, argc, argv);

	if (ret == DM_GO_ON)
		ret = dm_parse_vm(&p->cfg);
	if (ret != DM_GO_ON)
		return ret;
	ret = hypervisor_create_vm(&p->set, &p->cfg);
	if (ret < 0) {
		(void)printf("vm_create failed: %s\n", strerror(-ret));
		return DM_EXIT_FAIL;
	}
	ret = bring_up(p);
	if (ret == DM_GO_ON)
		ret = loop_run(p->vm.loop);
	vm_close(&p->vm);
	cmd_monitor_close(&p->cmd_monitor);
	monitor_close(&p->monitor);
	return ret < 0 ? DM_EXIT_FAIL : ret;
}

static int open_faults(struct program *p)
{
	if (!p->set.faults)
		return 0;
	p->faults_fd = open(p->set.faults, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	return p->faults_fd < 0 ? -errno : 0;
}

static int start(struct program *p, char **argv, struct error *err)
{
	int ret = settings_load(&p->set, argv[0], getenv("ACRN_STANDIN"), err);

	if (ret == 0) {
		ret = open_faults(p);
		if (ret < 0)
			(void)err_set(err, ret, "open '%s'", p->set.faults);
	}
	if (ret < 0)
		return ret;
	p->cfg.profile = p->set.profile;
	p->cfg.on_fault = note_fault;
	p->cfg.fault_arg = p;
	p->vm.set = &p->set;
	p->vm.cfg = &p->cfg;
	p->vm.random = 0x9e3779b97f4a7c15ULL ^ p->set.loss_seed;
	p->vm.loop = loop_new();
	return p->vm.loop ? 0 : err_set(err, -ENOMEM, "make the event loop");
}

int main(int argc, char **argv)
{
	/* static: it is large, and there is one */
	static struct program p = { .faults_fd = -1 };
	struct error err = { 0 };
	int ret;

	if (start(&p, argv, &err) < 0) {
		(void)fprintf(stderr, "acrn-dm (stand-in): %s\n", err.text);
		return DM_EXIT_FAIL;
	}
	if (p.set.profile->root_only && geteuid() != 0) {
		(void)printf("cannot read the host's interrupt table\n");
		return DM_EXIT_FAIL;
	}
	ret = run(&p, argc, argv);
	if (ret == DM_EXIT_SEGV || ret == DM_EXIT_ABORT)
		die_of(ret - 128);
	cleanup_close(&p.faults_fd);
	loop_free(p.vm.loop);
	dm_config_done(&p.cfg);
	settings_done(&p.set);
	return ret;
}
