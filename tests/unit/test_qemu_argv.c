/* QEMU's command lines against tests/golden/qemu (one argument a line; UPDATE_GOLDEN=1 rewrites),
 * and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/fs.h"
#include "base/strbuf.h"
#include "base/strvec.h"
#include "hypervisor/hypervisor.h"

#include <errno.h>
#include <fcntl.h>

static struct hypervisor_config default_config(void)
{
	return (struct hypervisor_config){
		.path = "/usr/bin/qemu-system-x86_64",
		.kernel = "/usr/share/acrun/vmlinux",
		.initrd = "/usr/share/acrun/initrd.cpio",
		.kernel_params = "",
		.machine_type = "q35",
		.machine_accelerators = "",
		.cpu_features = "",
		.accelerator = "auto",
		.entropy_source = "/dev/urandom",
	};
}

static struct vm_spec default_spec(void)
{
	return (struct vm_spec){
		.name = "sandbox-abc",
		.uuid = "7f49d00d-1995-4156-8c79-5f5ab24ce138",
		.dir = "/run/acrun/abc",
		.vcpus = 1,
		.memory_mib = 256,
		.channels = { { .name = "sh.hyper.channel.0", .listen_fd = 5 },
			      { .name = "sh.hyper.channel.1", .listen_fd = 6 } },
		.n_channels = 2,
		.console_listen_fd = 7,
		.control_listen_fd = 20,
		.share_dir = "/run/acrun/abc/shared",
		.share_tag = "hyperShared",
		.log_fd = 21,
		.tsc_khz = 2445424,
	};
}

static int build(const struct hypervisor_config *cfg, const struct vm_spec *spec,
		 const char *accelerator, struct strbuf *text, struct error *err)
{
	auto_strvec struct strvec argv = { 0 };
	int ret = hypervisor_find("qemu")->argv(cfg, spec, accelerator, &argv, err);

	for (size_t i = 0; ret == 0 && i < argv.len; i++)
		assert_int_equal(strbuf_addf(text, "%s\n", argv.items[i]), 0);
	return ret;
}

static void golden(const char *name, const struct hypervisor_config *cfg,
		   const struct vm_spec *spec, const char *accelerator)
{
	auto_strbuf struct strbuf got = { 0 };
	auto_strbuf struct strbuf want = { 0 };
	char path[512];
	struct error err;

	assert_int_equal(build(cfg, spec, accelerator, &got, &err), 0);
	(void)snprintf(path, sizeof(path), "%s/tests/golden/qemu/%s.args", TEST_SOURCE_DIR, name);
	if (getenv("UPDATE_GOLDEN"))
		assert_int_equal(fs_replace_at(AT_FDCWD, path, got.data, got.len, 0644, false), 0);
	assert_int_equal(fs_read_file_at(AT_FDCWD, path, &want, 1 << 20), 0);
	assert_string_equal(strbuf_str(&got), strbuf_str(&want));
}

static void test_machines(void **state)
{
	static const char *const machines[] = { "q35", "pc", "microvm" };
	static const char *const accelerators[] = { "tcg", "kvm" };
	struct hypervisor_config cfg = default_config();
	struct vm_spec spec = default_spec();
	char name[64];

	(void)state;
	for (size_t m = 0; m < 3; m++) {
		for (size_t a = 0; a < 2; a++) {
			for (uint32_t cpus = 1; cpus <= 2; cpus++) {
				cfg.machine_type = machines[m];
				spec.vcpus = cpus;
				(void)snprintf(name, sizeof(name), "%s-%s-%ucpu", machines[m],
					       accelerators[a], cpus);
				golden(name, &cfg, &spec, accelerators[a]);
			}
		}
	}
}

static void test_bare(void **state)
{
	struct hypervisor_config cfg = default_config();
	struct vm_spec spec = default_spec();

	(void)state;
	cfg.entropy_source = "";
	spec.share_dir = NULL;
	spec.share_tag = NULL;
	spec.uuid = NULL;
	spec.n_channels = 0;
	spec.console_listen_fd = -1;
	spec.control_listen_fd = -1;
	spec.tsc_khz = 0;
	golden("bare", &cfg, &spec, "tcg");
}

/* Commas are doubled in option lists and left alone elsewhere; blanks need no care at all. */
static void test_odd_characters(void **state)
{
	struct hypervisor_config cfg = default_config();
	struct vm_spec spec = default_spec();

	(void)state;
	cfg.kernel = "/opt/my kernel,1/vmlinux";
	cfg.initrd = "/opt/my kernel,1/initrd";
	cfg.entropy_source = "/dev/odd,rng";
	spec.name = "sandbox-a,debug-threads=on";
	spec.share_dir = "/run/with space,readonly=on/shared";
	spec.share_tag = "tag,x";
	spec.channels[0].name = "port,chardev=charch1";
	golden("odd-characters", &cfg, &spec, "tcg");
}

