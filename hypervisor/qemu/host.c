/* What QEMU needs of the host beyond its files. */
#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "base/spawn.h"
#include "base/strbuf.h"
#include "hypervisor/qemu/accel.h"
#include "hypervisor/qemu/qemu_internal.h"

enum { OUTPUT_MAX = 4096, TIMEOUT_MS = 10000, OLDEST_MAJOR = 5 };

/* "7" of "7.2.22 (Debian ...)". */
static int major_of(const char *text, uint32_t *major)
{
	char digits[8];

	(void)snprintf(digits, sizeof(digits), "%.*s", (int)strspn(text, "0123456789"), text);
	return parse_u32(digits, major);
}

static void check_release(const struct hypervisor_config *cfg, const struct host_checks *checks)
{
	const char *const argv[] = { cfg->path, "--version", NULL };
	struct spawn sp = { .path = cfg->path, .argv = argv, .ctty_fd = -1 };
	auto_strbuf struct strbuf out = { 0 };
	const char *text;
	struct error err = { 0 };
	uint32_t release = 0;
	int code = 0;
	int ret = spawn_run(&sp, NULL, 0, &out, OUTPUT_MAX, TIMEOUT_MS, &code, &err);

	/* check() has said already what is wrong with a program that cannot be run. */
	if (ret < 0)
		return;
	text = strstr(strbuf_str(&out), "version ");
	if (code != 0 || !text || major_of(text + 8, &release) < 0)
		host_check_add(checks, "qemu", HOST_CHECK_WARN, "set path in [hypervisor.qemu]",
			       "'%s --version' does not tell its release", cfg->path);
	else if (release < OLDEST_MAJOR)
		host_check_add(checks, "qemu", HOST_CHECK_FAIL, "install QEMU 5.0 or newer",
			       "QEMU %u is too old", release);
	else
		host_check_add(checks, "qemu", HOST_CHECK_OK, NULL, "QEMU %.*s",
			       (int)strcspn(text + 8, "\n"), text + 8);
}

static void check_accelerator(const struct hypervisor_config *cfg, const struct host_checks *checks)
{
	auto_strbuf struct strbuf why = { 0 };
	const char *accelerator;
	struct error err = { 0 };
	int ret = accel_decide(cfg, &accelerator, &err);

	if (ret < 0) {
		host_check_add(checks, "accelerator", HOST_CHECK_FAIL,
			       "set accelerator in [hypervisor.qemu]", "%s", err.text);
		return;
	}
	if (!strcmp(accelerator, "kvm")) {
		host_check_add(checks, "accelerator", HOST_CHECK_OK, NULL, "kvm");
		return;
	}
	accel_explain(cfg, &why);
	host_check_add(
		checks, "accelerator", HOST_CHECK_WARN,
		"use a host whose /dev/kvm runs guests (bare metal, or a virtual machine with "
		"nested virtualization)",
		"tcg: guests are emulated, ten times slower%s%s", why.len ? ": " : "",
		strbuf_str(&why));
}

void qemu_check_host(const struct hypervisor_config *cfg, const struct host_checks *checks)
{
	check_release(cfg, checks);
	check_accelerator(cfg, checks);
}
