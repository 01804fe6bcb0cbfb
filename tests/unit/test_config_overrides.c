/* What a container's annotations and its "vm" object change of the configuration. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "oci/spec.h"
#include "runtime/config/keys.h"

#define HV "io.katacontainers.config.hypervisor."

struct fixture {
	struct arena arena;
	struct config cfg;
	struct strvec ignored;
	struct error err;
};

static int set_up(void **state)
{
	static const char toml[] =
		"[hypervisor.qemu]\n"
		"kernel_params = \"quiet\"\n"
		"enable_annotations = [\"default_.*\", \"kernel(_params)?\", \"path\", "
		"\"image\", \"initrd\", \"kernel_hash\", \"enable_annotations\", "
		"\"pcie_root_port\"]\n"
		"valid_hypervisor_paths = [\"/opt/qemu-*/bin/qemu\"]\n";
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->cfg.prefix = "/usr";
	assert_int_equal(config_fill_defaults(&f->arena, &f->cfg, &f->err), 0);
	assert_int_equal(config_apply("f.toml", toml, strlen(toml), &f->arena, &f->cfg, &f->err),
			 0);
	assert_int_equal(config_finish(&f->arena, &f->cfg, &f->err), 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	strvec_done(&f->ignored);
	arena_done(&f->arena);
	free(f);
	return 0;
}

static int annotate(struct fixture *f, const char *key, const char *value)
{
	struct json_pair pair = { key, value };
	const struct json_map map = { &pair, 1 };

	err_clear(&f->err);
	return config_apply_annotations(&f->cfg, "qemu", &map, &f->arena, &f->ignored, &f->err);
}

static void test_annotations_change_keys(void **state)
{
	struct fixture *f = *state;
	struct config_value value;

	assert_int_equal(annotate(f, HV "default_memory", "777"), 0);
	assert_int_equal(f->cfg.qemu.default_memory_mib, 777);
	assert_int_equal(annotate(f, HV "default_max_vcpus", "3"), 0);
	assert_int_equal(f->cfg.qemu.default_maxvcpus, 3);
	assert_int_equal(annotate(f, HV "kernel_params", "debug a=b"), 0);
	assert_string_equal(f->cfg.qemu.kernel_params, "quiet debug a=b");
	assert_int_equal(annotate(f, HV "kernel", "/k"), 0);
	assert_string_equal(f->cfg.qemu.kernel, "/k");
	assert_int_equal(annotate(f, HV "path", "/opt/qemu-9/bin/qemu"), 0);
	assert_string_equal(f->cfg.qemu.path, "/opt/qemu-9/bin/qemu");
	assert_int_equal(
		annotate(f, "io.katacontainers.config.runtime.create_container_timeout", "7"), 0);
	assert_int_equal(f->cfg.runtime.create_container_timeout_s, 7);
	assert_int_equal(f->ignored.len, 0);
	assert_int_equal(config_value_at(&f->cfg, 0, &f->arena, &value), 0);
	assert_string_equal(value.file, "annotation " HV "path");
}

static void test_an_image_replaces_the_initrd(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(annotate(f, HV "image", "/i"), 0);
	assert_null(f->cfg.qemu.initrd);
	assert_int_equal(annotate(f, HV "initrd", "/r"), 0);
	assert_string_equal(f->cfg.qemu.initrd, "/r");
	assert_string_equal(f->cfg.qemu.image, "");
}

static void refuses(struct fixture *f, const char *key, const char *value, int code,
		    const char *text)
{
	assert_int_equal(annotate(f, key, value), code);
	assert_string_equal(f->err.text, text);
}

static void test_the_gate(void **state)
{
	struct fixture *f = *state;

	refuses(f, HV "machine_type", "pc", -EPERM,
		"annotation " HV "machine_type is not enabled (add \"machine_type\" to "
		"enable_annotations in [hypervisor.qemu])");
	/* A pattern must match the whole name. */
	refuses(f, HV "ctlpath", "/x", -EPERM,
		"annotation " HV "ctlpath is not enabled (add \"ctlpath\" to enable_annotations in "
		"[hypervisor.qemu])");
	refuses(f, HV "path", "/opt/qemu-9/../../bin/sh", -EPERM,
		"annotation " HV
		"path: '/opt/qemu-9/../../bin/sh' is not among the allowed programs "
		"(add it to valid_hypervisor_paths in [hypervisor.qemu])");
	assert_string_equal(f->cfg.qemu.machine_type, "q35");
	assert_string_equal(f->cfg.qemu.path, "/usr/bin/qemu-system-x86_64");
}

