/*
 * What a VM runs on: KVM or emulation. That /dev/kvm opens proves nothing (some hosts let it be
 * opened and then run no ordinary kernel), so "auto" tries it and keeps the verdict for this boot
 * of the host.
 */
#ifndef HYPERVISOR_QEMU_ACCEL_H
#define HYPERVISOR_QEMU_ACCEL_H

#include <stdint.h>
#include "base/arena.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "hypervisor/hypervisor.h"

enum { ACCEL_VERDICTS_MAX = 8 };

/* One finding. `key` names everything that it depends on. */
struct accel_verdict {
	const char *key;
	const char *accelerator; /* "kvm" or "tcg" */
	const char *reason;	 /* why not kvm; "" for kvm */
	int64_t took_ms;	 /* how long the probe took */
};

/* The file accelerator.json in host_dir. */
struct accel_file {
	const char *boot_id;
	struct json_objs verdicts;
};

/*
 * Decides cfg->accelerator: returns "kvm" or "tcg" in *accelerator (a constant). Only "kvm" can
 * fail, when /dev/kvm cannot be opened; "auto" takes emulation on any trouble, with one warning in
 * the log for this boot of the host.
 */
int accel_decide(const struct hypervisor_config *cfg, const char **accelerator, struct error *err)
	must_check;

/* Appends why "auto" has decided as it has, as far as that was kept; nothing when another was asked
 * for. */
void accel_explain(const struct hypervisor_config *cfg, struct strbuf *out);

/*
 * The verdict for key in the text of accelerator.json, made in this boot. NULL when there is none;
 * also for damaged text, which is no error. The result lives in arena.
 */
const struct accel_verdict *accel_verdict_find(const char *text, size_t len, const char *boot_id,
					       const char *key, struct arena *arena);

/*
 * The text of accelerator.json with `verdict` put first, replacing one of the same key. Others of
 * this boot are kept, up to ACCEL_VERDICTS_MAX; damaged text counts as empty.
 */
int accel_verdict_add(const char *text, size_t len, const char *boot_id,
		      const struct accel_verdict *verdict, struct strbuf *out) must_check;

/*
 * Runs a few thousand instructions on a bare vCPU of the KVM behind kvm_fd and times them. 0 when
 * they ran as fast as hardware does; otherwise err says why KVM is of no use. Takes < 1 ms where
 * KVM works, at most about a second.
 */
int kvm_probe(int kvm_fd, struct error *err) must_check;

#endif
