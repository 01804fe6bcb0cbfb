/* The device model's command lines against tests/golden/acrn (one argument a line; UPDATE_GOLDEN=1
 * rewrites), and what is refused because it could not be said, or would be misread in silence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>

#include "base/fs.h"
#include "base/strbuf.h"
#include "base/strvec.h"
#include "hypervisor/acrn/argv.h"
#include "hypervisor/acrn/name.h"

#define RUN "/run/acrun/abc"

static struct hypervisor_config default_config(void)
{
	return (struct hypervisor_config){
		.path = "/usr/bin/acrn-dm",
		.kernel = "/usr/share/acrun/bzImage",
		.initrd = "",
		.image = "/usr/share/acrun/guest.img",
		.kernel_params = "",
		.cpu_affinity = "1,3",
		.default_maxvcpus = 1,
		.block_slots = 8,
	};
}

static struct vm_spec default_spec(void)
{
	return (struct vm_spec){
		.name = "sandbox-abc",
		.uuid = "a7ada506-1ab0-4b6b-a0da-e513ca9b8c2f",
		.dir = RUN,
		.vcpus = 1,
		.memory_mib = 512,
		.channels = { { .name = "sh.hyper.channel.0", .path = RUN "/hyper.sock" },
			      { .name = "sh.hyper.channel.1", .path = RUN "/tty.sock" } },
		.n_channels = 2,
		.console_path = RUN "/console.sock",
		.control_path = RUN "/control.sock",
		.nics = { { .ifname = "tap0_kata", .mac = "02:42:ac:11:00:02", .fd = -1 } },
		.n_nics = 1,
		.log_fd = -1,
	};
}

static void compare(const char *name, const struct strvec *argv)
{
	auto_strbuf struct strbuf got = { 0 };
	auto_strbuf struct strbuf want = { 0 };
	char path[512];

	for (size_t i = 0; i < argv->len; i++)
		assert_int_equal(strbuf_addf(&got, "%s\n", argv->items[i]), 0);
	(void)snprintf(path, sizeof(path), "%s/tests/golden/acrn/%s.args", TEST_SOURCE_DIR, name);
	if (getenv("UPDATE_GOLDEN"))
		assert_int_equal(fs_replace_at(AT_FDCWD, path, got.data, got.len, 0644, false), 0);
	assert_int_equal(fs_read_file_at(AT_FDCWD, path, &want, 1 << 20), 0);
	assert_string_equal(strbuf_str(&got), strbuf_str(&want));
}

static void golden(const char *name, const char *profile, const struct hypervisor_config *cfg,
		   const struct vm_spec *spec)
{
	auto_strvec struct strvec argv = { 0 };
	struct error err = { 0 };

	assert_int_equal(hypervisor_find("acrn")->argv(cfg, spec, profile, &argv, &err), 0);
	compare(name, &argv);
}

static void test_profiles(void **state)
{
	struct hypervisor_config cfg = default_config();
	struct vm_spec spec = default_spec();
	const struct acrn_profile *profile;

	(void)state;
	for (size_t i = 0; (profile = profile_at(i)); i++)
		golden(profile->name, profile->name, &cfg, &spec);
}

static void test_variants(void **state)
{
	struct hypervisor_config cfg = default_config();
	struct vm_spec spec = default_spec();

	(void)state;
	cfg.enable_debug = true;
	cfg.kernel_params = "quiet=not panic=7";
	cfg.initrd = "/usr/share/acrun/initrd.cpio";
	spec.extra_kernel_params = "agent.x=1";
	spec.vcpus = 2;
	spec.vsock_cid = 3;
	golden("debug-initrd-vsock", "3.x", &cfg, &spec);
	cfg = default_config();
	spec = default_spec();
	cfg.image = NULL;
	cfg.initrd = "/usr/share/acrun/initrd.cpio";
	cfg.block_slots = 0;
	spec.console_path = NULL;
	spec.control_path = NULL;
	spec.n_channels = 0;
	spec.nics[0].macvtap = true;
	spec.nics[0].ifname = "macvtap7";
	golden("bare-macvtap", "3.x", &cfg, &spec);
	golden("bare-macvtap-2.7", "2.7", &cfg, &spec);
}

static const char seed_params[] =
	"tsc=reliable no_timer_check nohpet console=tty0 console=ttyS0 console=hvc0 "
	"log_buf_len=16M consoleblank=0 root=/dev/vda1 rw rootwait quiet "
	"systemd.show_status=false panic=1 maxcpus=1";

/* The sandbox of the first drivers for ACRN. They let all guests write to one image. */
static void seed_machine(struct acrn_machine *machine, const char *profile, const char *name)
{
	struct hypervisor_config cfg = default_config();
	struct vm_spec spec = default_spec();
	auto_strbuf struct strbuf params = { 0 };
	struct error err;

	spec.memory_mib = 2048;
	spec.control_path = NULL;
	assert_int_equal(
		machine_describe(machine, profile_find(profile), &cfg, &spec, &params, &err), 0);
	for (uint32_t i = 0; i < machine->n_devices; i++)
		if (machine->devices[i].kind == ACRN_DEVICE_BLOCK)
			machine->devices[i].block.readonly = false;
	machine->params = seed_params;
	machine->name = name;
}