static void test_user_options(void **state)
{
	struct hypervisor_config cfg = default_config();
	struct vm_spec spec = default_spec();

	(void)state;
	cfg.machine_accelerators = "hpet=off,mem-merge=off";
	cfg.cpu_features = ",pmu=off";
	cfg.kernel_params = "quiet=not panic=7";
	cfg.enable_debug = true;
	spec.extra_kernel_params = "agent.x=1";
	golden("user-options", &cfg, &spec, "kvm");
}

static void test_image(void **state)
{
	struct hypervisor_config cfg = default_config();
	struct vm_spec spec = default_spec();

	(void)state;
	cfg.initrd = "";
	cfg.image = "/usr/share/acrun/guest,1.img";
	golden("image", &cfg, &spec, "tcg");
}

/* A clone's machine is its template's: what differs is how its memory is mapped, and that nothing
 * is booted. */
static void test_template_and_clone(void **state)
{
	struct hypervisor_config cfg = default_config();
	struct vm_spec spec = default_spec();
	struct vm_spec clone;

	(void)state;
	spec.memory_file = "/run/acrun/template,1/memory";
	spec.memory_shared = true;
	golden("template", &cfg, &spec, "tcg");
	clone = spec;
	clone.memory_shared = false;
	clone.incoming = true;
	clone.tsc_khz = 0;
	golden("clone", &cfg, &clone, "tcg");
	/* Not even needed where it is for a boot. */
	cfg.machine_type = "microvm";
	golden("clone-microvm", &cfg, &clone, "tcg");
}

static void test_growing(void **state)
{
	struct hypervisor_config cfg = default_config();
	struct vm_spec spec = default_spec();

	(void)state;
	spec.max_vcpus = 4;
	spec.max_memory_mib = 2048;
	spec.memory_slots = 8;
	golden("growing", &cfg, &spec, "tcg");
	/* No more than it has is no room to grow. */
	spec.max_vcpus = 1;
	spec.max_memory_mib = 256;
	golden("q35-tcg-1cpu", &cfg, &spec, "tcg");
}

static void refused(const struct hypervisor_config *cfg, const struct vm_spec *spec,
		    const char *accelerator, const char *text)
{
	auto_strbuf struct strbuf got = { 0 };
	struct error err;

	assert_true(build(cfg, spec, accelerator, &got, &err) < 0);
	assert_string_equal(err.text, text);
}

static void test_nics(void **state)
{
	struct hypervisor_config cfg = default_config();
	struct vm_spec spec = default_spec();

	(void)state;
	spec.nics[0] = (struct vm_nic){ .id = "net3", .mac = "02:42:ac:11:00:02", .fd = 30 };
	spec.nics[1] = (struct vm_nic){ .id = "net5", .mac = "02:42:ac:11:00:03", .fd = 31 };
	spec.n_nics = 2;
	cfg.machine_type = "microvm";
	golden("nics", &cfg, &spec, "tcg");
	cfg.machine_type = "q35";
	spec.n_nics = 0;
	spec.nic_slots = hypervisor_find("qemu")->nic_slots(&cfg);
	golden("nic-slots", &cfg, &spec, "tcg");
	spec.share_dir = NULL;
	spec.disk_slots = 2;
	golden("disk-slots", &cfg, &spec, "tcg");
	spec.share_dir = default_spec().share_dir;
	spec.disk_slots = 0;
	/* Its root bus takes them without ports. */
	cfg.machine_type = "pc";
	spec.nic_slots = hypervisor_find("qemu")->nic_slots(&cfg);
	golden("pc-tcg-1cpu", &cfg, &spec, "tcg");
	assert_true(spec.nic_slots > 0);
	cfg.machine_type = "microvm";
	assert_int_equal(hypervisor_find("qemu")->nic_slots(&cfg), 0);
}

static void test_refused(void **state)
{
	struct hypervisor_config cfg = default_config();
	struct vm_spec spec = default_spec();

	(void)state;
	cfg.machine_type = "isapc";
	refused(&cfg, &spec, "tcg",
		"unknown machine_type 'isapc' in [hypervisor.qemu] (known: q35, pc, microvm)");
	cfg.machine_type = "microvm";
	spec.tsc_khz = 0;
	refused(&cfg, &spec, "tcg",
		"machine_type 'microvm' needs a steady time stamp counter "
		"(set machine_type = \"q35\" in [hypervisor.qemu])");
	cfg = default_config();
	spec = default_spec();
	spec.vcpus = 0;
	refused(&cfg, &spec, "tcg", "0 vCPUs: machine_type 'q35' takes 1 to 255");
	spec.vcpus = 256;
	refused(&cfg, &spec, "kvm", "256 vCPUs: machine_type 'q35' takes 1 to 255");
	spec = default_spec();
	spec.memory_mib = 0;
	refused(&cfg, &spec, "tcg", "VM memory cannot be zero");
	spec = default_spec();
	spec.n_channels = VM_CHANNELS_MAX + 1;
	refused(&cfg, &spec, "tcg", "5 channels, the limit is 4");
	spec = default_spec();
	spec.share_tag = NULL;
	refused(&cfg, &spec, "tcg", "shared directory '/run/acrun/abc/shared' has no tag");
}

