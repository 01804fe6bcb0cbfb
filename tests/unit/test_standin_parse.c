/* The conformance vectors of the device model's command line: what the original was seen to do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/strvec.h"
#include "tests/standins/acrn/dm_parse.h"

enum { RUNS = DM_GO_ON, ARGS_MAX = 8, SILENT = 1, FAULTY = 2 };

static char dir[32];

/* The command line that the vectors change: without an argument that begins with `drop`, with
 * `args` behind it, `@` in them being the directory of the test. */
struct vector {
	int expect;
	const char *args[ARGS_MAX];
	const char *drop;
	const char *name; /* instead of VM */
	unsigned flags;
};

static const char *const base_args[] = {
	"--cpu_affinity=0", "-m128M", "-s0:0,hostbridge", "-s1:0,lpc", "-k@/kernel", "-Bx", NULL,
};

static char *expand(const char *text)
{
	auto_strbuf struct strbuf out = { 0 };

	for (; *text; text++)
		if (*text == '%')
			(void)strbuf_adds(&out, dir);
		else
			(void)strbuf_addc(&out, *text);
	return strbuf_take(&out);
}

static void add_expanded(struct strvec *argv, const char *text)
{
	auto_free char *out = NULL;
	auto_free char *pattern = strdup(text);

	/* a console's mark is an @ as well: only "@/" is the directory */
	for (char *at = pattern; (at = strstr(at, "@/")); at++)
		*at = '%';
	out = expand(pattern);
	assert_int_equal(strvec_add(argv, out), 0);
}

static void build(const struct vector *v, struct strvec *argv)
{
	(void)strvec_add(argv, "acrn-dm");
	for (size_t i = 0; base_args[i]; i++)
		if (!v->drop || strncmp(base_args[i], v->drop, strlen(v->drop)) != 0)
			add_expanded(argv, base_args[i]);
	for (size_t i = 0; i < ARGS_MAX && v->args[i]; i++)
		add_expanded(argv, v->args[i]);
	(void)strvec_add(argv, v->name ? v->name : "VM");
	assert_int_equal(strvec_error(argv), 0);
}

/* What is said goes to a file, whose length is returned. */
static off_t run_quietly(struct dm_config *cfg, int argc, char **argv, int *ret)
{
	FILE *saved_out = stdout;
	FILE *saved_err = stderr;
	FILE *said = tmpfile();
	off_t len;

	assert_non_null(said);
	stdout = said;
	stderr = said;
	*ret = dm_parse(cfg, argc, argv);
	stdout = saved_out;
	stderr = saved_err;
	len = ftello(said);
	(void)fclose(said);
	return len;
}

static void check_argv(const char *profile, struct strvec *argv, int expect, unsigned flags,
		       const char *what)
{
	struct dm_config cfg = { .profile = dm_profile_find(profile) };
	off_t said;
	int ret;

	assert_non_null(cfg.profile);
	said = run_quietly(&cfg, (int)argv->len, argv->items, &ret);
	if (ret != expect)
		fail_msg("%s, %s: %d, not %d", profile, what, ret, expect);
	if ((flags & SILENT) && said)
		fail_msg("%s, %s: %lld bytes said", profile, what, (long long)said);
	if (ret == RUNS && (cfg.faults.len > 0) != !!(flags & FAULTY))
		fail_msg("%s, %s: %s", profile, what,
			 cfg.faults.len ? cfg.faults.items[0] : "no fault");
	dm_config_done(&cfg);
}

static void check_vector(const char *profile, const struct vector *v)
{
	auto_strvec struct strvec argv = { 0 };

	build(v, &argv);
	check_argv(profile, &argv, v->expect, v->flags, v->args[0] ? v->args[0] : "base");
}

#define CHECK(profile, vectors)                                                   \
	do {                                                                      \
		for (size_t i = 0; i < sizeof(vectors) / sizeof(*(vectors)); i++) \
			check_vector(profile, &(vectors)[i]);                     \
	} while (0)

