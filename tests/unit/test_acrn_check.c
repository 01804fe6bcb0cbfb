/* What `acrun check` says of ACRN hosts, and its attempt to make a VM. Every host is made up here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>

#include "base/fs.h"
#include "hypervisor/acrn/host.h"

#define DM "/usr/bin/acrn-dm"

struct fake {
	struct acrn_platform ops;
	const char *signature;
	const char *banner;
	const char *device;
	const char *iasl; /* where it is */
	const char *iasl_banner;
	const char *huge_pages; /* how many are free; NULL: the kernel has none */
	const char *meminfo;
	bool has_vsock, has_acrnctl;
	int create_error;
	unsigned long requests[4];
	unsigned n_requests;
	uint8_t creation[56];
	uintptr_t destroyed;
};

static int fake_open(void *arg, const char *path)
{
	const struct fake *f = arg;

	if (strcmp(path, f->device) != 0 && !(f->has_vsock && !strcmp(path, "/dev/vhost-vsock")))
		return -ENOENT;
	return open("/dev/null", O_RDWR | O_CLOEXEC);
}

static int fake_ioctl(void *arg, int fd, unsigned long request, void *data)
{
	struct fake *f = arg;

	assert_true(fd >= 0 && f->n_requests < 4);
	f->requests[f->n_requests++] = request;
	if (request == 0x43000003) {
		((uint8_t *)data)[130] = 3;
		return 0;
	}
	if (request == 0x43000010 || request == 0xc030a210) {
		memcpy(f->creation, data, request == 0x43000010 ? 56 : 48);
		*(uint16_t *)data = 7;
		return f->create_error;
	}
	f->destroyed = (uintptr_t)data;
	return 0;
}

static void fake_cpuid(void *arg, uint32_t leaf, uint32_t regs[static 4])
{
	const struct fake *f = arg;

	memset(regs, 0, 4 * sizeof(*regs));
	if (leaf == 1)
		regs[2] = f->signature ? 1U << 31 : 0;
	if (leaf == 0x40000000 && f->signature) {
		regs[0] = 0x40000010;
		memcpy(&regs[1], f->signature, 12);
	}
	if (leaf == 0x40000001)
		regs[0] = 1;
}

static int fake_read(void *arg, const char *path, struct strbuf *text)
{
	const struct fake *f = arg;

	if (!strcmp(path, "/proc/cpuinfo"))
		return strbuf_adds(
			text, "processor\t: 0\napicid\t\t: 0\n\nprocessor\t: 1\napicid\t\t: 2\n");
	if (!strcmp(path, "/proc/meminfo"))
		return strbuf_adds(text, f->meminfo);
	if (strstr(path, "/free_hugepages") && f->huge_pages)
		return strbuf_adds(text, f->huge_pages);
	return -ENOENT;
}

static int fake_find(void *arg, const char *path)
{
	const struct fake *f = arg;

	if (!strcmp(path, DM) || (f->iasl && !strcmp(path, f->iasl)))
		return 0;
	return f->has_acrnctl && !strcmp(path, "/usr/bin/acrnctl") ? 0 : -ENOENT;
}

static int fake_ask(void *arg, const char *path, const char *option, struct strbuf *output,
		    struct error *err)
{
	const struct fake *f = arg;

	(void)err;
	assert_string_equal(option, "-v");
	return strbuf_adds(output, strcmp(path, DM) ? f->iasl_banner : f->banner);
}

static void fake_init(struct fake *f)
{
	*f = (struct fake){
		.ops = { .open_device = fake_open,
			 .ioctl = fake_ioctl,
			 .cpuid = fake_cpuid,
			 .read_file = fake_read,
			 .find_program = fake_find,
			 .ask = fake_ask,
			 .arg = f },
		.signature = "ACRNACRNACRN",
		.banner = "DM: 3.3-stable-2024(tag: x) build by y",
		.device = "/dev/acrn_hsm",
		.iasl = "/usr/bin/iasl",
		.iasl_banner = "Intel ACPI Component Architecture\n"
			       "ASL+ Optimizing Compiler/Disassembler version 20200925\n",
		.huge_pages = "8\n",
		.meminfo = "MemTotal: 8000000 kB\nMemAvailable:    4096000 kB\n",
	};
}