#define ID64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* Written down by hand: argument by argument what the originals give. */
static void test_seeds(void **state)
{
	struct acrn_machine machine;
	auto_strvec struct strvec argv2020 = { 0 };
	auto_strvec struct strvec argv2023 = { 0 };
	struct error err;

	(void)state;
	seed_machine(&machine, "2.0", "sandbox-" ID64);
	machine.uuid = "a7ada506-1ab0-4b6b-a0da-e513ca9b8c2f";
	assert_int_equal(machine_argv(&machine, &argv2020, &err), 0);
	compare("seed-2020", &argv2020);
	seed_machine(&machine, "2.7", "sbx-0123456789a");
	machine.affinity = "0";
	assert_int_equal(machine_argv(&machine, &argv2023, &err), 0);
	compare("seed-2023", &argv2023);
}

static void test_slots(void **state)
{
	struct acrn_machine machine = { 0 };
	const struct acrn_device disk = { .kind = ACRN_DEVICE_BLOCK };
	struct error err;
	uint32_t n = 0;

	(void)state;
	assert_int_equal(machine_slot(0), 0);
	assert_int_equal(machine_slot(1), 1);
	assert_int_equal(machine_slot(2), 3);
	while (machine_add(&machine, &disk, &err) == 0)
		n++;
	assert_int_equal(n, 31);
	assert_int_equal(machine_slot(n - 1), 31);
	assert_string_equal(err.text, "no slot is left for a device: there are 31 "
				      "(lower block_slots in [hypervisor.acrn])");
}

static void test_names(void **state)
{
	char a[ACRN_NAME_LEN + 1], b[ACRN_NAME_LEN + 1];

	(void)state;
	name_of_vm("sandbox-1", "/run/acrun/1", a);
	name_of_vm("sandbox-1", "/run/acrun/1", b);
	assert_string_equal(a, b);
	for (int i = 0; i < 2000; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "sandbox-%d", i);
		name_of_vm(name, "/run/acrun", b);
		assert_int_equal(strlen(b), ACRN_NAME_LEN);
		assert_true(isalpha((unsigned char)b[0]));
		for (const char *c = b; *c; c++)
			assert_true(islower((unsigned char)*c) || isdigit((unsigned char)*c));
		assert_string_not_equal(a, b);
		memcpy(a, b, sizeof(a));
	}
	/* The same id below two roots is two VMs. */
	name_of_vm("sandbox-1", "/run/a", a);
	name_of_vm("sandbox-1", "/run/b", b);
	assert_string_not_equal(a, b);
	/* Where one text ends counts. */
	name_of_vm("ab", "c", a);
	name_of_vm("a", "bc", b);
	assert_string_not_equal(a, b);
}

static void refused(const char *profile, const struct hypervisor_config *cfg,
		    const struct vm_spec *spec, const char *text)
{
	auto_strvec struct strvec argv = { 0 };
	struct error err;

	assert_true(hypervisor_find("acrn")->argv(cfg, spec, profile, &argv, &err) < 0);
	assert_string_equal(err.text, text);
}

static void test_paths_refused(void **state)
{
	struct hypervisor_config cfg = default_config();
	struct vm_spec spec = default_spec();
	char path[200];

	(void)state;
	spec.channels[0].path = RUN "/a,b.sock";
	refused("3.x", &cfg, &spec,
		"socket '/run/acrun/abc/a,b.sock' has a ',' in it (the options of acrn-dm have no "
		"way to say that: use another name)");
	spec.channels[0].path = RUN "/a:b.sock";
	refused("2.0", &cfg, &spec,
		"socket '/run/acrun/abc/a:b.sock' has a ':' in it (the options of acrn-dm have no "
		"way to say that: use another name)");
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[107] = '\0';
	spec.channels[0].path = path;
	assert_int_equal(strlen(path), 107);
	golden("longest-socket", "3.x", &cfg, &spec);
	path[107] = 'x';
	path[108] = '\0';
	refused("3.x", &cfg, &spec,
		"socket '/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' has 108 bytes, the limit is 107");
	spec = default_spec();
	spec.channels[1].name = "a=b";
	refused("3.x", &cfg, &spec,
		"port 'a=b' has a '=' in it (the options of acrn-dm have no way to say that: use "
		"another name)");
	spec = default_spec();
	cfg.image = "/srv/nodisk-images/guest.img";
	refused("3.x", &cfg, &spec,
		"disk '/srv/nodisk-images/guest.img' has \"nodisk\" in its path (acrn-dm would "
		"take it for an empty disk: use another name)");
	cfg.image = "images/guest.img";
	refused("3.x", &cfg, &spec, "disk 'images/guest.img' is not an absolute path");
}

