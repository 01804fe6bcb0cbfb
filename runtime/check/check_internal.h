/* The groups of checks. */
#ifndef RUNTIME_CHECK_CHECK_INTERNAL_H
#define RUNTIME_CHECK_CHECK_INTERNAL_H

#include "runtime/check/host.h"
#include "runtime/config/config.h"

/* Processor, privileges, system calls, devices. */
void check_system(const struct host_facts *facts, const struct host_checks *checks);
/* What the configuration names: programs, directories, memory. */
void check_files(const struct config *config, const struct hypervisor_config *machine,
		 const char *root, const struct host_checks *checks);
void check_memory(const struct host_facts *facts, const struct hypervisor_config *machine,
		  const struct host_checks *checks);

#endif
