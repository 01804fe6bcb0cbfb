/*
 * config.json of the OCI runtime specification 1.2 as C structs. What a struct says, its JSON has:
 * the rows in oci/spec_*.c read and write it, keys that are not known are skipped. Text lives in
 * the arena of the decoding.
 */
#ifndef OCI_SPEC_H
#define OCI_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"

#define OCI_VERSION "1.2.1"

enum {
	OCI_SPEC_MAX = 16 << 20, /* bytes of the largest config.json that is read */
	OCI_SPEC_DEPTH = 32,	 /* deepest nesting accepted; the specification itself needs 8 */
};

/* --- the process --- */

struct oci_console_size {
	uint32_t height; /* rows */
	uint32_t width;	 /* columns */
};

struct oci_user {
	uint32_t uid;
	uint32_t gid;
	struct opt_u32 umask;
	struct json_nums additional_gids; /* each fits uint32_t (oci_process_check()) */
	const char *username;
};

/* Names as "CAP_CHOWN"; oci/names.h turns them into numbers. */
struct oci_capabilities {
	struct json_strs bounding, effective, inheritable, permitted, ambient;
};

struct oci_rlimit {
	const char *type; /* "RLIMIT_NOFILE" */
	uint64_t hard;	  /* UINT64_MAX: unlimited */
	uint64_t soft;
};

struct oci_scheduler {
	const char *policy; /* "SCHED_OTHER", ... */
	int32_t nice;
	int32_t priority;
	struct json_strs flags;
	uint64_t runtime_ns, deadline_ns, period_ns;
};

struct oci_io_priority {
	const char *io_class; /* "IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE" */
	int32_t priority;     /* 0..7 */
};

/* CPU lists as in cpuset ("0-3,7"). */
struct oci_cpu_affinity {
	const char *initial;
	const char *final;
};

struct oci_process {
	bool terminal;
	struct oci_console_size *console_size;
	struct oci_user user;
	struct json_strs args;
	const char *command_line; /* Windows only; kept for the round trip */
	struct json_strs env;
	const char *cwd;
	struct oci_capabilities *capabilities;
	struct json_objs rlimits; /* struct oci_rlimit */
	bool no_new_privileges;
	const char *apparmor_profile;
	struct opt_i32 oom_score_adj;
	struct oci_scheduler *scheduler;
	const char *selinux_label;
	struct oci_io_priority *io_priority;
	struct oci_cpu_affinity *exec_cpu_affinity;
};

/* --- file systems and hooks --- */

struct oci_root {
	const char *path; /* relative to the bundle unless absolute */
	bool readonly;
};

struct oci_id_mapping {
	uint32_t container_id;
	uint32_t host_id;
	uint32_t size;
};

struct oci_mount {
	const char *destination; /* a relative one is relative to "/" (deprecated by the
				    specification) */
	const char *type;	 /* may be NULL (bind mounts) */
	const char *source;	 /* a relative one is relative to the bundle; may be NULL */
	struct json_strs options;
	struct json_objs uid_mappings; /* struct oci_id_mapping */
	struct json_objs gid_mappings;
};

struct oci_hook {
	const char *path;
	struct json_strs args; /* argv[0] included */
	struct json_strs env;
	struct opt_i32 timeout_s;
};

/* All struct oci_hook. */
struct oci_hooks {
	struct json_objs prestart, create_runtime, create_container, start_container, poststart,
		poststop;
};

/* --- linux.resources --- */

struct oci_device_cgroup {
	bool allow;
	const char *type; /* "a", "c", "b"; NULL: "a" */
	struct opt_i64 major, minor;
	const char *access; /* of "rwm" */
};

struct oci_memory {
	struct opt_i64 limit, reservation, swap, kernel, kernel_tcp; /* bytes, -1: unlimited */
	struct opt_u64 swappiness;
	struct opt_bool disable_oom_killer;
	struct opt_bool use_hierarchy;
	struct opt_bool check_before_update;
};

