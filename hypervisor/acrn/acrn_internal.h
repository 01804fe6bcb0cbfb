/* What the files of the ACRN backend share. */
#ifndef HYPERVISOR_ACRN_ACRN_INTERNAL_H
#define HYPERVISOR_ACRN_ACRN_INTERNAL_H

#include "hypervisor/acrn/platform.h"
#include "hypervisor/hypervisor.h"

#define ACRN_TABLE "acrn"

/* What a device model and its host turn out to be. */
struct acrn_host_found {
	const struct acrn_profile *profile;
	const char *device;
	uint32_t release; /* as ACRN_RELEASE(); 0: the device model does not say */
};

/* Runs `acrn-dm -v`, looks for the device, and decides the profile. */
int acrn_look(const struct hypervisor_config *cfg, const struct acrn_platform *host,
	      struct acrn_host_found *found, struct error *err) must_check;

/* hypervisor_ops.check, .launch, .stop. */
int acrn_check(const struct hypervisor_config *cfg, struct error *err) must_check;
int acrn_launch(const struct hypervisor_config *cfg, const struct vm_spec *spec, struct vm *vm,
		struct error *err) must_check;
int acrn_stop(const struct vm *vm, struct error *err) must_check;

/* acrn_launch() on a host of one's choice. */
int acrn_launch_on(const struct acrn_platform *host, const struct hypervisor_config *cfg,
		   const struct vm_spec *spec, struct vm *vm, struct error *err) must_check;

/* "exit status 10: it cannot load the kernel" and the like, for a status as waitpid(2) has it. */
void acrn_explain_status(int status, char *out, size_t len);

#endif