static struct hypervisor_config config(void)
{
	return (struct hypervisor_config){
		.path = DM,
		.device = "",
		.profile = "auto",
		.cpu_affinity = "",
		.vm_uuids = "a7ada506-1ab0-4b6b-a0da-e513ca9b8c2f",
		.control_path = "",
		.default_vcpus = 2,
		.default_memory_mib = 512,
	};
}

/* --- findings --- */

struct findings {
	struct {
		char name[32], detail[256], remedy[256];
		enum host_check_status status;
	} items[16];
	unsigned n;
};

static void add(void *arg, const struct host_check *check)
{
	struct findings *found = arg;

	assert_true(found->n < 16);
	(void)snprintf(found->items[found->n].name, 32, "%s", check->name);
	(void)snprintf(found->items[found->n].detail, 256, "%s", check->detail);
	(void)snprintf(found->items[found->n].remedy, 256, "%s",
		       check->remedy ? check->remedy : "");
	found->items[found->n++].status = check->status;
	if (check->status != HOST_CHECK_OK)
		assert_true(check->remedy && *check->remedy);
}

static void look(struct fake *f, const struct hypervisor_config *cfg, struct findings *found)
{
	const struct host_checks checks = { .add = add, .arg = found };

	found->n = 0;
	acrn_check_host_on(&f->ops, cfg, &checks);
}

/* The one finding of that name. */
static unsigned find(const struct findings *found, const char *name)
{
	unsigned at = found->n;

	for (unsigned i = 0; i < found->n; i++) {
		if (strcmp(found->items[i].name, name) != 0)
			continue;
		assert_int_equal(at, found->n);
		at = i;
	}
	if (at == found->n)
		fail_msg("no finding '%s'", name);
	return at;
}

static void expect(const struct findings *found, const char *name, enum host_check_status status,
		   const char *detail)
{
	unsigned i = find(found, name);

	assert_int_equal(found->items[i].status, status);
	assert_string_equal(found->items[i].detail, detail);
}

static void test_good_host(void **state)
{
	struct hypervisor_config cfg = config();
	struct findings found;
	struct fake f;

	(void)state;
	fake_init(&f);
	f.has_vsock = true;
	look(&f, &cfg, &found);
	for (unsigned i = 0; i < found.n; i++)
		assert_int_equal(found.items[i].status, HOST_CHECK_OK);
	expect(&found, "acrn", HOST_CHECK_OK, "this is ACRN's service VM");
	expect(&found, "acrn-device", HOST_CHECK_OK, "/dev/acrn_hsm");
	expect(&found, "acrn-dm", HOST_CHECK_OK, "'" DM "', release 3.3, profile 3.x");
	expect(&found, "iasl", HOST_CHECK_OK, "'/usr/bin/iasl', version 20200925");
	expect(&found, "hugepages", HOST_CHECK_OK,
	       "16 MiB in huge pages are free, 4000 MiB could become some; a machine takes 528");
	expect(&found, "acrn-cpus", HOST_CHECK_OK, "0,2");
	expect(&found, "vhost-vsock", HOST_CHECK_OK, "/dev/vhost-vsock");
	/* nothing was made to find that out */
	assert_int_equal(f.n_requests, 0);
}

static void test_other_hosts(void **state)
{
	struct hypervisor_config cfg = config();
	struct findings found;
	struct fake f;

	(void)state;
	fake_init(&f);
	f.signature = "KVMKVMKVM\0\0\0";
	f.device = "";
	look(&f, &cfg, &found);
	expect(&found, "acrn", HOST_CHECK_FAIL,
	       "the hypervisor below this kernel is 'KVMKVMKVM', not ACRN");
	assert_int_equal(found.items[find(&found, "acrn-device")].status, HOST_CHECK_FAIL);
	assert_int_equal(found.items[find(&found, "acrn-dm")].status, HOST_CHECK_FAIL);
	f.signature = NULL;
	look(&f, &cfg, &found);
	expect(&found, "acrn", HOST_CHECK_FAIL,
	       "the processor knows of no hypervisor below this kernel");
}

