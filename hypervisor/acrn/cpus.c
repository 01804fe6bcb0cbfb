#include "hypervisor/acrn/cpus.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

#define CPUINFO "/proc/cpuinfo"
#define MADT	"/sys/firmware/acpi/tables/APIC"

/* The MADT: a header, then entries of type and length. */
enum {
	MADT_ENTRIES = 44,
	MADT_LAPIC = 0,
	MADT_LAPIC_BYTES = 8,
	MADT_X2APIC = 9,
	MADT_X2APIC_BYTES = 16,
	MADT_ENABLED = 3, /* enabled, or can be */
};

static bool list_has(const struct cpu_list *list, uint32_t id)
{
	for (uint32_t i = 0; i < list->len; i++)
		if (list->ids[i] == id)
			return true;
	return false;
}

static void list_put(struct cpu_list *list, uint32_t id)
{
	if (list->len < ACRN_CPUS_MAX && !list_has(list, id))
		list->ids[list->len++] = id;
}

/* A decimal number of at most six digits. */
static bool read_id(const char **at, uint32_t *id)
{
	size_t digits = strspn(*at, "0123456789");

	if (digits == 0 || digits > 6)
		return false;
	for (*id = 0; digits > 0; digits--, (*at)++)
		*id = *id * 10 + (uint32_t)(**at - '0');
	return true;
}

static int put_range(struct cpu_list *list, uint32_t first, uint32_t last, bool lapic,
		     const char *text, struct error *err)
{
	if (last < first || (!lapic && last >= ACRN_CPUS_MAX) || last - first >= ACRN_CPUS_MAX)
		return err_msg(err, -EINVAL, "cpu_affinity '%s': %u-%u", text, first, last);
	for (uint32_t id = first; id <= last; id++) {
		if (list_has(list, id))
			return err_msg(err, -EINVAL, "cpu_affinity '%s': %u stands there twice",
				       text, id);
		if (list->len == ACRN_CPUS_MAX)
			return err_msg(err, -E2BIG, "cpu_affinity '%s': more than %d CPUs", text,
				       ACRN_CPUS_MAX);
		list->ids[list->len++] = id;
	}
	return 0;
}

int cpu_list_parse(const char *text, bool lapic, struct cpu_list *list, struct error *err)
{
	const char *at = text;

	list->len = 0;
	for (;;) {
		uint32_t first = 0, last;
		bool good = read_id(&at, &first);
		int ret;

		last = first;
		if (good && *at == '-') {
			at++;
			good = read_id(&at, &last);
		}
		if (!good || (*at && *at != ',')) {
			err_msg(err, -EINVAL, "cpu_affinity '%s' is no list of CPUs", text);
			return err_hint(err, "as in \"0,2-4\"");
		}
		ret = put_range(list, first, last, lapic, text, err);
		if (ret < 0 || !*at)
			return ret;
		at++;
	}
}

void cpu_list_read_cpuinfo(const char *text, bool lapic, struct cpu_list *list)
{
	const char *key = lapic ? "apicid" : "processor";
	size_t len = strlen(key);

	list->len = 0;
	for (const char *line = text; line; line = strchr(line, '\n')) {
		const char *at;
		uint32_t id;

		line += *line == '\n';
		if (strncmp(line, key, len) != 0)
			continue;
		at = line + len + strspn(line + len, " \t");
		if (*at++ != ':')
			continue;
		at += strspn(at, " \t");
		if (read_id(&at, &id))
			list_put(list, id);
	}
}

static uint32_t read_u32(const uint8_t *at)
{
	return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

void cpu_list_read_madt(const void *madt, size_t len, struct cpu_list *list)
{
	const uint8_t *table = madt;
	size_t pos = MADT_ENTRIES;

	list->len = 0;
	while (pos + 2 <= len) {
		const uint8_t *entry = table + pos;

		if (entry[1] < 2 || entry[1] > len - pos)
			return;
		if (entry[0] == MADT_LAPIC && entry[1] == MADT_LAPIC_BYTES &&
		    read_u32(entry + 4) & MADT_ENABLED)
			list_put(list, entry[3]);
		if (entry[0] == MADT_X2APIC && entry[1] == MADT_X2APIC_BYTES &&
		    read_u32(entry + 8) & MADT_ENABLED)
			list_put(list, read_u32(entry + 4));
		pos += entry[1];
	}
}

/* The CPUs that the device model itself looks its ids up in. Not readable is no reason to fail. */
static int check_exist(const struct acrn_platform *host, const struct cpu_list *wanted,
		       struct error *err)
{
	auto_strbuf struct strbuf madt = { 0 };
	struct cpu_list there;

	if (host->read_file(host->arg, MADT, &madt) < 0)
		return 0;
	cpu_list_read_madt(strbuf_str(&madt), madt.len, &there);
	for (uint32_t i = 0; i < wanted->len && there.len > 0; i++) {
		if (list_has(&there, wanted->ids[i]))
			continue;
		err_msg(err, -EINVAL, "cpu_affinity: no CPU of this host has the APIC id %u",
			wanted->ids[i]);
		return err_hint(err, "they are the \"apicid\" lines of " CPUINFO);
	}
	return 0;
}

/* All that VMs may have. */
static int find_allowed(const struct acrn_platform *host, const struct acrn_profile *profile,
			const char *configured, struct cpu_list *list, struct error *err)
{
	bool lapic = profile->affinity == ACRN_AFFINITY_LAPIC;
	auto_strbuf struct strbuf text = { 0 };
	int ret;

	if (configured && *configured) {
		ret = cpu_list_parse(configured, lapic, list, err);
		return ret < 0 || !lapic ? ret : check_exist(host, list, err);
	}
	ret = host->read_file(host->arg, CPUINFO, &text);
	if (ret < 0)
		return err_set(err, ret, "read '%s'", CPUINFO);
	cpu_list_read_cpuinfo(strbuf_str(&text), lapic, list);
	if (list->len > 0)
		return 0;
	err_msg(err, -ENODEV, "no CPUs found in '%s'", CPUINFO);
	return err_hint(err, "set cpu_affinity in [hypervisor.acrn]");
}

int cpus_choose(const struct acrn_platform *host, const struct acrn_profile *profile,
		const char *configured, uint32_t vcpus, uint32_t spread, struct strbuf *affinity,
		struct error *err)
{
	struct cpu_list list = { .len = 0 };
	int ret;

	if (profile->affinity == ACRN_AFFINITY_NONE) {
		if (configured && *configured)
			return err_msg(
				err, -ENOTSUP,
				"cpu_affinity is set, but ACRN %s cannot be told the CPUs of "
				"a virtual machine",
				profile->name);
		return 0;
	}
	ret = find_allowed(host, profile, configured, &list, err);
	if (ret < 0)
		return ret;
	/* A limit that could use more is no reason to fail: it is kept with fewer as well. */
	if (vcpus > list.len) {
		log_warning("a virtual machine gets %u of the %u vCPUs it could use: see "
			    "cpu_affinity in [hypervisor.acrn]",
			    list.len, vcpus);
		vcpus = list.len;
	}
	for (uint32_t i = 0; i < vcpus; i++)
		(void)strbuf_addf(affinity, "%s%u", i ? "," : "",
				  list.ids[(spread % list.len + i) % list.len]);
	ret = strbuf_error(affinity);
	return ret < 0 ? err_set(err, ret, "list the CPUs") : 0;
}