static void test_memory_and_identity(void **state)
{
	static const struct vector vectors[] = {
		{ RUNS },
		{ 64, { "-m2048" } },
		{ 64, { "-m127M" } },
		{ 1, { "-m129M" } },
		{ RUNS, { "-m131072k" } },
		{ RUNS, { "-m0x80M" } },
		{ RUNS, { "-m1g" } },
		{ 64, { "-m134217728b" } },
		{ 64, { "-mM" } },
		{ 64, { "-m128MB" } },
		{ 1, { "-U", "a7ada506-1ab0-4b6b-a0da-e513ca9b8c2f" } },
		{ 1, { "--uuid", "a7ada506-1ab0-4b6b-a0da-e513ca9b8c2f" } },
		{ 1, { "-W" } },
		{ 1, { "-c", "1" } },
		{ 1, { "--virtio_msix" } },
		{ 1, { "--ptdev_no_reset" } },
		{ RUNS, { "--virtio_ms" } },
		{ RUNS, { "-A", "-Y", "-G", "x", "-i", "x" } },
		{ RUNS, { "--vsbl", "x", "--part_info", "x", "--mac_seed", "x" } },
		{ 1, { NULL }, .drop = "--cpu_affinity" },
		{ 1, { "--cpu_affinity", "abc" }, .drop = "--cpu_affinity" },
		{ RUNS, { "--cpu_affinity", "63000" }, .drop = "--cpu_affinity", .flags = FAULTY },
		{ RUNS, { "--cpu_affinity", "0,x" }, .drop = "--cpu_affinity", .flags = FAULTY },
		{ 1, { NULL }, .name = "--" },
		{ 1, { "first" } },
		{ 1, { NULL }, .name = "sixteen-letters-" },
		{ RUNS, { NULL }, .name = "fifteen-letters" },
		{ RUNS, { NULL }, .name = "a.b", .flags = FAULTY },
	};

	(void)state;
	CHECK("3.4", vectors);
}

/* The name may stand anywhere. */
static void test_name_first(void **state)
{
	auto_strvec struct strvec argv = { 0 };

	(void)state;
	(void)strvec_add(&argv, "acrn-dm");
	(void)strvec_add(&argv, "VM");
	for (size_t i = 0; base_args[i]; i++)
		add_expanded(&argv, base_args[i]);
	check_argv("3.4", &argv, RUNS, 0, "name first");
}

/* It needs the host's device. */
static void test_vsock(void **state)
{
	const struct vector v = { access("/dev/vhost-vsock", F_OK) < 0 ? 1 : RUNS,
				  { "-s3,vhost-vsock,cid=3" } };

	(void)state;
	check_vector("3.4", &v);
}

static void test_boot(void **state)
{
	static char args[4][2100];
	const struct vector vectors[] = {
		{ 10, { "-k@/absent" } },
		{ 10, { "-k@/empty" } },
		{ 11, { "-r@/absent" } },
		{ RUNS, { "-r@/kernel" } },
		{ 1, { NULL }, .drop = "-k" },
		{ RUNS, { args[0] } },
		{ RUNS, { args[1] }, .flags = FAULTY },
		{ RUNS, { args[2] }, .flags = FAULTY },
		{ 1, { args[3] }, .flags = SILENT },
		{ 0, { "-v" } },
		{ 0, { "-h" } },
		{ 139, { NULL }, .drop = "-s" },
		{ 134, { "--pm_notify_channel=uart" } },
		{ RUNS, { "--pm_notify_channel", "power_button" } },
	};
	static const size_t lengths[] = { 1023, 1500, 2047, 2048 };

	(void)state;
	for (size_t i = 0; i < 4; i++)
		(void)snprintf(args[i], sizeof(args[i]), "-B%0*d", (int)lengths[i], 0);
	CHECK("3.4", vectors);
}

static void test_serial(void **state)
{
	static const struct vector vectors[] = {
		{ 64, { "-lcom6,stdio" } },
		{ 64, { "-lfoo" } },
		{ 1, { "-lcom1,@/absent" } },
		{ 1, { "-lcom1,/dev/null" } },
		{ RUNS, { "-lcom1" } },
		{ RUNS, { "-lcom1,tcp:0" } },
		{ RUNS, { "-lCOM2,stdio" } },
		{ RUNS, { "-lcom1,stdio" }, .drop = "-s1:0" },
		{ RUNS, { "-lcom1,@/absent" }, .drop = "-s1:0" },
		{ 1, { "-lcom1,stdio", "-s3,virtio-console,@stdio:p" } },
		{ RUNS, { "-s3,virtio-console,@stdio:p" } },
	};

	(void)state;
	CHECK("3.4", vectors);
}

