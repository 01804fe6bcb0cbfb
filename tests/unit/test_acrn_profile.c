/* Which release a device model is of, and what is refused because it would misbehave. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>

#include "hypervisor/acrn/profile.h"

static void test_banners(void **state)
{
	static const struct {
		const char *text;
		uint32_t release;
	} rows[] = {
		{ "DM version is: 1.2-unstable-0f2dd5e (daily tag:acrn-2019w31), build by a@b\n",
		  ACRN_RELEASE(1, 2) },
		{ "DM version is: 2.0-cdb1c4f4 (daily tag:acrn-2020w26.1p), build by root@x\n",
		  ACRN_RELEASE(2, 0) },
		{ "DM version is: 3.0-abc (daily tag:v), build by root@2022-06-17\n",
		  ACRN_RELEASE(3, 0) },
		{ "DM: 3.2-stable-2023-08-01-abc(tag: v3.2) build by a@2023\n",
		  ACRN_RELEASE(3, 2) },
		{ "DM: 3.4-unstable-2025-08-19-d61d98cf8(tag: none) build by u@t\n",
		  ACRN_RELEASE(3, 4) },
		{ "noise\nDM: v12.34\n", ACRN_RELEASE(12, 34) },
	};
	static const char *const bad[] = {
		"", "acrn-dm", "DM version is: ", "DM: unstable", "DM: 3", "DM: 3.x", "DM: 12345.1",
	};
	uint32_t release = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(profile_parse_banner(rows[i].text, &release), 0);
		assert_int_equal(release, rows[i].release);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(profile_parse_banner(bad[i], &release), -EINVAL);
}

static void test_releases(void **state)
{
	static const struct {
		uint32_t major, minor;
		const char *name;
	} rows[] = {
		{ 1, 2, "1.x" }, { 1, 6, "1.x" }, { 2, 0, "2.0" }, { 2, 1, "2.x" }, { 2, 5, "2.x" },
		{ 2, 6, "2.6" }, { 2, 7, "2.7" }, { 3, 0, "3.x" }, { 3, 4, "3.x" }, { 4, 0, "3.x" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(
			profile_of_release(ACRN_RELEASE(rows[i].major, rows[i].minor))->name,
			rows[i].name);
	assert_null(profile_of_release(ACRN_RELEASE(1, 1)));
	assert_null(profile_of_release(0));
}

/* Without gaps or overlaps, so that each release has one row. */
static void test_table(void **state)
{
	const struct acrn_profile *profile;

	(void)state;
	for (size_t i = 0; (profile = profile_at(i)); i++) {
		assert_ptr_equal(profile_find(profile->name), profile);
		assert_true(profile->first <= profile->last);
		assert_true(profile->info_offset + profile->info_bytes <= ACRN_INFO_BYTES);
		if (profile_at(i + 1))
			assert_true(profile_at(i + 1)->first > profile->last);
		/* Both ways to name a VM have what they need. */
		assert_true(profile->by_uuid || profile->affinity_needed);
	}
	assert_null(profile_find("4.x"));
}

static void decides(const char *wanted, uint32_t release, const char *device, const char *name)
{
	const struct acrn_profile *profile = NULL;
	struct error err;

	assert_int_equal(profile_decide(wanted, release, device, &profile, &err), 0);
	assert_string_equal(profile->name, name);
}

static void refuses(const char *wanted, uint32_t release, const char *device, int code,
		    const char *text)
{
	const struct acrn_profile *profile;
	struct error err;

	assert_int_equal(profile_decide(wanted, release, device, &profile, &err), code);
	assert_string_equal(err.text, text);
}

static void test_decided(void **state)
{
	(void)state;
	decides("auto", ACRN_RELEASE(2, 0), "/dev/acrn_vhm", "2.0");
	decides("auto", ACRN_RELEASE(2, 6), "/dev/acrn_hsm", "2.6");
	decides("auto", ACRN_RELEASE(3, 3), "/dev/acrn_hsm", "3.x");
	decides("auto", ACRN_RELEASE(3, 3), NULL, "3.x");
	decides("3.x", ACRN_RELEASE(3, 0), "/dev/acrn_hsm", "3.x");
	/* A device model that says nothing is taken at the user's word. */
	decides("2.7", 0, "/dev/acrn_hsm", "2.7");
}

static void test_misfits(void **state)
{
	(void)state;
	refuses("2.7", ACRN_RELEASE(3, 0), NULL, -EINVAL,
		"acrn_profile is \"2.7\", but the device model is of release 3.0 (guests would run "
		"without a network and nothing would say so; set acrn_profile = \"auto\" or "
		"\"3.x\" in [hypervisor.acrn])");
	refuses("3.x", ACRN_RELEASE(2, 6), NULL, -EINVAL,
		"acrn_profile is \"3.x\", but the device model is of release 2.6 (guests would be "
		"put on an interface called 'tap=...' that nobody knows; set acrn_profile = "
		"\"auto\" or \"2.6\" in [hypervisor.acrn])");
	refuses("2.6", ACRN_RELEASE(2, 7), NULL, -EINVAL,
		"acrn_profile is \"2.6\", but the device model is of release 2.7 (the device model "
		"would end without a word; set acrn_profile = \"auto\" or \"2.7\" in "
		"[hypervisor.acrn])");
	refuses("2.0", ACRN_RELEASE(1, 4), NULL, -EINVAL,
		"acrn_profile is \"2.0\", but the device model is of release 1.4 (disks would not "
		"arrive, or the guest would be told something else; set acrn_profile = \"auto\" or "
		"\"1.x\" in [hypervisor.acrn])");
	refuses("auto", ACRN_RELEASE(2, 7), "/dev/acrn_vhm", -ENODEV,
		"ACRN 2.7 makes virtual machines through '/dev/acrn_hsm', but this host has "
		"'/dev/acrn_vhm' (kernel and device model are of different releases)");
	refuses("auto", ACRN_RELEASE(1, 0), NULL, -EINVAL,
		"the device model is of release 1.0: too old for containers (1.2 is the first that "
		"can run them)");
	refuses("auto", 0, NULL, -EINVAL,
		"the device model does not say which release of ACRN it is (set acrn_profile in "
		"[hypervisor.acrn])");
	refuses("5.x", 0, NULL, -EINVAL,
		"unknown acrn_profile '5.x' in [hypervisor.acrn] (known: auto, 1.x, 2.0, 2.x, 2.6, "
		"2.7, 3.x)");
}

/* Each profile is refused for the releases of every other one. */
static void test_all_misfits(void **state)
{
	const struct acrn_profile *wanted, *real, *got;
	struct error err;

	(void)state;
	for (size_t i = 0; (wanted = profile_at(i)); i++) {
		for (size_t k = 0; (real = profile_at(k)); k++) {
			int ret =
				profile_decide(wanted->name, real->first, real->device, &got, &err);

			assert_int_equal(ret, i == k ? 0 : -EINVAL);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_banners), cmocka_unit_test(test_releases),
		cmocka_unit_test(test_table),	cmocka_unit_test(test_decided),
		cmocka_unit_test(test_misfits), cmocka_unit_test(test_all_misfits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
