#include "tests/standins/acrn/dm_parse_internal.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/strbuf.h"
#include "tests/standins/acrn/dm_number.h"

enum { NO_SUCH_CPU = 63, CPUINFO_MAX = 4 << 20, CPUS = 64 };

/* The CPU whose `key` in /proc/cpuinfo has this value; NO_SUCH_CPU when there is none. */
static unsigned find_cpu(const char *text, const char *key, int value)
{
	unsigned cpu = 0;
	size_t len = strlen(key);

	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		const char *colon;
		int got = -1;

		line += *line == '\n';
		if (strncmp(line, key, len) != 0 || !strchr("\t ", line[len]))
			continue;
		colon = strchr(line, ':');
		if (colon && dm_int(colon + 1 + strspn(colon + 1, " "), &got) == 0 && got == value)
			return cpu < NO_SUCH_CPU ? cpu : NO_SUCH_CPU;
		cpu++;
	}
	return NO_SUCH_CPU;
}

static void add_cpu(struct dm_config *cfg, int id)
{
	bool lapic = cfg->profile->cpus == DM_CPUS_LAPIC;
	auto_strbuf struct strbuf text = { 0 };
	unsigned cpu;

	if (cfg->no_files) {
		cfg->cpu_mask |= (uint64_t)1 << (id < CPUS ? id : NO_SUCH_CPU);
		return;
	}
	if (fs_read_file_at(AT_FDCWD, "/proc/cpuinfo", &text, CPUINFO_MAX) < 0)
		text.len = 0;
	cpu = find_cpu(strbuf_str(&text), lapic ? "apicid" : "processor", id);
	if (cpu == NO_SUCH_CPU)
		dm_fault(cfg, "cpu_affinity: the host has no %s %d", lapic ? "local APIC" : "CPU",
			 id);
	if (!lapic && id < CPUS)
		cpu = (unsigned)id;
	cfg->cpu_mask |= (uint64_t)1 << cpu;
}

/* One entry: N, or in the older releases N-M. */
static bool add_entry(struct dm_config *cfg, const char *entry, bool ranges)
{
	const char *dash = ranges ? strchr(entry, '-') : NULL;
	int first = 0;
	int last;

	if (dm_int(entry, &first) < 0)
		return false;
	last = first;
	if (dash && (dm_int(dash + 1, &last) < 0 || last < first || last >= CPUS))
		return false;
	for (int id = first; id <= last; id++)
		add_cpu(cfg, id);
	return true;
}

int dm_parse_affinity(struct dm_config *cfg, const char *arg)
{
	const char *rest = arg;

	/* What does not begin with a digit ends the list, without a word. */
	while (rest && isdigit((unsigned char)*rest)) {
		auto_free char *entry = dm_token(&rest, ",");

		if (!add_entry(cfg, entry, cfg->profile->cpus == DM_CPUS_PCPU))
			return DM_EXIT_USAGE;
		if (entry[strspn(entry, "0123456789-")])
			dm_fault(cfg, "cpu_affinity: '%s' is read up to its first letter", entry);
	}
	if (rest)
		dm_fault(cfg, "cpu_affinity: '%s' is not looked at", rest);
	return DM_GO_ON;
}