static void test_slots(void **state)
{
	static const struct vector vectors[] = {
		{ RUNS, { "-s31,virtio-rnd" } },
		{ 1, { "-s32,virtio-rnd" } },
		{ 1, { "-s3:8,virtio-rnd" } },
		{ 1, { "-sx,virtio-rnd" } },
		{ 1, { "-s3" } },
		{ 1, { "-s3," } },
		{ RUNS, { "-s0:3:0,virtio-rnd" } },
		{ RUNS, { "-s0/3/0,virtio-rnd" } },
		{ RUNS, { "-s3.1,virtio-rnd" } },
		{ 1, { "-s1:3:0,virtio-rnd" } },
		{ 1, { "-s3,virtio-rnd", "-s3:0,virtio-rnd" } },
		{ 1, { "-s3,virtio-foo" } },
		{ 1, { "-s3,virtio-fs" } },
		{ 1, { "-s3,virtio-9p" } },
		{ 1, { "-s3,pci-gvt" } },
		{ 1, { "-s3,virtio-hdcp" } },
		{ 1, { "-s3,npk" } },
		{ 1, { "-s3,virtio-coreu" } },
		{ 1, { "-s3,passthru,0/2/0" } },
		{ 1, { "-s3,vhost-vsock,cid=2" } },
		{ 1, { "-s3,vhost-vsock" } },
		{ 1, { "-s3,vhost-vsock,cid=4294967295" } },
	};

	(void)state;
	CHECK("3.4", vectors);
}

static void test_consoles(void **state)
{
	static char ports[2][512] = { "-s3,virtio-console", "-s3,virtio-console" };
	static const struct vector vectors[] = {
		{ 1, { "-s3,virtio-console" } },
		{ 1, { "-s3,virtio-console,socket" } },
		{ 1, { "-s3,virtio-console,socket:n" } },
		{ 1, { "-s3,virtio-console,@console:p" } },
		{ 1, { "-s3,virtio-console,@" } },
		{ 1, { "-s3,virtio-console,socket:=@/s" } },
		{ RUNS, { "-s3,virtio-console,@socket:n=@/s" } },
		{ RUNS, { "-s3,virtio-console,socket:n=@/s:server" } },
		{ RUNS, { "-s3,virtio-console,SOCKET:n=@/s" } },
		{ RUNS, { "-s3,virtio-console,socket:n=@/a=b" } },
		{ RUNS, { "-s3,virtio-console,pty:p" } },
		{ RUNS, { "-s3,virtio-console,file:p=@/out" } },
		{ 1, { "-s3,virtio-console,socket:n=@/absent:client" } },
		{ RUNS, { "-s3,virtio-console,socket:n=@/kernel:client" } },
		{ 1, { "-s3,virtio-console,socket:n=@/s:bogus" } },
		{ 1, { "-s3,virtio-console,socket:n=@/a,b" } },
		{ 1, { "-s3,virtio-console,socket:n=@/a:b" } },
		{ 1, { "-s3,virtio-console,tty:p=/dev/null" } },
		{ 1, { "-s3,virtio-console,tty:p" } },
		{ RUNS, { ports[0] } },
		{ 1, { ports[1] } },
		{ RUNS,
		  { "-s3,virtio-console,socket:n=@/"
		    "0123456789012345678901234567890123456789012345678901234567890123456789"
		    "01234567890123456789012345678901234567" },
		  .flags = FAULTY },
	};

	(void)state;
	for (int i = 0; i < 17; i++)
		for (int k = 0; k < 2; k++)
			if (i < 16 + k)
				(void)snprintf(ports[k] + strlen(ports[k]), 16, ",pty:p%d", i);
	CHECK("3.4", vectors);
}

static void test_disks(void **state)
{
	static const struct vector vectors[] = {
		{ 1, { "-s3,virtio-blk" } },
		{ 1, { "-s3,virtio-blk,@/absent" } },
		{ 1, { "-s3,virtio-blk,@/odd" } },
		{ 1, { "-s3,virtio-blk,@/empty" } },
		{ 1, { "-s3,virtio-blk,@/disk,bogus" } },
		{ 1, { "-s3,virtio-blk,@/disk,iothread" } },
		{ 1, { "-s3,virtio-blk,@/disk,aio=io_uring" } },
		{ 1, { "-s3,virtio-blk,@/disk,sectorsize=100" } },
		{ 1, { "-s3,virtio-blk,@/disk,range=5" } },
		{ RUNS, { "-s3,virtio-blk,@/disk" } },
		{ RUNS, { "-s3,virtio-blk,@/disk,ro" } },
		{ RUNS, { "-s3,virtio-blk,@/disk,writeback" } },
		{ RUNS, { "-s3,virtio-blk,@/disk,range=0/100" } },
		{ RUNS, { "-s3,virtio-blk,@/disk,sectorsize=512/4096" } },
		{ RUNS, { "-s3,virtio-blk,mq=2,@/disk" } },
		{ RUNS, { "-s3,virtio-blk,iothread,@/disk" } },
		{ RUNS, { "-s3,virtio-blk,iothread,@/disk,aio=io_uring" } },
		{ RUNS, { "-s3,virtio-blk,b,@/disk" } },
		{ RUNS, { "-s3,virtio-blk,nodisk" } },
		{ RUNS, { "-s3,virtio-blk,nodisk,ro" } },
		{ RUNS, { "-s3,virtio-blk,@/nodisk-file" }, .flags = FAULTY },
		{ RUNS, { "-s3,virtio-blk,@/" }, .flags = FAULTY },
	};
	static const struct vector before[] = {
		{ 1, { "-s3,virtio-blk,mq=2,@/disk" } },
		{ 1, { "-s3,virtio-blk,iothread,@/disk" } },
		{ 1, { "-s3,virtio-blk,@/disk,aio=threads" } },
	};

	(void)state;
	CHECK("3.4", vectors);
	CHECK("3.0", before);
}

