/* The groups of checks. */
#ifndef RUNTIME_CHECK_CHECK_INTERNAL_H
#define RUNTIME_CHECK_CHECK_INTERNAL_H

#include "runtime/check/host.h"
#include "runtime/config/config.h"
#include "runtime/factory/machine.h"

/* Processor, privileges, system calls, devices. */
void check_system(const struct host_facts *facts, const struct host_checks *checks);
/* Can the processor run virtual machines? No question for a hypervisor that is made for a kind of
 * host. */
void check_virtualization(const struct host_facts *facts, const struct hypervisor_ops *hypervisor,
			  const struct host_checks *checks);
/* What the configuration names: programs, directories, memory. */
void check_files(const struct config *config, const struct machine *machine, const char *root,
		 const struct host_checks *checks);
void check_memory(const struct host_facts *facts, const struct hypervisor_config *machine,
		  const struct host_checks *checks);

#endif
