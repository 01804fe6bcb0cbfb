/* The "vm" object of config.json over the configuration. */
#include <errno.h>
#include <string.h>
#include "runtime/config/config.h"
#include "runtime/config/keys.h"

enum { MIB = 1 << 20 };

/* The struct of the hypervisor called name, to be written to. */
static struct hypervisor_config *find(struct config *cfg, const char *name)
{
	static const char family[] = "hypervisor.";

	for (const struct config_table *t = config_tables(); t->name; t++)
		if (!strncmp(t->name, family, sizeof(family) - 1) &&
		    !strcmp(t->name + sizeof(family) - 1, name))
			return (void *)((char *)cfg + t->offset);
	return NULL;
}

static bool is_set(const char *text)
{
	return text && *text;
}

static int check_absolute(const char *member, const char *path, struct error *err)
{
	if (path[0] == '/')
		return 0;
	return err_msg(err, -EINVAL, "%s of config.json: '%s' is not an absolute path", member,
		       path);
}

static int set_path(const char **to, const char *member, const char *path, struct error *err)
{
	int ret;

	if (!is_set(path))
		return 0;
	ret = check_absolute(member, path, err);
	if (ret == 0)
		*to = path;
	return ret;
}

/* A NULL-terminated copy of the list; NULL when out of memory. */
static const char *const *copy_list(struct arena *arena, const struct json_strs *list)
{
	const char **copy = arena_calloc(arena, list->len + 1, sizeof(*copy));

	for (size_t i = 0; copy && i < list->len; i++)
		copy[i] = list->items[i];
	return copy;
}

static int apply_hypervisor(struct hypervisor_config *hv, const struct oci_vm_hypervisor *from,
			    struct arena *arena, struct error *err)
{
	if (!from)
		return 0;
	if (from->parameters.len > 0) {
		hv->extra_args = copy_list(arena, &from->parameters);
		if (!hv->extra_args)
			return err_set(err, -ENOMEM, "read vm.hypervisor");
	}
	return set_path(&hv->path, "vm.hypervisor.path", from->path, err);
}

static int apply_kernel(struct hypervisor_config *hv, const struct oci_vm_kernel *from,
			struct arena *arena, struct error *err)
{
	int ret;

	if (!from)
		return 0;
	ret = set_path(&hv->kernel, "vm.kernel.path", from->path, err);
	if (ret == 0)
		ret = set_path(&hv->initrd, "vm.kernel.initrd", from->initrd, err);
	if (ret == 0 && is_set(from->initrd))
		hv->image = NULL;
	for (size_t i = 0; ret == 0 && i < from->parameters.len; i++) {
		hv->kernel_params = arena_printf(arena, "%s%s%s", hv->kernel_params,
						 *hv->kernel_params ? " " : "",
						 from->parameters.items[i]);
		if (!hv->kernel_params)
			ret = err_set(err, -ENOMEM, "read vm.kernel.parameters");
	}
	return ret;
}

static int apply_image(struct hypervisor_config *hv, const struct oci_vm *vm, struct error *err)
{
	static const char *const formats[] = { "raw", "qcow2", "vdi", "vmdk", "vhd" };
	/* What QEMU calls them. */
	static const char *const drivers[] = { "raw", "qcow2", "vdi", "vmdk", "vpc" };
	int ret;

	if (!vm->image)
		return 0;
	if (vm->kernel && is_set(vm->kernel->initrd))
		return err_msg(err, -EINVAL,
			       "vm.image and vm.kernel.initrd of config.json exclude "
			       "each other");
	ret = set_path(&hv->image, "vm.image.path", vm->image->path, err);
	hv->initrd = NULL;
	for (size_t i = 0; ret == 0 && i < sizeof(formats) / sizeof(formats[0]); i++) {
		if (!strcmp(formats[i], is_set(vm->image->format) ? vm->image->format : "raw")) {
			hv->image_format = drivers[i];
			return 0;
		}
	}
	return ret < 0 ? ret
		       : err_msg(err, -EINVAL,
				 "vm.image.format of config.json: '%s' is not known "
				 "(raw, qcow2, vdi, vmdk, vhd)",
				 vm->image->format);
}

static int apply_hw(struct hypervisor_config *hv, const struct oci_vm_hw *hw,
		    struct strvec *ignored, struct error *err)
{
	static const char why[] = "is not applied: the devices of the virtual machine are acrun's";

	if (!hw)
		return 0;
	if (hw->vcpus.set && hw->vcpus.value == 0)
		return err_msg(err, -EINVAL, "vm.hwConfig.vcpus of config.json must not be 0");
	if (hw->memory.set && (hw->memory.value < MIB || hw->memory.value / MIB > UINT32_MAX))
		return err_msg(err, -EINVAL,
			       "vm.hwConfig.memory of config.json: %llu bytes cannot "
			       "be",
			       (unsigned long long)hw->memory.value);
	if (hw->vcpus.set)
		hv->default_vcpus = hw->vcpus.value;
	if (hw->memory.set)
		hv->default_memory_mib = (uint32_t)((hw->memory.value + MIB - 1) / MIB);
	if (is_set(hw->device_tree))
		(void)strvec_addf(ignored, "vm.hwConfig.deviceTree %s", why);
	if (hw->dtdevs.len > 0)
		(void)strvec_addf(ignored, "vm.hwConfig.dtdevs %s", why);
	if (hw->iomems.len > 0)
		(void)strvec_addf(ignored, "vm.hwConfig.iomems %s", why);
	if (hw->irqs.len > 0)
		(void)strvec_addf(ignored, "vm.hwConfig.irqs %s", why);
	return 0;
}

int config_apply_vm(struct config *cfg, const char *name, const struct oci_vm *vm,
		    struct arena *arena, struct strvec *ignored, struct error *err)
{
	struct hypervisor_config *hv = find(cfg, name);
	int ret;

	if (!vm)
		return 0;
	ret = apply_hypervisor(hv, vm->hypervisor, arena, err);
	if (ret == 0)
		ret = apply_kernel(hv, vm->kernel, arena, err);
	if (ret == 0)
		ret = apply_image(hv, vm, err);
	return ret < 0 ? ret : apply_hw(hv, vm->hw, ignored, err);
}