struct oci_cpu {
	struct opt_u64 shares;
	struct opt_i64 quota_us; /* -1: unlimited */
	struct opt_u64 burst_us;
	struct opt_u64 period_us;
	struct opt_i64 realtime_runtime_us;
	struct opt_u64 realtime_period_us;
	const char *cpus, *mems; /* lists as in cpuset */
	struct opt_i64 idle;
};

struct oci_pids {
	struct opt_i64 limit; /* -1: unlimited */
};

struct oci_weight_device {
	int64_t major, minor;
	struct opt_u32 weight, leaf_weight;
};

struct oci_throttle_device {
	int64_t major, minor;
	uint64_t rate; /* bytes or operations a second */
};

struct oci_block_io {
	struct opt_u32 weight, leaf_weight;
	struct json_objs weight_device;				/* struct oci_weight_device */
	struct json_objs throttle_read_bps, throttle_write_bps; /* struct oci_throttle_device */
	struct json_objs throttle_read_iops, throttle_write_iops;
};

struct oci_hugepage_limit {
	const char *page_size; /* "2MB" */
	uint64_t limit;	       /* bytes */
};

struct oci_network_priority {
	const char *name;
	uint32_t priority;
};

struct oci_network {
	struct opt_u32 class_id;
	struct json_objs priorities; /* struct oci_network_priority */
};

struct oci_rdma {
	struct opt_u32 hca_handles, hca_objects;
};

struct oci_linux_resources {
	struct json_objs devices; /* struct oci_device_cgroup */
	struct oci_memory *memory;
	struct oci_cpu *cpu;
	struct oci_pids *pids;
	struct oci_block_io *block_io;
	struct json_objs hugepage_limits; /* struct oci_hugepage_limit */
	struct oci_network *network;
	struct json_obj_map rdma; /* struct oci_rdma by device */
	struct json_map unified;  /* cgroup v2 file -> content */
};

/* --- linux.seccomp --- */

struct oci_seccomp_arg {
	uint32_t index; /* 0..5 */
	uint64_t value, value_two;
	const char *op; /* "SCMP_CMP_EQ", ... */
};

struct oci_syscall {
	struct json_strs names;
	const char *action;
	struct opt_u32 errno_ret;
	struct json_objs args; /* struct oci_seccomp_arg */
};

struct oci_seccomp {
	const char *default_action; /* "SCMP_ACT_ERRNO", ... */
	struct opt_u32 default_errno_ret;
	struct json_strs architectures;
	struct json_strs flags;
	const char *listener_path;
	const char *listener_metadata;
	struct json_objs syscalls; /* struct oci_syscall */
};

/* --- linux --- */

struct oci_namespace {
	const char *type; /* "pid", "network", ...; oci/names.h has the clone flags */
	const char *path; /* to be joined; NULL or "": a new one */
};

struct oci_device {
	const char *path;
	const char *type; /* "c", "u", "b", "p" */
	int64_t major, minor;
	struct opt_u32 file_mode; /* decimal in JSON */
	struct opt_u32 uid, gid;
};

struct oci_net_device {
	const char *name; /* in the container; NULL or "": unchanged */
};

struct oci_intel_rdt {
	const char *clos_id;
	const char *l3_cache_schema;
	const char *mem_bw_schema;
	bool enable_cmt, enable_mbm;
};

struct oci_personality {
	const char *domain; /* "LINUX", "LINUX32" */
	struct json_strs flags;
};

struct oci_time_offset {
	int64_t secs;
	uint32_t nanosecs;
};

struct oci_linux {
	struct json_objs uid_mappings, gid_mappings; /* struct oci_id_mapping */
	struct json_map sysctl;
	struct oci_linux_resources *resources;
	const char *cgroups_path;
	struct json_objs namespaces;	 /* struct oci_namespace */
	struct json_objs devices;	 /* struct oci_device */
	struct json_obj_map net_devices; /* struct oci_net_device by host name */
	struct oci_seccomp *seccomp;
	const char *rootfs_propagation; /* "private", "slave", "shared", "unbindable"; NULL: not
					   given */
	struct json_strs masked_paths;
	struct json_strs readonly_paths;
	const char *mount_label;
	struct oci_intel_rdt *intel_rdt;
	struct oci_personality *personality;
	struct json_obj_map
		time_offsets; /* struct oci_time_offset by clock ("monotonic", "boottime") */
};