static void test_interfaces_refused(void **state)
{
	struct hypervisor_config cfg = default_config();
	struct vm_spec spec = default_spec();
	static const char *const macs[] = { "",
					    "02:42:ac:11:00",
					    "03:42:ac:11:00:02",
					    "00:00:00:00:00:00",
					    "02-42-ac-11-00-02",
					    "02:42:ac:11:00:0g" };
	char text[128];

	(void)state;
	spec.nics[0].ifname = "net0";
	refused("2.0", &cfg, &spec,
		"ACRN 2.0 would leave interface 'net0' unconnected and say nothing (its name must "
		"begin with \"tap\")");
	refused("2.7", &cfg, &spec,
		"ACRN 2.7 would leave interface 'net0' unconnected and say nothing (its name must "
		"contain \"tap\")");
	spec.nics[0].ifname = "tap=tap0";
	refused("3.x", &cfg, &spec, "interface 'tap=tap0': acrn-dm cannot be told of such a name");
	spec.nics[0].ifname = "tap0123456789abc";
	refused("3.x", &cfg, &spec, "'tap0123456789abc' is no name of an interface");
	spec = default_spec();
	spec.nics[0].macvtap = true;
	refused("2.0", &cfg, &spec, "interface 'tap0_kata': ACRN 2.0 knows no macvtap");
	refused("3.x", &cfg, &spec,
		"ACRN 3.x would take interface 'tap0_kata' for a tap and leave it unconnected "
		"(set internetworking_model = \"tcfilter\" in [runtime])");
	spec.nics[0].ifname = "macvtap0";
	spec.nics[0].macvtap = false;
	refused("2.7", &cfg, &spec,
		"ACRN 2.7 would take interface 'macvtap0' for a macvtap and leave it unconnected "
		"(give it a name without \"macvtap\")");
	spec = default_spec();
	for (size_t i = 0; i < sizeof(macs) / sizeof(macs[0]); i++) {
		spec.nics[0].mac = macs[i];
		(void)snprintf(text, sizeof(text),
			       "interface 'tap0_kata': '%s' is not the address of one interface",
			       macs[i]);
		refused("3.x", &cfg, &spec, text);
	}
}

static void test_limits_refused(void **state)
{
	struct hypervisor_config cfg = default_config();
	struct vm_spec spec = default_spec();
	struct acrn_machine machine;
	auto_strvec struct strvec argv = { 0 };
	char params[ACRN_BOOTARGS_MAX + 2];
	struct error err;

	(void)state;
	seed_machine(&machine, "2.7", "sandbox-abcdefgh");
	machine.affinity = "0";
	assert_int_equal(machine_argv(&machine, &argv, &err), -ENAMETOOLONG);
	assert_string_equal(err.text,
			    "name 'sandbox-abcdefgh' has 16 bytes, ACRN 2.7 takes 15 at most");
	machine.name = "a.b";
	assert_int_equal(machine_argv(&machine, &argv, &err), -EINVAL);
	machine.name = "ab";
	memset(params, 'x', sizeof(params) - 1);
	params[ACRN_BOOTARGS_MAX + 1] = '\0';
	machine.params = params;
	assert_int_equal(machine_argv(&machine, &argv, &err), -E2BIG);
	assert_string_equal(err.text, "the kernel's command line has 1024 bytes, the limit is 1023 "
				      "(shorten kernel_params in [hypervisor.acrn])");
	params[ACRN_BOOTARGS_MAX] = '\0';
	assert_int_equal(machine_argv(&machine, &argv, &err), 0);
	machine.affinity = "";
	assert_int_equal(machine_argv(&machine, &argv, &err), -EINVAL);
	machine.affinity = "0,x";
	assert_int_equal(machine_argv(&machine, &argv, &err), -EINVAL);
	assert_string_equal(err.text, "list of CPUs '0,x'");
	cfg.block_slots = 25;
	refused("3.x", &cfg, &spec,
		"block_slots is 25, the limit is 24 (lower block_slots in [hypervisor.acrn])");
	cfg.block_slots = 24;
	spec.n_nics = 3;
	spec.nics[1] = spec.nics[2] = spec.nics[0];
	refused("3.x", &cfg, &spec,
		"no slot is left for a device: there are 31 (lower block_slots in "
		"[hypervisor.acrn])");
	spec = default_spec();
	spec.memory_mib = 0;
	refused("3.x", &cfg, &spec, "VM memory cannot be zero");
}

