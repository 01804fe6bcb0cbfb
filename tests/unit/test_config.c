/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/fs.h"
#include "hypervisor/acrn/argv.h"
#include "runtime/config/keys.h"
#include "runtime/config/nearest.h"

/* A prefix and a /etc of our own, removed after each test. */
struct fixture {
	char dir[64];
	char prefix[80];
	char sysconfdir[80];
	struct arena arena;
	struct config cfg;
	struct error err;
	struct config_places places;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	snprintf(f->dir, sizeof(f->dir), "/tmp/acrun-test-config-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->prefix, sizeof(f->prefix), "%s/usr", f->dir);
	snprintf(f->sysconfdir, sizeof(f->sysconfdir), "%s/etc", f->dir);
	f->places = (struct config_places){
		.prefix = f->prefix,
		.install_prefix = f->prefix,
		.sysconfdir = f->sysconfdir,
	};
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(fs_remove_tree_at(AT_FDCWD, f->dir), 0);
	arena_done(&f->arena);
	free(f);
	return 0;
}

/* Writes the file at dir/path, with the folders above it. */
static void write_file(const struct fixture *f, const char *path, const char *text)
{
	char full[PATH_MAX];
	auto_close int fd = -1;
	char *slash;

	snprintf(full, sizeof(full), "%s/%s", f->dir, path);
	slash = strrchr(full, '/');
	*slash = '\0';
	assert_int_equal(fs_mkdir_all(full, 0755), 0);
	*slash = '/';
	fd = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(fs_write_all(fd, text, strlen(text)), 0);
}

static void load_ok(struct fixture *f)
{
	if (config_load_from(&f->places, NULL, &f->arena, &f->cfg, &f->err) < 0)
		fail_msg("%s", f->err.text);
}

/* Loads text as the only file; the message must end with `wanted` behind the file's name. */
static void load_fails(struct fixture *f, const char *text, const char *wanted)
{
	char full[ERROR_TEXT_MAX];

	write_file(f, "etc/configuration.toml", text);
	err_clear(&f->err);
	assert_int_equal(config_load_from(&f->places, NULL, &f->arena, &f->cfg, &f->err), -EINVAL);
	snprintf(full, sizeof(full), "%s/configuration.toml:%s", f->sysconfdir, wanted);
	assert_string_equal(f->err.text, full);
}

static void assert_in_prefix(const struct fixture *f, const char *path, const char *below)
{
	char full[PATH_MAX];

	snprintf(full, sizeof(full), "%s/%s", f->prefix, below);
	assert_non_null(path);
	assert_string_equal(path, full);
}

static void assert_defaults(const struct fixture *f)
{
	const struct hypervisor_config *qemu = config_hypervisor(&f->cfg, "qemu");

	assert_non_null(qemu);
	assert_string_equal(qemu->path, "/usr/bin/qemu-system-x86_64");
	assert_in_prefix(f, qemu->kernel, "share/acrun/vmlinux");
	assert_in_prefix(f, qemu->initrd, "share/acrun/initrd.cpio");
	assert_null(qemu->image);
	assert_string_equal(qemu->kernel_params, "");
	assert_string_equal(qemu->machine_type, "q35");
	assert_string_equal(qemu->machine_accelerators, "");
	assert_string_equal(qemu->cpu_features, "");
	assert_string_equal(qemu->accelerator, "auto");
	assert_string_equal(qemu->entropy_source, "/dev/urandom");
	assert_int_equal(qemu->default_vcpus, 1);
	assert_int_equal(qemu->default_maxvcpus, 0);
	assert_int_equal(qemu->default_memory_mib, 512);
	assert_int_equal(qemu->msize_9p, 512000);
	assert_false(qemu->enable_debug);
	assert_string_equal(qemu->host_dir, "/run/acrun-host");
	assert_in_prefix(f, f->cfg.proxy.path, "libexec/acrun/acrun-proxy");
	assert_in_prefix(f, f->cfg.shim.path, "libexec/acrun/acrun-shim");
	assert_false(f->cfg.proxy.enable_debug);
	assert_string_equal(f->cfg.runtime.hypervisor, "auto");
	assert_int_equal(f->cfg.runtime.create_container_timeout_s, 60);
	assert_in_prefix(f, f->cfg.acrn.kernel, "share/acrun/bzImage");
	assert_null(f->cfg.acrn.image);
	assert_in_prefix(f, f->cfg.acrn.initrd, "share/acrun/initrd.cpio");
}

/* What the configuration takes is what the backend knows. */
static void test_acrn_profiles(void **state)
{
	struct fixture *f = *state;
	const struct acrn_profile *profile;
	char text[128];

	for (size_t i = 0; (profile = profile_at(i)); i++) {
		(void)snprintf(text, sizeof(text),
			       "[hypervisor.acrn]\nacrn_profile = \"%s\"\nblock_slots = %d\n",
			       profile->name, ACRN_BLOCK_SLOTS_MAX);
		write_file(f, "etc/configuration.toml", text);
		load_ok(f);
		assert_string_equal(f->cfg.acrn.profile, profile->name);
		assert_int_equal(f->cfg.acrn.block_slots, ACRN_BLOCK_SLOTS_MAX);
	}
}

static void test_empty_file_gives_defaults(void **state)
{
	struct fixture *f = *state;

	write_file(f, "etc/configuration.toml", "");
	load_ok(f);
	assert_defaults(f);
	assert_null(f->cfg.drop_ins[0]);
}

/* Copies the shipped file, with "#key = value" made "key = value" when asked to. */
static void write_shipped(const struct fixture *f, bool uncomment)
{
	auto_strbuf struct strbuf in = { 0 };
	auto_strbuf struct strbuf out = { 0 };
	char *line, *rest;

	assert_int_equal(fs_read_file_at(AT_FDCWD, TEST_SOURCE_DIR "/configuration.toml.in", &in,
					 1 << 20),
			 0);
	for (line = in.data; (rest = strchr(line, '\n')); line = rest + 1) {
		*rest = '\0';
		if (uncomment && line[0] == '#' && line[1] >= 'a' && line[1] <= 'z')
			line++;
		strbuf_addf(&out, "%s\n", line);
	}
	assert_int_equal(strbuf_error(&out), 0);
	write_file(f, "etc/configuration.toml", strbuf_str(&out));
}

static void test_shipped_file_gives_defaults(void **state)
{
	struct fixture *f = *state;

	write_shipped(f, false);
	load_ok(f);
	assert_defaults(f);
}

static void test_shipped_comments_show_every_default(void **state)
{
	struct fixture *f = *state;
	struct config_value value;

	write_shipped(f, true);
	load_ok(f);
	assert_defaults(f);
	for (size_t i = 0; config_value_at(&f->cfg, i, &f->arena, &value) == 0; i++) {
		if (!value.file)
			fail_msg("configuration.toml.in does not explain %s in [%s]", value.key,
				 value.table);
	}
}

static void test_values_are_taken(void **state)
{
	struct fixture *f = *state;

	write_file(f, "etc/configuration.toml",
		   "[hypervisor.qemu]\n"
		   "path = \"/opt/qemu\"\n"
		   "kernel = \"/boot/vmlinuz\"\n"
		   "image = \"images/root.img\"\n"
		   "kernel_params = \"quiet panic=1\"\n"
		   "accelerator = \"tcg\"\n"
		   "entropy_source = \"\"\n"
		   "default_memory = 2048\n"
		   "enable_debug = true\n"
		   "[hypervisor.acrn]\n"
		   "image = \"/a.img\"\n"
		   "[agent.hyperstart]\n"
		   "[proxy.cc]\n"
		   "path = \"/opt/proxy\"\n"
		   "enable_debug = true\n"
		   "[runtime]\n"
		   "hypervisor = \"qemu\"\n"
		   "create_container_timeout = 5\n");
	load_ok(f);
	assert_string_equal(f->cfg.qemu.path, "/opt/qemu");
	assert_string_equal(f->cfg.qemu.kernel, "/boot/vmlinuz");
	assert_in_prefix(f, f->cfg.qemu.image, "images/root.img");
	assert_null(f->cfg.qemu.initrd);
	assert_string_equal(f->cfg.qemu.kernel_params, "quiet panic=1");
	assert_string_equal(f->cfg.qemu.accelerator, "tcg");
	assert_string_equal(f->cfg.qemu.entropy_source, "");
	assert_int_equal(f->cfg.qemu.default_memory_mib, 2048);
	assert_true(f->cfg.qemu.enable_debug);
	assert_string_equal(f->cfg.acrn.image, "/a.img");
	assert_null(f->cfg.acrn.initrd);
	assert_string_equal(f->cfg.proxy.path, "/opt/proxy");
	assert_true(f->cfg.proxy.enable_debug);
	assert_string_equal(f->cfg.runtime.hypervisor, "qemu");
	assert_int_equal(f->cfg.runtime.create_container_timeout_s, 5);
}

static void test_vcpus_follow_the_host(void **state)
{
	struct fixture *f = *state;
	uint32_t host = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);