static void test_growing_refused(void **state)
{
	struct hypervisor_config cfg = default_config();
	struct vm_spec spec = default_spec();

	(void)state;
	spec.vcpus = 4;
	spec.max_vcpus = 2;
	refused(&cfg, &spec, "tcg", "MaxCPUs 2 must be equal to or greater than CPUs 4");
	spec.max_vcpus = 256;
	refused(&cfg, &spec, "tcg", "256 vCPUs: machine_type 'q35' takes 1 to 255");
	spec = default_spec();
	spec.max_memory_mib = 128;
	refused(&cfg, &spec, "tcg", "256 MiB of memory are more than the maximum of 128 MiB");
	spec.max_memory_mib = 512;
	refused(&cfg, &spec, "tcg", "0 memory slots, it must be 1 to 256");
	spec.memory_slots = 257;
	refused(&cfg, &spec, "tcg", "257 memory slots, it must be 1 to 256");
	spec.memory_slots = 1;
	cfg.machine_type = "microvm";
	refused(&cfg, &spec, "tcg",
		"machine_type 'microvm' cannot grow while it runs "
		"(set machine_type = \"q35\" in [hypervisor.qemu])");
}

static void test_nics_refused(void **state)
{
	struct hypervisor_config cfg = default_config();
	struct vm_spec spec = default_spec();

	(void)state;
	spec.nics[0] = (struct vm_nic){ .id = "net3", .mac = "02:42:ac:11:00:02", .fd = -1 };
	spec.n_nics = 1;
	refused(&cfg, &spec, "tcg", "interface 0 has no descriptor");
	spec.nics[0].fd = 30;
	spec.nics[0].mac = NULL;
	refused(&cfg, &spec, "tcg", "interface 0 has no MAC address");
	spec.nics[0].id = "";
	refused(&cfg, &spec, "tcg", "interface 0 has no id");
	spec.n_nics = VM_NICS_MAX + 1;
	refused(&cfg, &spec, "tcg", "9 interfaces, the limit is 8");
	spec.n_nics = 1;
	spec.nics[0] = (struct vm_nic){ .id = "net3", .mac = "02:42:ac:11:00:02", .fd = 30 };
	spec.incoming = true;
	spec.memory_file = "/memory";
	refused(&cfg, &spec, "tcg", "a machine to be restored gets its interfaces while it runs");
	spec.nic_slots = 5;
	refused(&cfg, &spec, "tcg",
		"room for 5 more interfaces: machine_type 'q35' has room for 4");
	spec.nic_slots = 0;
	spec.disk_slots = 17;
	refused(&cfg, &spec, "tcg", "room for 17 disks: machine_type 'q35' has room for 16");
}

static void test_clone_refused(void **state)
{
	struct hypervisor_config cfg = default_config();
	struct vm_spec spec = default_spec();

	(void)state;
	spec.incoming = true;
	refused(&cfg, &spec, "tcg", "a machine to be restored needs its memory in a file");
	spec.memory_file = "memory";
	refused(&cfg, &spec, "tcg", "memory file 'memory' is not an absolute path");
	spec.memory_file = "/memory";
	spec.memory_shared = true;
	refused(&cfg, &spec, "tcg",
		"a machine to be restored must not write to memory file '/memory'");
	spec.memory_shared = false;
	spec.control_listen_fd = -1;
	refused(&cfg, &spec, "tcg", "a machine to be restored needs a control socket");
}

static void test_long_command_line(void **state)
{
	struct hypervisor_config cfg = default_config();
	struct vm_spec spec = default_spec();
	auto_strbuf struct strbuf got = { 0 };
	char params[2048];
	struct error err;

	(void)state;
	memset(params, 'x', sizeof(params) - 1);
	params[sizeof(params) - 1] = '\0';
	cfg.kernel_params = params;
	assert_int_equal(build(&cfg, &spec, "tcg", &got, &err), -E2BIG);
}

static void test_registry(void **state)
{
	(void)state;
	/* The one that is fit for any host is the last resort; there is one. */
	assert_non_null(hypervisor_find("qemu"));
	assert_null(hypervisor_find("qemu")->fits_host);
	for (unsigned i = 0; hypervisor_at(i); i++)
		assert_true((hypervisor_at(i + 1) == NULL) == !hypervisor_at(i)->fits_host);
	assert_true(!hypervisor_default()->fits_host || hypervisor_default()->fits_host(NULL));
	assert_null(hypervisor_find("Qemu"));
	assert_null(hypervisor_at(1000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_machines),
		cmocka_unit_test(test_bare),
		cmocka_unit_test(test_odd_characters),
		cmocka_unit_test(test_user_options),
		cmocka_unit_test(test_image),
		cmocka_unit_test(test_template_and_clone),
		cmocka_unit_test(test_growing),
		cmocka_unit_test(test_nics),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_nics_refused),
		cmocka_unit_test(test_growing_refused),
		cmocka_unit_test(test_clone_refused),
		cmocka_unit_test(test_long_command_line),
		cmocka_unit_test(test_registry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