static void test_iasl(void **state)
{
	struct hypervisor_config cfg = config();
	struct findings found;
	struct fake f;
	unsigned i;

	(void)state;
	fake_init(&f);
	f.iasl = NULL;
	look(&f, &cfg, &found);
	i = find(&found, "iasl");
	assert_int_equal(found.items[i].status, HOST_CHECK_FAIL);
	assert_string_equal(found.items[i].remedy, "install acpica-tools");

	fake_init(&f);
	f.iasl_banner = "ASL+ Optimizing Compiler/Disassembler version 20180105\n";
	look(&f, &cfg, &found);
	expect(&found, "iasl", HOST_CHECK_FAIL,
	       "'/usr/bin/iasl' is of version 20180105, 20190703 is needed");

	/* older releases look in one place, and take any */
	f.banner = "DM version is: 2.0-stable-x (daily tag:y), build by z";
	f.device = "/dev/acrn_vhm";
	look(&f, &cfg, &found);
	i = find(&found, "iasl");
	assert_int_equal(found.items[i].status, HOST_CHECK_FAIL);
	assert_string_equal(found.items[i].remedy,
			    "this release looks there only: ln -s /usr/bin/iasl /usr/sbin/iasl");
	f.iasl = "/usr/sbin/iasl";
	look(&f, &cfg, &found);
	assert_int_equal(found.items[find(&found, "iasl")].status, HOST_CHECK_WARN);
}

static void test_memory(void **state)
{
	struct hypervisor_config cfg = config();
	struct findings found;
	struct fake f;

	(void)state;
	fake_init(&f);
	f.huge_pages = NULL;
	look(&f, &cfg, &found);
	assert_int_equal(found.items[find(&found, "hugepages")].status, HOST_CHECK_FAIL);
	f.huge_pages = "0";
	f.meminfo = "MemAvailable: 102400 kB\n";
	look(&f, &cfg, &found);
	expect(&found, "hugepages", HOST_CHECK_WARN,
	       "a machine takes 528 MiB in huge pages, there is room for 100");
	/* 528 and no more */
	f.huge_pages = "214";
	look(&f, &cfg, &found);
	assert_int_equal(found.items[find(&found, "hugepages")].status, HOST_CHECK_OK);
	f.huge_pages = "213";
	look(&f, &cfg, &found);
	assert_int_equal(found.items[find(&found, "hugepages")].status, HOST_CHECK_WARN);
}

static void test_old_release(void **state)
{
	struct hypervisor_config cfg = config();
	struct findings found;
	struct fake f;

	(void)state;
	fake_init(&f);
	f.banner = "DM version is: 2.0-stable-x (daily tag:y), build by z";
	f.device = "/dev/acrn_vhm";
	cfg.control_path = "/usr/bin/acrnctl";
	cfg.vm_uuids = "a7ada506-1ab0-4b6b-a0da-e513ca9b8c2f dbeae168-26e4-4084-9227-622193e56325 "
		       "18ed60cd-e9ea-4bf4-8f87-8523fc8347a3 3f90b6f8-449a-4e72-b99c-063a889fc422";
	look(&f, &cfg, &found);
	expect(&found, "acrn-uuids", HOST_CHECK_OK,
	       "3 of the 4 configured may be in use at a time");
	expect(&found, "acrnctl", HOST_CHECK_WARN,
	       "cannot run '/usr/bin/acrnctl': No such file or directory");
	f.has_acrnctl = true;
	look(&f, &cfg, &found);
	assert_int_equal(found.items[find(&found, "acrnctl")].status, HOST_CHECK_OK);
	cfg.vm_uuids = "not-a-uuid";
	look(&f, &cfg, &found);
	assert_int_equal(found.items[find(&found, "acrn-uuids")].status, HOST_CHECK_FAIL);
}

