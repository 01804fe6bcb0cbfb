/* Words of config.json that stand for numbers of the kernel. Leaf: -EINVAL when unknown. */
#ifndef OCI_NAMES_H
#define OCI_NAMES_H

/* CLONE_NEW* of a namespace type ("pid", "network", "mount", "ipc", "uts", "user", "cgroup",
 * "time"). */
int oci_namespace_flag(const char *type);
/* RLIMIT_* number of "RLIMIT_NOFILE". */
int oci_rlimit_number(const char *type);
/* CAP_* number of "CAP_CHOWN" (any case). */
int oci_capability_number(const char *name);
/* "CAP_CHOWN" of 0; NULL beyond the last one known. */
const char *oci_capability_name(int number);

/* What a filter may say, sorted, ended by NULL. SCMP_ACT_NOTIFY is not among it: a listener on the
 * host cannot be reached from the guest. */
extern const char *const oci_seccomp_actions[];
extern const char *const oci_seccomp_operators[];

#endif