static void test_networks(void **state)
{
	static const struct vector vectors[] = {
		{ 1, { "-s3,virtio-net" } },
		{ 1, { "-s3,virtio-net,tap=t0,mac=02:00:00:00:00" } },
		{ 1, { "-s3,virtio-net,tap=t0,mac=03:00:00:00:00:01" } },
		{ 1, { "-s3,virtio-net,tap=t0,mac=00:00:00:00:00:00" } },
		{ RUNS, { "-s3,virtio-net,tap0_kata,mac=02:00:00:00:00:01" }, .flags = FAULTY },
		{ RUNS, { "-s3,virtio-net,eth0" }, .flags = FAULTY },
		{ RUNS, { "-s3,virtio-net,tap=absent0" } },
		{ RUNS, { "-s3,virtio-net,tap=absent0,vhost,mac=02:00:00:00:00:01" } },
	};
	static const struct vector older[] = {
		{ RUNS, { "-s3,virtio-net,tap0_kata,mac=02:00:00:00:00:01" } },
		{ RUNS, { "-s3,virtio-net,tap=tap0_kata" }, .flags = FAULTY },
		{ RUNS, { "-s3,virtio-net,eth0" }, .flags = FAULTY },
	};
	static const struct vector contained[] = {
		{ RUNS, { "-s3,virtio-net,br_tap0" } },
	};
	static const struct vector begun[] = {
		{ RUNS, { "-s3,virtio-net,br_tap0" }, .flags = FAULTY },
	};

	(void)state;
	CHECK("3.4", vectors);
	CHECK("2.0", older);
	CHECK("2.7", older);
	CHECK("2.7", contained);
	CHECK("2.0", begun);
}

/* ---- the command lines of two generations of a client, on five releases ---- */

static void seed_argv(struct strvec *argv, bool uuid, bool affinity, const char *nic,
		      const char *name)
{
	static const char *const devices[] = {
		"-s0:0,hostbridge",
		"-s1:0,lpc",
		"-lcom1,stdio",
		"-s3,virtio-console,@socket:console0=@/console.sock",
		"-s4,virtio-blk,@/disk",
		"-s5,virtio-blk,nodisk",
		"-s13,virtio-console,socket:channel0=@/one.sock",
		"-s14,virtio-console,socket:channel1=@/two.sock",
		"-k@/kernel",
		"-Broot=/dev/vda1 rw rootwait",
		NULL,
	};

	(void)strvec_add(argv, "acrn-dm");
	if (uuid) {
		(void)strvec_add(argv, "-U");
		(void)strvec_add(argv, "a7ada506-1ab0-4b6b-a0da-e513ca9b8c2f");
	}
	(void)strvec_add(argv, "-A");
	(void)strvec_add(argv, "-m");
	(void)strvec_add(argv, "256M");
	for (size_t i = 0; devices[i]; i++)
		add_expanded(argv, devices[i]);
	(void)strvec_addf(argv, "-s15,virtio-net,%s,mac=02:00:00:00:00:01", nic);
	if (affinity) {
		(void)strvec_add(argv, "--cpu_affinity");
		(void)strvec_add(argv, "0");
	}
	(void)strvec_add(argv, name);
}