static void test_wrong_values(void **state)
{
	struct fixture *f = *state;

	refuses(f, HV "default_memory", "much", -EINVAL,
		"annotation " HV "default_memory: 'much' is not an integer");
	refuses(f, HV "default_memory", "0", -EINVAL,
		"annotation " HV "default_memory: VM memory cannot be zero");
	refuses(f, HV "kernel", "relative", -EINVAL,
		"annotation " HV "kernel: 'relative' is not an absolute path");
	refuses(f, HV "kernel_hash", "00", -EOPNOTSUPP,
		"annotation " HV
		"kernel_hash: hashes are not verified here: do it where the file is "
		"installed");
	assert_int_equal(f->cfg.qemu.default_memory_mib, 512);
}

static void test_what_has_no_key_is_told(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(annotate(f, HV "pcie_root_port", "2"), 0);
	assert_int_equal(annotate(f, HV "enable_annotations", "x"), 0);
	assert_int_equal(annotate(f, "io.katacontainers.config.agent.trace_mode", "x"), 0);
	assert_int_equal(annotate(f, "io.katacontainers.config.runtime.enable_debug", "true"), 0);
	assert_int_equal(annotate(f, "io.kubernetes.cri.container-type", "sandbox"), 0);
	assert_int_equal(annotate(f, "io.katacontainers.config_path", "/x.toml"), 0);
	assert_int_equal(annotate(f, "io.katacontainers.container.resource.swappiness", "1"), 0);
	assert_int_equal(annotate(f, "io.katacontainers.pkg.oci.bundle_path", "/x"), 0);
	assert_int_equal(f->ignored.len, 6);
	assert_string_equal(f->ignored.items[0], "annotations[\"" HV "pcie_root_port\"] is not "
						 "applied: acrun has no such setting");
	assert_false(f->cfg.runtime.enable_debug);
}

static const struct oci_vm *vm_of(struct fixture *f, const char *json)
{
	struct oci_vm *vm = arena_alloc(&f->arena, sizeof(*vm));

	assert_non_null(vm);
	assert_int_equal(
		json_decode(&oci_vm_type, json, strlen(json), NULL, &f->arena, vm, &f->err), 0);
	return vm;
}

static int apply(struct fixture *f, const char *json)
{
	err_clear(&f->err);
	return config_apply_vm(&f->cfg, "qemu", vm_of(f, json), &f->arena, &f->ignored, &f->err);
}

static void test_vm_object(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(
		apply(f,
		      "{\"hypervisor\":{\"path\":\"/q\",\"parameters\":[\"-name\",\"x y\"]},"
		      "\"kernel\":{\"path\":\"/k\",\"parameters\":[\"a\",\"b=c\"],\"initrd\":\"/i\"},"
		      "\"hwConfig\":{\"vcpus\":3,\"memory\":268435457,\"irqs\":[1],\"deviceTree\":\"/d\"}}"),
		0);
	assert_string_equal(f->cfg.qemu.path, "/q");
	assert_string_equal(f->cfg.qemu.extra_args[1], "x y");
	assert_null(f->cfg.qemu.extra_args[2]);
	assert_string_equal(f->cfg.qemu.kernel, "/k");
	assert_string_equal(f->cfg.qemu.initrd, "/i");
	assert_string_equal(f->cfg.qemu.kernel_params, "quiet a b=c");
	assert_int_equal(f->cfg.qemu.default_vcpus, 3);
	assert_int_equal(f->cfg.qemu.default_memory_mib, 257);
	assert_int_equal(f->ignored.len, 2);
	assert_string_equal(f->ignored.items[1],
			    "vm.hwConfig.irqs is not applied: the devices of the "
			    "virtual machine are acrun's");
}

static void test_vm_image(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(
		apply(f,
		      "{\"kernel\":{\"path\":\"/k\"},\"image\":{\"path\":\"/i\",\"format\":\"vhd\"}}"),
		0);
	assert_string_equal(f->cfg.qemu.image, "/i");
	assert_string_equal(f->cfg.qemu.image_format, "vpc");
	assert_null(f->cfg.qemu.initrd);
}

static void test_vm_wrong(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(apply(f, "{\"kernel\":{\"path\":\"k\"}}"), -EINVAL);
	assert_string_equal(f->err.text,
			    "vm.kernel.path of config.json: 'k' is not an absolute path");
	assert_int_equal(apply(f, "{\"image\":{\"path\":\"/i\",\"format\":\"iso\"}}"), -EINVAL);
	assert_string_equal(f->err.text,
			    "vm.image.format of config.json: 'iso' is not known (raw, qcow2, "
			    "vdi, vmdk, vhd)");
	assert_int_equal(apply(f, "{\"kernel\":{\"path\":\"/k\",\"initrd\":\"/r\"},"
				  "\"image\":{\"path\":\"/i\",\"format\":\"raw\"}}"),
			 -EINVAL);
	assert_int_equal(apply(f, "{\"hwConfig\":{\"vcpus\":0}}"), -EINVAL);
	assert_int_equal(apply(f, "{\"hwConfig\":{\"memory\":1000}}"), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_annotations_change_keys, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_an_image_replaces_the_initrd, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_the_gate, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_wrong_values, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_has_no_key_is_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_vm_object, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_vm_image, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_vm_wrong, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