	write_file(f, "etc/configuration.toml", "[hypervisor.qemu]\ndefault_vcpus = -1\n");
	load_ok(f);
	assert_int_equal(f->cfg.qemu.default_vcpus, host);
	write_file(f, "etc/configuration.toml", "[hypervisor.qemu]\ndefault_vcpus = 1024\n");
	load_ok(f);
	assert_int_equal(f->cfg.qemu.default_vcpus, host < 1024 ? host : 1024);
}

static void test_drop_ins_win_in_order(void **state)
{
	struct fixture *f = *state;
	struct config_value value;
	bool seen = false;

	write_file(f, "etc/configuration.toml",
		   "[hypervisor.qemu]\ndefault_memory = 100\nmsize_9p = 8192\n");
	write_file(f, "etc/config.d/20-b.toml", "[hypervisor.qemu]\n\ndefault_memory = 300\n");
	write_file(f, "etc/config.d/10-a.toml",
		   "[hypervisor.qemu]\ndefault_memory = 200\nmachine_type = \"pc\"\n");
	write_file(f, "etc/config.d/30-c.toml.off", "nonsense");
	write_file(f, "etc/config.d/.hidden.toml", "nonsense");
	load_ok(f);
	assert_int_equal(f->cfg.qemu.default_memory_mib, 300);
	assert_int_equal(f->cfg.qemu.msize_9p, 8192);
	assert_string_equal(f->cfg.qemu.machine_type, "pc");
	assert_non_null(strstr(f->cfg.drop_ins[0], "/etc/config.d/10-a.toml"));
	assert_non_null(strstr(f->cfg.drop_ins[1], "/etc/config.d/20-b.toml"));
	assert_null(f->cfg.drop_ins[2]);
	for (size_t i = 0; config_value_at(&f->cfg, i, &f->arena, &value) == 0; i++) {
		if (strcmp(value.key, "default_memory") != 0 ||
		    strcmp(value.table, "hypervisor.qemu") != 0)
			continue;
		seen = true;
		assert_string_equal(value.value, "300");
		assert_non_null(strstr(value.file, "/etc/config.d/20-b.toml"));
		assert_int_equal(value.line, 3);
	}
	assert_true(seen);
}