static void test_generations(void **state)
{
	static const char long_name[] =
		"sandbox-0123456789012345678901234567890123456789012345678901234567890123";
	static const struct {
		bool uuid;
		bool affinity;
		const char *nic;
		const char *name;
		/* expected on 2.0, 2.6, 2.7, 3.0, 3.4; FAULTY means that it runs, but not well */
		int expect[5];
		unsigned flags[5];
	} rows[] = {
		{ true, false, "tap0_kata", long_name, { RUNS, RUNS, 1, 1, 1 } },
		{ false, true, "tap0_kata", long_name, { RUNS, RUNS, 1, 1, 1 } },
		{ false,
		  true,
		  "tap0_kata",
		  "kabcdefghijklmn",
		  { RUNS, RUNS, RUNS, RUNS, RUNS },
		  { 0, 0, 0, FAULTY, FAULTY } },
		{ false, false, "tap0_kata", "k0", { RUNS, RUNS, 1, 1, 1 } },
		{ false,
		  true,
		  "tap=tap0_kata",
		  "k0",
		  { RUNS, RUNS, RUNS, RUNS, RUNS },
		  { FAULTY, FAULTY, FAULTY, 0, 0 } },
	};
	static const char *const profiles[] = { "2.0", "2.6", "2.7", "3.0", "3.4" };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (size_t k = 0; k < 5; k++) {
			auto_strvec struct strvec argv = { 0 };

			seed_argv(&argv, rows[i].uuid, rows[i].affinity, rows[i].nic, rows[i].name);
			check_argv(profiles[k], &argv, rows[i].expect[k], rows[i].flags[k],
				   rows[i].name);
		}
}

static void test_older_options(void **state)
{
	static const struct vector v2_6[] = {
		{ 1, { "-U", "not-a-uuid" } },
		{ RUNS, { "--uuid", "A7ADA506-1ab0-4b6b-a0da-e513ca9b8c2f" } },
		{ RUNS, { "-W" } },
		{ RUNS, { "--virtio_msix" } },
		/* an abbreviation here */
		{ RUNS, { "--virtio_msi" } },
		{ 1, { "--cmd_monitor", "@/c" } },
		{ 1, { "-s3,vhost-vsock,cid=3" } },
		{ RUNS, { "--cpu_affinity", "0-1" }, .drop = "--cpu_affinity" },
		{ 64, { "--cpu_affinity", "1-0" }, .drop = "--cpu_affinity" },
		{ RUNS, { NULL }, .drop = "--cpu_affinity" },
	};
	static const struct vector v2_7[] = {
		{ RUNS, { NULL }, .drop = "--cpu_affinity" },
		{ 1, { "-A" }, .drop = "--cpu_affinity" },
	};
	static const struct vector v1_2[] = {
		{ RUNS, { "-c", "2" }, .drop = "--cpu_affinity" },
		{ 1, { NULL } },
	};

	(void)state;
	CHECK("2.6", v2_6);
	CHECK("2.7", v2_7);
	CHECK("1.2", v1_2);
}

/* ---- what comes out ---- */

static void test_result(void **state)
{
	static const struct vector v = {
		.args = { "-s5,virtio-blk,nodisk", "-s4,virtio-blk,@/disk,ro",
			  "-s3,virtio-console,@socket:c=@/c,socket:d=@/d" },
	};
	struct dm_config cfg = { .profile = dm_profile_find("3.4") };
	auto_strvec struct strvec argv = { 0 };
	int ret;

	(void)state;
	build(&v, &argv);
	(void)run_quietly(&cfg, (int)argv.len, argv.items, &ret);
	assert_int_equal(ret, RUNS);
	assert_string_equal(cfg.vmname, "VM");
	assert_int_equal(cfg.memory, 128 << 20);
	assert_int_equal(dm_vcpus(&cfg), 1);
	assert_int_equal(cfg.n_devices, 5);
	/* by slot, whatever the order on the command line */
	assert_int_equal(cfg.devices[3].slot, 4);
	assert_true(cfg.devices[3].blk.readonly);
	assert_true(dm_find_device(&cfg, 5, 0)->blk.nodisk);
	assert_null(dm_find_device(&cfg, 6, 0));
	assert_int_equal(cfg.devices[2].console.n_ports, 2);
	assert_true(cfg.devices[2].console.ports[0].console);
	assert_false(cfg.devices[2].console.ports[1].console);
	assert_string_equal(cfg.devices[2].console.ports[1].name, "d");
	dm_config_done(&cfg);
}

static void make_file(const char *name, off_t size)
{
	char path[64];
	auto_close int fd = -1;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
}

static int set_up(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/standin.XXXXXX");
	assert_non_null(mkdtemp(dir));
	make_file("kernel", 512);
	make_file("empty", 0);
	make_file("disk", 8192);
	make_file("odd", 8193);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	return fs_remove_tree_at(AT_FDCWD, dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory_and_identity),
		cmocka_unit_test(test_name_first),
		cmocka_unit_test(test_vsock),
		cmocka_unit_test(test_boot),
		cmocka_unit_test(test_serial),
		cmocka_unit_test(test_slots),
		cmocka_unit_test(test_consoles),
		cmocka_unit_test(test_disks),
		cmocka_unit_test(test_networks),
		cmocka_unit_test(test_generations),
		cmocka_unit_test(test_older_options),
		cmocka_unit_test(test_result),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
