/* The host as the ACRN backend sees it: CPUID, device, ioctl, CPUs. Every host is made up here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>

#include "hypervisor/acrn/cpus.h"
#include "hypervisor/acrn/platform.h"

struct fake {
	struct acrn_platform ops;
	const char *signature; /* of the hypervisor, NULL: none */
	bool privileged;
	const char *device; /* the one that there is */
	int open_error;
	int ioctl_error;
	unsigned long ioctl_seen;
	uint8_t info[ACRN_INFO_BYTES];
	const char *cpuinfo;
	const uint8_t *madt;
	size_t madt_len;
};

static int fake_open(void *arg, const char *path)
{
	const struct fake *f = arg;

	if (f->open_error)
		return f->open_error;
	if (!f->device || strcmp(f->device, path) != 0)
		return -ENOENT;
	return open("/dev/null", O_RDWR | O_CLOEXEC);
}

static int fake_ioctl(void *arg, int fd, unsigned long request, void *data)
{
	struct fake *f = arg;

	assert_true(fd >= 0);
	f->ioctl_seen = request;
	if (f->ioctl_error == 0)
		memcpy(data, f->info, sizeof(f->info));
	return f->ioctl_error;
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
		regs[0] = f->privileged;
}

static int fake_read(void *arg, const char *path, struct strbuf *text)
{
	const struct fake *f = arg;

	if (!strcmp(path, "/proc/cpuinfo") && f->cpuinfo)
		return strbuf_adds(text, f->cpuinfo);
	if (!strcmp(path, "/sys/firmware/acpi/tables/APIC") && f->madt)
		return strbuf_add(text, f->madt, f->madt_len);
	return -ENOENT;
}

static void fake_init(struct fake *f)
{
	*f = (struct fake){
		.ops = { .open_device = fake_open,
			 .ioctl = fake_ioctl,
			 .cpuid = fake_cpuid,
			 .read_file = fake_read,
			 .arg = f },
		.signature = "ACRNACRNACRN",
		.privileged = true,
		.device = "/dev/acrn_hsm",
	};
}

static void test_cpuid(void **state)
{
	struct fake f;

	(void)state;
	fake_init(&f);
	assert_true(platform_is_acrn(&f.ops, NULL));
	f.privileged = false;
	assert_false(platform_is_acrn(&f.ops, NULL));
	f.privileged = true;
	f.signature = "KVMKVMKVM\0\0\0";
	assert_false(platform_is_acrn(&f.ops, NULL));
	f.signature = NULL;
	assert_false(platform_is_acrn(&f.ops, NULL));
}

static void test_device(void **state)
{
	const char *device;
	struct error err;
	struct fake f;

	(void)state;
	fake_init(&f);
	assert_int_equal(platform_find_device(&f.ops, "", &device, &err), 0);
	assert_string_equal(device, "/dev/acrn_hsm");
	f.device = "/dev/acrn_vhm";
	assert_int_equal(platform_find_device(&f.ops, NULL, &device, &err), 0);
	assert_string_equal(device, "/dev/acrn_vhm");
	assert_int_equal(platform_find_device(&f.ops, "/dev/other", &device, &err), -ENOENT);
	assert_string_equal(err.text, "open '/dev/other': No such file or directory");
	f.device = "/dev/other";
	assert_int_equal(platform_find_device(&f.ops, "/dev/other", &device, &err), 0);
	assert_string_equal(device, "/dev/other");
	assert_int_equal(platform_find_device(&f.ops, "", &device, &err), -ENODEV);
	assert_non_null(strstr(err.text, "this is not the service VM of ACRN"));
	f.open_error = -EACCES;
	assert_int_equal(platform_find_device(&f.ops, "", &device, &err), -EACCES);
}

static int max_vms(struct fake *f, const char *profile, uint32_t *max, struct error *err)
{
	return platform_max_vms(&f->ops, profile_find(profile), f->device, max, err);
}