static void test_values_are_listed(void **state)
{
	struct fixture *f = *state;
	struct config_value value;

	write_file(f, "etc/configuration.toml",
		   "[hypervisor.qemu]\npath = '/opt/a \"b\" \\c'\nenable_debug = true\n");
	load_ok(f);
	assert_int_equal(config_value_at(&f->cfg, 0, &f->arena, &value), 0);
	assert_string_equal(value.table, "hypervisor.qemu");
	assert_string_equal(value.key, "path");
	assert_string_equal(value.value, "\"/opt/a \\\"b\\\" \\\\c\"");
	assert_int_equal(value.line, 2);
	assert_int_equal(config_value_at(&f->cfg, 3, &f->arena, &value), 0);
	assert_string_equal(value.key, "image");
	assert_string_equal(value.value, "\"\"");
	assert_null(value.file);
	assert_int_equal(config_value_at(&f->cfg, config_key_count(), &f->arena, &value), -ENOENT);
}

static void test_unknown_names(void **state)
{
	struct fixture *f = *state;

	load_fails(f, "[hypervisor.qemu]\ndefualt_memory = 1\n",
		   "2: unknown key 'defualt_memory' in [hypervisor.qemu] "
		   "(did you mean 'default_memory'?)");
	load_fails(f, "[hypervisor.qemu]\nvirtio_fs_cache = \"auto\"\n",
		   "2: unknown key 'virtio_fs_cache' in [hypervisor.qemu]");
	load_fails(
		f, "[runtime]\ndefault_memory = 1\n",
		"2: unknown key 'default_memory' in [runtime] (it belongs to [hypervisor.qemu])");
	load_fails(f, "[agent.hyperstart]\nport = 1\n",
		   "2: unknown key 'port' in [agent.hyperstart]");
	load_fails(f, "debug = true\n", "1: key 'debug' stands before any [table]");
	load_fails(f, "\n[hypervisor.quemu]\n",
		   "2: unknown table [hypervisor.quemu] (did you mean [hypervisor.qemu]?)");
	load_fails(f, "[agent.kata]\n", "1: [agent.kata]: kata agent type is not supported");
	load_fails(f, "[proxy.builtin]\n", "1: [proxy.builtin]: builtin proxy type not supported");
	load_fails(f, "[netmon]\n", "1: unknown table [netmon]");
}

