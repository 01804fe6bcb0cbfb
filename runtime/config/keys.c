/*
 * The one table of configuration keys. A new key: a member in the struct, a row here, a paragraph
 * in configuration.toml.in. A key stands here only when something reads it.
 */
#include "runtime/config/keys.h"

#include "acrun_version.h"

enum {
	MEMORY_MAX_MIB = 16 << 20,
	VCPUS_MAX = 1024,
	MSIZE_MIN = 4096,
	MSIZE_MAX = 1 << 20,
	TIMEOUT_MAX_S = 24 * 60 * 60,
	VM_CACHE_MAX = 1000,
	ACRN_VMS_MAX = 64,
	ACRN_BLOCK_SLOTS_MAX = 24,
	QEMU_BLOCK_SLOTS_MAX = 16,
	IMAGE_CACHE_MAX_MIB = 1 << 30,
	COPY_MAX_MIB = 1 << 20,
};

static const char *const accelerators[] = { "auto", "kvm", "tcg", NULL };
static const char *const switches[] = { "auto", "true", "false", NULL };
static const char *const net_models[] = { "tcfilter", "macvtap", "none", NULL };
static const char *const image_formats[] = { "auto", "erofs", "ext4", NULL };
static const char *const shared_fs[] = { "virtio-9p", "none", NULL };
static const char *const hypervisors[] = { "auto", "qemu", "acrn", NULL };

#define HV(member) .offset = offsetof(struct hypervisor_config, member)

#define ANNOTATION_KEYS                                                \
	{ "enable_annotations", CONFIG_STRS, HV(enable_annotations) }, \
	{                                                              \
		"valid_hypervisor_paths", CONFIG_STRS, HV(valid_paths) \
	}

static const struct config_key qemu_keys[] = {
	{ "path", CONFIG_PATH, HV(path), .text = "/usr/bin/qemu-system-x86_64" },
	{ "kernel", CONFIG_ASSET, HV(kernel), .text = ACRUN_REL_DATADIR "/vmlinux" },
	{ "initrd", CONFIG_ASSET, HV(initrd) },
	{ "image", CONFIG_ASSET, HV(image) },
	{ "kernel_params", CONFIG_STR, HV(kernel_params) },
	{ "machine_type", CONFIG_STR, HV(machine_type), .text = "q35" },
	{ "machine_accelerators", CONFIG_STR, HV(machine_accelerators) },
	{ "cpu_features", CONFIG_STR, HV(cpu_features) },
	{ "accelerator", CONFIG_WORD, HV(accelerator), .text = "auto", .words = accelerators },
	{ "entropy_source", CONFIG_PATH, HV(entropy_source), .text = "/dev/urandom" },
	{ "default_vcpus", CONFIG_VCPUS, HV(default_vcpus), .number = 1, .min = -VCPUS_MAX,
	  .max = VCPUS_MAX, .zero = "VM vCPUs cannot be zero" },
	{ "default_maxvcpus", CONFIG_U32, HV(default_maxvcpus), .max = VCPUS_MAX },
	{ "default_memory", CONFIG_U32, HV(default_memory_mib), .number = 512, .min = 1,
	  .max = MEMORY_MAX_MIB, .zero = "VM memory cannot be zero" },
	{ "shared_fs", CONFIG_WORD, HV(shared_fs), .text = "virtio-9p", .words = shared_fs },
	{ "block_slots", CONFIG_U32, HV(block_slots), .number = 8, .min = 1,
	  .max = QEMU_BLOCK_SLOTS_MAX },
	{ "msize_9p", CONFIG_U32, HV(msize_9p), .number = 512000, .min = MSIZE_MIN,
	  .max = MSIZE_MAX },
	{ "enable_debug", CONFIG_BOOL, HV(enable_debug) },
	ANNOTATION_KEYS,
};

static const char *const acrn_profiles[] = {
	"auto", "1.x", "2.0", "2.x", "2.6", "2.7", "3.x", NULL
};

static const struct config_key acrn_keys[] = {
	{ "path", CONFIG_PATH, HV(path), .text = "/usr/bin/acrn-dm" },
	{ "ctlpath", CONFIG_PATH, HV(control_path) },
	{ "kernel", CONFIG_ASSET, HV(kernel), .text = ACRUN_REL_DATADIR "/bzImage" },
	{ "initrd", CONFIG_ASSET, HV(initrd) },
	{ "image", CONFIG_ASSET, HV(image) },
	{ "kernel_params", CONFIG_STR, HV(kernel_params) },
	{ "acrn_profile", CONFIG_WORD, HV(profile), .text = "auto", .words = acrn_profiles },
	{ "device", CONFIG_PATH, HV(device) },
	{ "cpu_affinity", CONFIG_STR, HV(cpu_affinity) },
	{ "vm_uuids", CONFIG_STR, HV(vm_uuids), .text = "a7ada506-1ab0-4b6b-a0da-e513ca9b8c2f" },
	{ "max_vms", CONFIG_U32, HV(max_vms), .max = ACRN_VMS_MAX },
	{ "spare_nics", CONFIG_U32, HV(spare_nics), .number = 2, .max = VM_NICS_MAX },
	{ "block_slots", CONFIG_U32, HV(block_slots), .number = 8, .max = ACRN_BLOCK_SLOTS_MAX },
	{ "default_maxvcpus", CONFIG_U32, HV(default_maxvcpus), .number = 1, .max = VCPUS_MAX },
	{ "default_memory", CONFIG_U32, HV(default_memory_mib), .number = 512, .min = 1,
	  .max = MEMORY_MAX_MIB, .zero = "VM memory cannot be zero" },
	{ "enable_debug", CONFIG_BOOL, HV(enable_debug) },
	ANNOTATION_KEYS,
};