static void test_max_vms(void **state)
{
	struct error err;
	struct fake f;
	uint32_t max;

	(void)state;
	fake_init(&f);
	/* Where the numbers stand in each layout; all else is noise. */
	memset(f.info, 0xee, sizeof(f.info));
	f.info[130] = 3;
	assert_int_equal(max_vms(&f, "2.0", &max, &err), 0);
	assert_int_equal(max, 3);
	assert_int_equal(f.ioctl_seen, 0x43000003);
	memset(f.info, 0xee, sizeof(f.info));
	memset(f.info + 144, 0, 8);
	f.info[144] = 2;
	assert_int_equal(max_vms(&f, "2.6", &max, &err), 0);
	assert_int_equal(max, 2);
	assert_int_equal(f.ioctl_seen, 0x8100a203);
	/* A number out of all proportion is only cut. */
	f.info[151] = 0xff;
	assert_int_equal(max_vms(&f, "2.6", &max, &err), 0);
	assert_int_equal(max, UINT16_MAX);
}

static void test_max_vms_unknown(void **state)
{
	struct error err;
	struct fake f;
	uint32_t max = 7;

	(void)state;
	fake_init(&f);
	assert_int_equal(max_vms(&f, "3.x", &max, &err), 0);
	assert_int_equal(max, 0);
	assert_int_equal(f.ioctl_seen, 0);
	/* The driver of Linux itself knows no such question. */
	f.ioctl_error = -EINVAL;
	assert_int_equal(max_vms(&f, "2.6", &max, &err), 0);
	assert_int_equal(max, 0);
	f.ioctl_error = -EIO;
	assert_int_equal(max_vms(&f, "2.6", &max, &err), -EIO);
	f.ioctl_error = 0;
	assert_int_equal(max_vms(&f, "1.x", &max, &err), -EPERM);
	assert_non_null(strstr(err.text, "has no virtual machine for containers"));
	f.open_error = -EBUSY;
	assert_int_equal(max_vms(&f, "1.x", &max, &err), -EBUSY);
}

static const char cpuinfo[] = "processor\t: 0\nvendor_id\t: GenuineIntel\napicid\t\t: 0\n"
			      "initial apicid\t: 0\n\nprocessor\t: 1\napicid\t\t: 2\n"
			      "initial apicid\t: 9\n\nprocessor\t: 3\napicid\t\t: 6\n";

/* Header of 44 bytes, then: LAPIC 0, LAPIC 2, an I/O APIC, LAPIC 4 (cannot be used), x2APIC 6. */
static const uint8_t madt[] = {
	'A', 'P', 'I', 'C', [44] = 0, 8, 0, 0, 1, 0, 0, 0, 0, 8, 1, 2, 1, 0, 0,
	0,   1,	  12,  0,   0,	      0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 2, 4, 0, 0,
	0,   0,	  9,   16,  0,	      0, 6, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0,
};

static void check_list(const struct cpu_list *list, uint32_t len, const uint32_t *ids)
{
	assert_int_equal(list->len, len);
	for (uint32_t i = 0; i < len; i++)
		assert_int_equal(list->ids[i], ids[i]);
}

static void test_cpu_lists(void **state)
{
	static const char *const bad[] = { "",	    "x",  "0,x", "1,,2", "1-", "3-1", "1,1",
					   "0-3,2", "64", "1 2", "1;2",	 "1,", "-1" };
	struct cpu_list list;
	struct error err;

	(void)state;
	assert_int_equal(cpu_list_parse("0,2-4", false, &list, &err), 0);
	check_list(&list, 4, (const uint32_t[]){ 0, 2, 3, 4 });
	assert_int_equal(cpu_list_parse("64,128", true, &list, &err), 0);
	check_list(&list, 2, (const uint32_t[]){ 64, 128 });
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_true(cpu_list_parse(bad[i], false, &list, &err) < 0);
	assert_int_equal(cpu_list_parse("0-9999", true, &list, &err), -EINVAL);
	cpu_list_read_cpuinfo(cpuinfo, false, &list);
	check_list(&list, 3, (const uint32_t[]){ 0, 1, 3 });
	cpu_list_read_cpuinfo(cpuinfo, true, &list);
	check_list(&list, 3, (const uint32_t[]){ 0, 2, 6 });
	cpu_list_read_cpuinfo("", true, &list);
	assert_int_equal(list.len, 0);
}