static void test_wrong_values(void **state)
{
	struct fixture *f = *state;

	load_fails(f, "[hypervisor.qemu]\ndefault_memory = \"1\"\n",
		   "2: [hypervisor.qemu] default_memory: expected an integer, got a string");
	load_fails(f, "[hypervisor.qemu]\npath = 1\n",
		   "2: [hypervisor.qemu] path: expected a string, got an integer");
	load_fails(f, "[hypervisor.qemu]\nenable_debug = 1\n",
		   "2: [hypervisor.qemu] enable_debug: expected a boolean, got an integer");
	load_fails(f, "[hypervisor.qemu]\ndefault_memory = 0\n",
		   "2: [hypervisor.qemu] default_memory: VM memory cannot be zero");
	load_fails(f, "[hypervisor.qemu]\ndefault_memory = -5\n",
		   "2: [hypervisor.qemu] default_memory: -5 is not between 1 and 16777216");
	load_fails(f, "[hypervisor.qemu]\nmsize_9p = 4095\n",
		   "2: [hypervisor.qemu] msize_9p: 4095 is not between 4096 and 1048576");
	load_fails(f, "[runtime]\ncreate_container_timeout = 4294967297\n",
		   "2: [runtime] create_container_timeout: 4294967297 is not between 1 and 86400");
	load_fails(f, "[hypervisor.qemu]\naccelerator = \"kwm\"\n",
		   "2: [hypervisor.qemu] accelerator: invalid value 'kwm' (known are: auto, kvm, "
		   "tcg) (did you mean 'kvm'?)");
	load_fails(f, "[hypervisor.qemu]\npath = \"qemu\"\n",
		   "2: [hypervisor.qemu] path: 'qemu' is not an absolute path");
	load_fails(f, "[hypervisor.qemu]\nkernel_params = \"a\\nb\"\n",
		   "2: [hypervisor.qemu] kernel_params: control characters are not allowed");
}

static void test_image_and_initrd(void **state)
{
	struct fixture *f = *state;

	write_file(f, "etc/configuration.toml", "[hypervisor.qemu]\ninitrd = \"/i\"\n");
	write_file(f, "etc/config.d/a.toml", "[hypervisor.qemu]\nimage = \"/m\"\n");
	assert_int_equal(config_load_from(&f->places, NULL, &f->arena, &f->cfg, &f->err), -EINVAL);
	assert_non_null(strstr(f->err.text, "having both an image and an initrd defined in the "
					    "configuration file is not supported"));
	assert_non_null(strstr(f->err.text, "/etc/config.d/a.toml:2"));
	assert_non_null(strstr(f->err.text, "/etc/configuration.toml:2"));
	write_file(f, "etc/config.d/a.toml", "[hypervisor.qemu]\nimage = \"/m\"\ninitrd = \"\"\n");
	load_ok(f);
	assert_string_equal(f->cfg.qemu.image, "/m");
	assert_null(f->cfg.qemu.initrd);
}

static void touch_in_prefix(const struct fixture *f, const char *below)
{
	char path[64];

	snprintf(path, sizeof(path), "usr/%s", below);
	write_file(f, path, "x");
}