#define PROGRAM(member) .offset = offsetof(struct config_program, member)

static const struct config_key proxy_keys[] = {
	{ "path", CONFIG_ASSET, PROGRAM(path), .text = ACRUN_REL_LIBEXECDIR "/acrun-proxy" },
	{ "enable_debug", CONFIG_BOOL, PROGRAM(enable_debug) },
	{ "acknowledged_link", CONFIG_BOOL, PROGRAM(acknowledged_link) },
};

static const struct config_key shim_keys[] = {
	{ "path", CONFIG_ASSET, PROGRAM(path), .text = ACRUN_REL_LIBEXECDIR "/acrun-shim" },
	{ "enable_debug", CONFIG_BOOL, PROGRAM(enable_debug) },
};

#define RUNTIME(member) .offset = offsetof(struct config_runtime, member)

static const struct config_key runtime_keys[] = {
	{ "hypervisor", CONFIG_WORD, RUNTIME(hypervisor), .text = "auto", .words = hypervisors },
	{ "internetworking_model", CONFIG_WORD, RUNTIME(internetworking_model), .text = "tcfilter",
	  .words = net_models },
	{ "enable_debug", CONFIG_BOOL, RUNTIME(enable_debug) },
	{ "strict", CONFIG_BOOL, RUNTIME(strict) },
	{ "create_container_timeout", CONFIG_U32, RUNTIME(create_container_timeout_s), .number = 60,
	  .min = 1, .max = TIMEOUT_MAX_S },
};

#define FACTORY(member) .offset = offsetof(struct config_factory, member)

static const struct config_key factory_keys[] = {
	{ "enable_template", CONFIG_SWITCH, FACTORY(enable_template), .text = "auto",
	  .words = switches },
	{ "template_path", CONFIG_PATH, FACTORY(template_path), .text = "/dev/shm/acrun" },
	{ "vm_cache_number", CONFIG_U32, FACTORY(vm_cache_number), .max = VM_CACHE_MAX },
	{ "vm_cache_endpoint", CONFIG_PATH, FACTORY(vm_cache_endpoint),
	  .text = "/run/acrun-host/cache.sock" },
};

#define STORAGE(member) .offset = offsetof(struct config_storage, member)

static const struct config_key storage_keys[] = {
	{ "image_cache", CONFIG_PATH, STORAGE(image_cache), .text = "/var/cache/acrun/images" },
	{ "image_cache_size", CONFIG_U32, STORAGE(image_cache_mib), .number = 8192,
	  .max = IMAGE_CACHE_MAX_MIB },
	{ "image_format", CONFIG_WORD, STORAGE(image_format), .text = "auto",
	  .words = image_formats },
	{ "copy_root", CONFIG_BOOL, STORAGE(copy_root), .number = true },
	{ "copy_max", CONFIG_U32, STORAGE(copy_max_mib), .number = 64, .max = COPY_MAX_MIB },
};

#define TABLE(table_name, member, table_keys)                                                \
	{                                                                                    \
		.name = (table_name), .offset = offsetof(struct config, member),             \
		.keys = (table_keys), .n_keys = sizeof(table_keys) / sizeof((table_keys)[0]) \
	}

static const struct config_table tables[] = {
	TABLE("hypervisor.qemu", qemu, qemu_keys),
	TABLE("hypervisor.acrn", acrn, acrn_keys),
	TABLE("proxy.cc", proxy, proxy_keys),
	TABLE("shim.cc", shim, shim_keys),
	TABLE("factory", factory, factory_keys),
	TABLE("storage", storage, storage_keys),
	TABLE("runtime", runtime, runtime_keys),
	{ .name = "agent.hyperstart" }, /* only selects the protocol */
	{ .name = NULL },
};

const struct config_table *config_tables(void)
{
	return tables;
}

size_t config_key_count(void)
{
	size_t n = 0;

	for (const struct config_table *t = tables; t->name; t++)
		n += t->n_keys;
	return n;
}

size_t config_key_index(const struct config_table *table, size_t i)
{
	for (const struct config_table *t = tables; t != table; t++)
		i += t->n_keys;
	return i;
}

enum toml_kind config_toml_kind(enum config_kind kind)
{
	static const enum toml_kind kinds[] = {
		[CONFIG_STR] = TOML_STR,  [CONFIG_PATH] = TOML_STR,   [CONFIG_ASSET] = TOML_STR,
		[CONFIG_WORD] = TOML_STR, [CONFIG_SWITCH] = TOML_STR, [CONFIG_BOOL] = TOML_BOOL,
		[CONFIG_U32] = TOML_INT,  [CONFIG_VCPUS] = TOML_INT,  [CONFIG_STRS] = TOML_STRS,
	};

	return kinds[kind];
}

void *config_member(const struct config *cfg, const struct config_table *table,
		    const struct config_key *key)
{
	return (char *)cfg + table->offset + key->offset;
}