/* --- a VM by ioctl --- */

static void attempt(struct fake *f, const struct hypervisor_config *cfg, struct findings *found)
{
	const struct host_checks checks = { .add = add, .arg = found };

	found->n = 0;
	f->n_requests = 0;
	acrn_try_create_on(&f->ops, cfg, &checks);
	assert_int_equal(found->n, 1);
}

static void test_create_by_name(void **state)
{
	struct hypervisor_config cfg = config();
	struct findings found;
	uint64_t page;
	struct fake f;

	(void)state;
	fake_init(&f);
	attempt(&f, &cfg, &found);
	expect(&found, "create", HOST_CHECK_OK, "an empty virtual machine was made and ended");
	assert_int_equal(f.n_requests, 2);
	assert_int_equal(f.requests[0], 0xc030a210);
	assert_int_equal(f.requests[1], 0xa211);
	/* 15 letters and a NUL; a page for the requests */
	assert_int_equal(strnlen((char *)f.creation + 8, 16), 15);
	memcpy(&page, f.creation + 32, sizeof(page));
	assert_true(page != 0 && page % 4096 == 0);

	f.create_error = -EINVAL;
	attempt(&f, &cfg, &found);
	expect(&found, "create", HOST_CHECK_FAIL,
	       "have '/dev/acrn_hsm' make a virtual machine: Invalid argument");
	assert_int_equal(f.n_requests, 1);
	f.create_error = -ENOTTY;
	attempt(&f, &cfg, &found);
	expect(&found, "create", HOST_CHECK_FAIL,
	       "'/dev/acrn_hsm' makes no virtual machines: Inappropriate ioctl for device");
	f.device = "";
	attempt(&f, &cfg, &found);
	assert_int_equal(found.items[0].status, HOST_CHECK_FAIL);
	assert_int_equal(f.n_requests, 0);
}

static void test_create_by_uuid(void **state)
{
	static const uint8_t uuid[] = { 0xa7, 0xad, 0xa5, 0x06, 0x1a, 0xb0, 0x4b, 0x6b,
					0xa0, 0xda, 0xe5, 0x13, 0xca, 0x9b, 0x8c, 0x2f };
	struct hypervisor_config cfg = config();
	struct findings found;
	char dir[] = "/tmp/acrn-check.XXXXXX";
	struct fake f;

	(void)state;
	assert_non_null(mkdtemp(dir));
	fake_init(&f);
	f.banner = "DM version is: 2.0-stable-x (daily tag:y), build by z";
	f.device = "/dev/acrn_vhm";
	cfg.host_dir = dir;
	attempt(&f, &cfg, &found);
	expect(&found, "create", HOST_CHECK_OK, "an empty virtual machine was made and ended");
	assert_int_equal(f.requests[0], 0x43000010);
	assert_int_equal(f.requests[1], 0x43000011);
	assert_memory_equal(f.creation + 8, uuid, sizeof(uuid));
	assert_int_equal(f.destroyed, 7);
	/* the only UUID is free again, after a failure too */
	f.create_error = -EIO;
	attempt(&f, &cfg, &found);
	assert_int_equal(found.items[0].status, HOST_CHECK_FAIL);
	f.create_error = 0;
	attempt(&f, &cfg, &found);
	assert_int_equal(found.items[0].status, HOST_CHECK_OK);
	assert_int_equal(fs_remove_tree_at(AT_FDCWD, dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_host),      cmocka_unit_test(test_other_hosts),
		cmocka_unit_test(test_iasl),	       cmocka_unit_test(test_memory),
		cmocka_unit_test(test_old_release),    cmocka_unit_test(test_create_by_name),
		cmocka_unit_test(test_create_by_uuid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