static void test_small_kernel(void **state)
{
	struct fixture *f = *state;

	write_file(f, "etc/configuration.toml", "");
	touch_in_prefix(f, "share/acrun/vmlinux-small");
	load_ok(f);
	assert_in_prefix(f, f->cfg.qemu.kernel, "share/acrun/vmlinux");
	assert_in_prefix(f, f->cfg.qemu.initrd, "share/acrun/initrd.cpio");
	touch_in_prefix(f, "share/acrun/initrd-small.cpio");
	load_ok(f);
	assert_in_prefix(f, f->cfg.qemu.kernel, "share/acrun/vmlinux-small");
	assert_in_prefix(f, f->cfg.qemu.initrd, "share/acrun/initrd-small.cpio");
	assert_in_prefix(f, f->cfg.acrn.kernel, "share/acrun/bzImage");
	write_file(f, "etc/configuration.toml", "[hypervisor.qemu]\nimage = \"/m\"\n");
	load_ok(f);
	assert_in_prefix(f, f->cfg.qemu.kernel, "share/acrun/vmlinux-small");
	assert_null(f->cfg.qemu.initrd);
	touch_in_prefix(f, "share/acrun/bzImage-small");
	touch_in_prefix(f, "share/acrun/disk.img");
	load_ok(f);
	assert_in_prefix(f, f->cfg.acrn.kernel, "share/acrun/bzImage-small");
	assert_in_prefix(f, f->cfg.acrn.image, "share/acrun/disk.img");
	assert_null(f->cfg.acrn.initrd);
}

static void test_small_kernel_is_no_half(void **state)
{
	struct fixture *f = *state;

	touch_in_prefix(f, "share/acrun/vmlinux-small");
	touch_in_prefix(f, "share/acrun/initrd-small.cpio");
	write_file(f, "etc/configuration.toml",
		   "[hypervisor.qemu]\nkernel = \"share/acrun/vmlinux\"\n");
	load_ok(f);
	assert_in_prefix(f, f->cfg.qemu.kernel, "share/acrun/vmlinux");
	assert_in_prefix(f, f->cfg.qemu.initrd, "share/acrun/initrd.cpio");
	write_file(f, "etc/configuration.toml", "[hypervisor.qemu]\ninitrd = \"/i\"\n");
	load_ok(f);
	assert_in_prefix(f, f->cfg.qemu.kernel, "share/acrun/vmlinux");
	assert_string_equal(f->cfg.qemu.initrd, "/i");
}

static void test_lookup_order(void **state)
{
	struct fixture *f = *state;
	static const char own[] = "usr/share/defaults/acrun/configuration.toml";

	write_file(f, own, "[runtime]\ncreate_container_timeout = 1\n");
	load_ok(f);
	assert_int_equal(f->cfg.runtime.create_container_timeout_s, 1);
	write_file(f, "etc/configuration.toml", "[runtime]\ncreate_container_timeout = 2\n");
	load_ok(f);
	assert_int_equal(f->cfg.runtime.create_container_timeout_s, 2);
	/* Not where it is to be installed: the tree's own file comes first. */
	f->places.install_prefix = "/usr/local";
	load_ok(f);
	assert_int_equal(f->cfg.runtime.create_container_timeout_s, 1);
}

static void test_links_are_resolved(void **state)
{
	struct fixture *f = *state;
	char link[128], target[128];

	write_file(f, "real/c.toml", "[runtime]\ncreate_container_timeout = 7\n");
	write_file(f, "real/config.d/x.toml", "[proxy.cc]\nenable_debug = true\n");
	write_file(f, "etc/other", "");
	snprintf(target, sizeof(target), "%s/real/c.toml", f->dir);
	snprintf(link, sizeof(link), "%s/configuration.toml", f->sysconfdir);
	assert_int_equal(symlink(target, link), 0);
	load_ok(f);
	assert_string_equal(f->cfg.file, target);
	assert_int_equal(f->cfg.runtime.create_container_timeout_s, 7);
	assert_true(f->cfg.proxy.enable_debug);
}

static void test_no_file(void **state)
{
	struct fixture *f = *state;
	char wanted[512];

	assert_int_equal(config_load_from(&f->places, NULL, &f->arena, &f->cfg, &f->err), -ENOENT);
	snprintf(wanted, sizeof(wanted),
		 "Cannot find usable config file (neither %s/configuration.toml nor "
		 "%s/share/defaults/acrun/configuration.toml exists)",
		 f->sysconfdir, f->prefix);
	assert_non_null(strstr(f->err.text, wanted));
	assert_int_equal(config_load_from(&f->places, "/nowhere/c.toml", &f->arena, &f->cfg,
					  &f->err),
			 -ENOENT);
	assert_string_equal(
		f->err.text,
		"Cannot find usable config file (/nowhere/c.toml: No such file or directory)");
	assert_int_equal(config_load_from(&f->places, f->dir, &f->arena, &f->cfg, &f->err),
			 -EISDIR);
}