/* What others can and this one cannot is said, never left out. */
static void test_not_supported(void **state)
{
	struct hypervisor_config cfg = default_config();
	struct vm_spec spec = default_spec();

	(void)state;
	spec.share_dir = RUN "/share";
	refused("3.x", &cfg, &spec,
		"ACRN cannot share the directory '/run/acrun/abc/share' with the guest");
	spec = default_spec();
	spec.incoming = true;
	refused("3.x", &cfg, &spec, "ACRN cannot restore virtual machines");
	spec = default_spec();
	spec.max_memory_mib = 1024;
	refused("3.x", &cfg, &spec, "virtual machines of ACRN cannot grow");
	spec = default_spec();
	spec.nic_slots = 1;
	refused("3.x", &cfg, &spec,
		"interfaces of ACRN must be there when the virtual machine boots");
	spec = default_spec();
	spec.vsock_cid = 3;
	refused("2.7", &cfg, &spec, "ACRN 2.7 has no vsock");
	spec.vsock_cid = 2;
	refused("3.x", &cfg, &spec, "context id 2: it must be 3 to 4294967294");
	spec.vsock_cid = UINT32_MAX;
	refused("3.x", &cfg, &spec, "context id 4294967295: it must be 3 to 4294967294");
}

static void test_memory(void **state)
{
	static const struct {
		uint32_t mib;
		const char *option;
	} rows[] = {
		{ 1, "128M" }, { 127, "128M" }, { 128, "128M" }, { 129, "130M" }, { 2048, "2048M" },
	};
	struct hypervisor_config cfg = default_config();
	struct vm_spec spec = default_spec();
	struct error err;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		auto_strvec struct strvec argv = { 0 };

		spec.memory_mib = rows[i].mib;
		assert_int_equal(hypervisor_find("acrn")->argv(&cfg, &spec, "3.x", &argv, &err), 0);
		assert_string_equal(argv.items[1], "-m");
		assert_string_equal(argv.items[2], rows[i].option);
	}
}

/* The other backends of a console, and what they look like. */
static void test_console_backends(void **state)
{
	static const struct {
		struct acrn_device device;
		const char *spec;
	} rows[] = {
		{ { .kind = ACRN_DEVICE_CONSOLE,
		    .console = { .backend = ACRN_BACKEND_PTY, .is_console = true } },
		  "7,virtio-console,@pty:pty_port" },
		{ { .kind = ACRN_DEVICE_CONSOLE,
		    .console = { .backend = ACRN_BACKEND_TTY, .path = "/dev/ttyS1" } },
		  "7,virtio-console,tty:tty_port=/dev/ttyS1" },
		{ { .kind = ACRN_DEVICE_CONSOLE,
		    .console = { .backend = ACRN_BACKEND_FILE, .path = "/var/log/x" } },
		  "7,virtio-console,file:file_port=/var/log/x" },
		{ { .kind = ACRN_DEVICE_BLOCK, .block = { .path = "/a.img", .readonly = true } },
		  "7,virtio-blk,/a.img,ro" },
	};
	const struct acrn_device both = { .kind = ACRN_DEVICE_CONSOLE,
					  .console = { .backend = ACRN_BACKEND_STDIO } };
	struct error err;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		auto_strvec struct strvec argv = { 0 };

		assert_int_equal(device_check(&rows[i].device, profile_find("3.x"), &err), 0);
		device_add(&rows[i].device, profile_find("3.x"), 7, &argv);
		assert_string_equal(argv.items[0], "-s");
		assert_string_equal(argv.items[1], rows[i].spec);
	}
	assert_int_equal(device_check(&both, profile_find("3.x"), &err), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_profiles),
		cmocka_unit_test(test_variants),
		cmocka_unit_test(test_seeds),
		cmocka_unit_test(test_slots),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_paths_refused),
		cmocka_unit_test(test_interfaces_refused),
		cmocka_unit_test(test_limits_refused),
		cmocka_unit_test(test_not_supported),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_console_backends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
