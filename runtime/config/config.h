/*
 * configuration.toml as a C struct. Which file, which keys, which values are allowed and who set
 * them: all from the table in runtime/config/keys.c, where a new key is one row. docs:
 * configuration.toml.in.
 */
#ifndef RUNTIME_CONFIG_CONFIG_H
#define RUNTIME_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/error.h"
#include "base/strvec.h"
#include "hypervisor/hypervisor.h"
#include "oci/spec.h"

/* A helper program of ours: [proxy.cc], [shim.cc]. */
struct config_program {
	const char *path; /* absolute */
	bool enable_debug;
	bool acknowledged_link; /* of the proxy: also where no channel loses bytes */
};

struct config_runtime {
	const char *hypervisor;		   /* "auto" or the name of a [hypervisor.NAME] table */
	const char *internetworking_model; /* how interfaces reach the guest: "tcfilter", ... */
	bool enable_debug;
	bool strict; /* what of config.json can have no effect is an error */
	uint32_t create_container_timeout_s; /* how long the guest may take to answer */
};

/* How VMs are made: [factory]. */
struct config_factory {
	const char *enable_template;   /* "auto", "true", "false" */
	const char *template_path;     /* directory of the templates, on a memory file system */
	uint32_t vm_cache_number;      /* machines that the cache server keeps ready; 0: no cache */
	const char *vm_cache_endpoint; /* its socket; its machines are in <endpoint>.d */
};

/* How files reach guests that no directory can be shared with: [storage]. */
struct config_storage {
	const char *image_cache;  /* directory of images that are kept; "": none are */
	uint32_t image_cache_mib; /* how much of them */
	const char *image_format; /* "auto", "erofs", "ext4" */
	bool copy_root; /* what a container writes to its root file system comes back at delete */
	uint32_t copy_max_mib; /* a writable bind mount's size at most, and what comes back of one
				*/
};

struct config_origin;

/* All text is in the arena given to config_load(). */
struct config {
	const char *prefix; /* of this installation: parent of the folder of the running program */
	const char *file;   /* absolute, links resolved */
	const char **drop_ins; /* absolute, in the order they were read; NULL-terminated */
	struct config_runtime runtime;
	struct config_factory factory;
	struct config_storage storage;
	struct config_program proxy;
	struct config_program shim;
	struct hypervisor_config qemu;
	struct hypervisor_config acrn;
	struct config_origin *origins; /* a slot for every key; see config_value_at() */
};

/*
 * Reads the configuration: explicit_path (--config), else the file that the environment variable
 * ACRUN_CONF_FILE names, else the first that exists of config_default_paths(). Then the files
 * "config.d/" + anything ending in ".toml" beside it (links resolved before) in the order of their
 * names; what is set later wins. Every key has its default when no file sets it. Unknown tables and
 * keys, wrong types and values are errors of the form "FILE:LINE: what". -ENOENT with "Cannot find
 * usable config file (...)" when there is none.
 */
int config_load(const char *explicit_path, struct arena *arena, struct config *cfg,
		struct error *err) must_check;

/*
 * The places that are looked at, first one first, NULL-terminated, in arena:
 * <sysconfdir>/acrun/configuration.toml and <prefix>/share/defaults/acrun/configuration.toml. A
 * program that runs from elsewhere than where it was configured to be installed (a build tree)
 * looks at the latter first, so that such a tree is complete by itself.
 */
int config_default_paths(struct arena *arena, const char *const **paths, struct error *err)
	must_check;

/*
 * What a container's annotations "io.katacontainers.config.*" change of the configuration. Those
 * about the hypervisor called `name` must be allowed by its enable_annotations, and `path` by
 * valid_hypervisor_paths: else -EPERM, "annotation X is not enabled". -EINVAL for values that
 * cannot be. What acrun has no key for is told to `ignored` (JSON path and reason). Their text must
 * outlive cfg.
 */
int config_apply_annotations(struct config *cfg, const char *name,
			     const struct json_map *annotations, struct arena *arena,
			     struct strvec *ignored, struct error *err) must_check;

/*
 * What the "vm" object of config.json asks for (config-vm.md of the runtime specification): VMM,
 * kernel, initrd or image, their parameters, sizes. It needs no permission: who may write the
 * object may run programs on the host by hooks. What cannot be honoured is told to `ignored`.
 */
int config_apply_vm(struct config *cfg, const char *name, const struct oci_vm *vm,
		    struct arena *arena, struct strvec *ignored, struct error *err) must_check;

/* The [hypervisor.NAME] table, NULL when there is none of that name. */
const struct hypervisor_config *config_hypervisor(const struct config *cfg, const char *name);

/* One key with its value in force and where that comes from. */
struct config_value {
	const char *table; /* "hypervisor.qemu" */
	const char *key;   /* "default_memory" */
	const char *value; /* as TOML: "512", "true", "\"q35\"" */
	const char *file;  /* NULL: the default */
	unsigned line;	   /* 0 for the default */
};

/* The i-th key, text in arena. 0, -ENOENT past the end, -ENOMEM. */
int config_value_at(const struct config *cfg, size_t i, struct arena *arena,
		    struct config_value *value) must_check;

#endif