static void test_madt(void **state)
{
	struct cpu_list list;
	uint8_t bad[48] = { [44] = 0, 0 };

	(void)state;
	cpu_list_read_madt(madt, sizeof(madt), &list);
	check_list(&list, 3, (const uint32_t[]){ 0, 2, 6 });
	for (size_t len = 0; len < sizeof(madt); len++)
		cpu_list_read_madt(madt, len, &list);
	/* An entry of no length would be read for ever. */
	cpu_list_read_madt(bad, sizeof(bad), &list);
	assert_int_equal(list.len, 0);
}

static const char *choose(struct fake *f, const char *profile, const char *configured,
			  uint32_t vcpus, uint32_t spread, struct strbuf *out)
{
	struct error err;

	strbuf_clear(out);
	assert_int_equal(cpus_choose(&f->ops, profile_find(profile), configured, vcpus, spread, out,
				     &err),
			 0);
	return strbuf_str(out);
}

static void refuses(struct fake *f, const char *profile, const char *configured, const char *text)
{
	auto_strbuf struct strbuf out = { 0 };
	struct error err;

	assert_true(cpus_choose(&f->ops, profile_find(profile), configured, 1, 0, &out, &err) < 0);
	assert_string_equal(err.text, text);
}

static void test_choice(void **state)
{
	auto_strbuf struct strbuf out = { 0 };
	struct fake f;

	(void)state;
	fake_init(&f);
	f.cpuinfo = cpuinfo;
	assert_string_equal(choose(&f, "1.x", "", 1, 0, &out), "");
	assert_string_equal(choose(&f, "2.7", "", 1, 0, &out), "0");
	assert_string_equal(choose(&f, "2.7", "", 1, 2, &out), "3");
	assert_string_equal(choose(&f, "3.x", "", 2, 2, &out), "6,0");
	assert_string_equal(choose(&f, "3.x", "", 2, UINT32_MAX, &out), "0,2");
	assert_string_equal(choose(&f, "2.0", "1-3", 2, 4, &out), "2,3");
	/* More than there are: those that there are. */
	assert_string_equal(choose(&f, "3.x", "0,6", 5, 0, &out), "0,6");
	f.madt = madt;
	f.madt_len = sizeof(madt);
	assert_string_equal(choose(&f, "3.x", "2", 1, 0, &out), "2");
	/* It would get CPU 63, and nobody would say so. */
	refuses(&f, "3.x", "4",
		"cpu_affinity: no CPU of this host has the APIC id 4 (they are the \"apicid\" "
		"lines of /proc/cpuinfo)");
	refuses(&f, "1.x", "1",
		"cpu_affinity is set, but ACRN 1.x cannot be told the CPUs of a virtual machine");
	refuses(&f, "2.7", "0,x", "cpu_affinity '0,x' is no list of CPUs (as in \"0,2-4\")");
	f.cpuinfo = "nothing";
	refuses(&f, "2.7", "",
		"no CPUs found in '/proc/cpuinfo' (set cpu_affinity in [hypervisor.acrn])");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cpuid),	  cmocka_unit_test(test_device),
		cmocka_unit_test(test_max_vms),	  cmocka_unit_test(test_max_vms_unknown),
		cmocka_unit_test(test_cpu_lists), cmocka_unit_test(test_madt),
		cmocka_unit_test(test_choice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