static void test_broken_file_names_its_line(void **state)
{
	struct fixture *f = *state;
	char wanted[256];

	write_file(f, "etc/configuration.toml", "[runtime]\nenable_debug = yes\n");
	assert_int_equal(config_load_from(&f->places, NULL, &f->arena, &f->cfg, &f->err), -EINVAL);
	snprintf(wanted, sizeof(wanted), "%s/configuration.toml:2:", f->sysconfdir);
	assert_non_null(strstr(f->err.text, wanted));
}

static void test_environment_names_a_file(void **state)
{
	struct fixture *f = *state;
	char path[128];

	write_file(f, "env.toml", "[runtime]\ncreate_container_timeout = 3\n");
	write_file(f, "flag.toml", "[runtime]\ncreate_container_timeout = 4\n");
	snprintf(path, sizeof(path), "%s/env.toml", f->dir);
	assert_int_equal(setenv("ACRUN_CONF_FILE", path, 1), 0);
	assert_int_equal(config_load(NULL, &f->arena, &f->cfg, &f->err), 0);
	assert_int_equal(f->cfg.runtime.create_container_timeout_s, 3);
	snprintf(path, sizeof(path), "%s/flag.toml", f->dir);
	assert_int_equal(config_load(path, &f->arena, &f->cfg, &f->err), 0);
	assert_int_equal(f->cfg.runtime.create_container_timeout_s, 4);
	assert_int_equal(unsetenv("ACRUN_CONF_FILE"), 0);
}

static void test_default_paths_of_this_tree(void **state)
{
	struct fixture *f = *state;
	const char *const *paths;
	char exe[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	size_t prefix_len;

	assert_true(len > 0);
	exe[len] = '\0';
	*strrchr(exe, '/') = '\0';
	prefix_len = (size_t)(strrchr(exe, '/') - exe);
	assert_int_equal(config_default_paths(&f->arena, &paths, &f->err), 0);
	assert_int_equal(strncmp(paths[0], exe, prefix_len), 0);
	assert_string_equal(paths[0] + prefix_len, "/share/defaults/acrun/configuration.toml");
	assert_non_null(strstr(paths[1], "/acrun/configuration.toml"));
	assert_null(paths[2]);
}

static void test_unknown_hypervisor(void **state)
{
	struct fixture *f = *state;

	write_file(f, "etc/configuration.toml", "");
	load_ok(f);
	assert_ptr_equal(config_hypervisor(&f->cfg, "acrn"), &f->cfg.acrn);
	assert_null(config_hypervisor(&f->cfg, "auto"));
	assert_null(config_hypervisor(&f->cfg, ""));
}

static void test_distance(void **state)
{
	struct nearest n = { .word = "kernel_parms" };

	(void)state;
	assert_int_equal(nearest_distance("", ""), 0);
	assert_int_equal(nearest_distance("", "abc"), 3);
	assert_int_equal(nearest_distance("path", "path"), 0);
	assert_int_equal(nearest_distance("ptah", "path"), 1);
	assert_int_equal(nearest_distance("kernel", "krenels"), 2);
	assert_true(
		nearest_distance(
			"a", "0123456789012345678901234567890123456789012345678901234567890123") ==
		UINT_MAX);
	nearest_offer(&n, "path");
	assert_null(n.best);
	nearest_offer(&n, "kernel_param");
	assert_string_equal(n.best, "kernel_param");
	nearest_offer(&n, "kernel_params");
	assert_string_equal(n.best, "kernel_params");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_acrn_profiles),
		CASE(test_empty_file_gives_defaults),
		CASE(test_shipped_file_gives_defaults),
		CASE(test_shipped_comments_show_every_default),
		CASE(test_values_are_taken),
		CASE(test_vcpus_follow_the_host),
		CASE(test_drop_ins_win_in_order),
		CASE(test_values_are_listed),
		CASE(test_unknown_names),
		CASE(test_wrong_values),
		CASE(test_image_and_initrd),
		CASE(test_small_kernel),
		CASE(test_small_kernel_is_no_half),
		CASE(test_lookup_order),
		CASE(test_links_are_resolved),
		CASE(test_no_file),
		CASE(test_broken_file_names_its_line),
		CASE(test_environment_names_a_file),
		CASE(test_default_paths_of_this_tree),
		CASE(test_unknown_hypervisor),
		cmocka_unit_test(test_distance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