/* --- vm --- */

struct oci_vm_hypervisor {
	const char *path;
	struct json_strs parameters;
};

struct oci_vm_kernel {
	const char *path;
	struct json_strs parameters;
	const char *initrd;
};

struct oci_vm_image {
	const char *path;
	const char *format; /* "raw", "qcow2", "vdi", "vmdk", "vhd" */
};

/* hwConfig: what the machine has; of 1.3. */
struct oci_vm_hw {
	const char *device_tree;
	struct opt_u32 vcpus;
	struct opt_u64 memory; /* bytes */
	struct json_strs dtdevs;
	struct json_objs iomems; /* struct oci_vm_iomem */
	struct json_nums irqs;
};

struct oci_vm_iomem {
	uint64_t first_gfn, first_mfn, count;
};

struct oci_vm {
	struct oci_vm_hypervisor *hypervisor;
	struct oci_vm_kernel *kernel;
	struct oci_vm_image *image;
	struct oci_vm_hw *hw;
};

/* --- the whole --- */

struct oci_spec {
	const char *oci_version;
	struct oci_process *process; /* NULL until oci_spec_check() has passed: then it is there */
	struct oci_root *root;	     /* as process */
	const char *hostname;
	const char *domainname;
	struct json_objs mounts; /* struct oci_mount, in the order they are to be made */
	struct oci_hooks *hooks;
	struct json_map annotations;
	struct oci_linux *linux_; /* "linux"; the word itself is a macro of the compiler */
	struct oci_vm *vm;
};

extern const struct json_type oci_spec_type;
extern const struct json_type oci_process_type;
extern const struct json_type oci_user_type;
extern const struct json_type oci_capabilities_type;
extern const struct json_type oci_root_type;
extern const struct json_type oci_mount_type;
extern const struct json_type oci_id_mapping_type;
extern const struct json_type oci_hook_type;
extern const struct json_type oci_hooks_type;
extern const struct json_type oci_linux_type;
extern const struct json_type oci_linux_resources_type;
extern const struct json_type oci_seccomp_type;
extern const struct json_type oci_vm_type;

/*
 * Reads `file` (usually "config.json") in the bundle and decodes it into *spec, all memory from
 * arena. Only the form is checked: wrong types, sizes and nesting. -ENOENT with "JSON specification
 * file <file> not found" when it is missing.
 */
int oci_spec_load(int bundle_dir_fd, const char *file, struct arena *arena, struct oci_spec *spec,
		  struct error *err) must_check;

/* Decodes the text of a process object (exec --process FILE). `name` is for messages. */
int oci_process_decode(const char *name, const char *text, size_t len, struct arena *arena,
		       struct oci_process *process, struct error *err) must_check;

/*
 * What a document must say beyond its form to be run; the first violation is reported, in runc's
 * words where it has some. -EINVAL. Afterwards process and root are there, the namespaces and
 * rlimits are known and unique.
 */
int oci_spec_check(const struct oci_spec *spec, struct error *err) must_check;
/* The part of it that concerns a process, NULL included: also for exec. */
int oci_process_check(const struct oci_process *process, struct error *err) must_check;

/* The path with which the namespace of that type is to be joined, "" for a new one, NULL when the
 * type is not listed. */
const char *oci_spec_namespace(const struct oci_spec *spec, const char *type);
/* An object without a default action and without rules asks for no filter. NULL: neither. */
bool oci_seccomp_is_wanted(const struct oci_seccomp *seccomp);
/* Whether one of a mount's options is that word. */
bool oci_mount_has_option(const struct oci_mount *mount, const char *option);
/* By its type, or by its options "bind" and "rbind". */
bool oci_mount_is_bind(const struct oci_mount *mount);
/* Whether the ids of its files are to be mapped: by maps of its own, or by the options "idmap" and
 * "ridmap". */
bool oci_mount_is_mapped(const struct oci_mount *mount);
/* The value of an annotation, NULL when it is not there. */
const char *oci_spec_annotation(const struct oci_spec *spec, const char *key);

#endif
