/* Lists of CPUs, as cpuset and process.execCPUAffinity have them: "0-3,7". */
#ifndef OCI_CPUS_H
#define OCI_CPUS_H

#include <sched.h>

/* Fills *set from the text; blanks around the numbers are allowed. -EINVAL for what is no list or
 * names no CPU, -ERANGE for numbers beyond what a cpu_set_t holds. */
int oci_cpus_parse(const char *text, cpu_set_t *set);

#endif
