#include "runtime/check/host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/parse.h"

enum { TEXT_MAX = 4 << 20 };

static void read_text(const char *path, struct strbuf *text)
{
	if (fs_read_file_at(AT_FDCWD, path, text, TEXT_MAX) < 0)
		strbuf_clear(text);
}

/* The value of the first line "key<blanks><mark> value", without quotes; "" when there is none. */
static const char *value_of(const char *text, const char *key, char mark, struct arena *arena)
{
	size_t len = strlen(key);

	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		const char *at = line += *line == '\n';

		if (strncmp(line, key, len) != 0)
			continue;
		at += len;
		at += strspn(at, " \t");
		if (*at != mark)
			continue;
		at++;
		at += strspn(at, " \t\"'");
		return arena_strndup(arena, at, strcspn(at, "\"'\n"));
	}
	return "";
}

static uint64_t kib_of(const char *text, const char *key, struct arena *arena)
{
	const char *value = value_of(text, key, ':', arena);
	const char *digits = value ? arena_strndup(arena, value, strspn(value, "0123456789")) : "";
	uint64_t kib;

	return digits && parse_u64(digits, &kib) == 0 ? kib : 0;
}

static void read_os(struct arena *arena, struct host_facts *facts)
{
	auto_strbuf struct strbuf text = { 0 };

	read_text("/etc/os-release", &text);
	if (text.len == 0)
		read_text("/usr/lib/os-release", &text);
	facts->distro_name = value_of(strbuf_str(&text), "NAME", '=', arena);
	facts->distro_version = value_of(strbuf_str(&text), "VERSION_ID", '=', arena);
}

static void read_cpu(struct arena *arena, struct host_facts *facts)
{
	auto_strbuf struct strbuf text = { 0 };
	const char *flags;
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	read_text("/proc/cpuinfo", &text);
	facts->cpu_vendor = value_of(strbuf_str(&text), "vendor_id", ':', arena);
	facts->cpu_model = value_of(strbuf_str(&text), "model name", ':', arena);
	flags = value_of(strbuf_str(&text), "flags", ':', arena);
	facts->cpu_flags = flags ? arena_printf(arena, " %s ", flags) : NULL;
	facts->cpus = n > 0 ? (uint32_t)n : 0;
}

int host_facts_get(struct arena *arena, struct host_facts *facts)
{
	auto_strbuf struct strbuf memory = { 0 };
	struct utsname name;

	*facts = (struct host_facts){ .kernel = "", .architecture = "" };
	if (uname(&name) == 0) {
		facts->kernel = arena_strdup(arena, name.release);
		facts->architecture = arena_strdup(arena, name.machine);
	}
	read_os(arena, facts);
	read_cpu(arena, facts);
	read_text("/proc/meminfo", &memory);
	facts->memory_total_kib = kib_of(strbuf_str(&memory), "MemTotal", arena);
	facts->memory_free_kib = kib_of(strbuf_str(&memory), "MemFree", arena);
	facts->memory_available_kib = kib_of(strbuf_str(&memory), "MemAvailable", arena);
	return facts->kernel && facts->architecture && facts->distro_name &&
			       facts->distro_version && facts->cpu_vendor && facts->cpu_model &&
			       facts->cpu_flags
		       ? 0
		       : -ENOMEM;
}

bool host_has_cpu_flag(const struct host_facts *facts, const char *flag)
{
	char word[32];

	(void)snprintf(word, sizeof(word), " %s ", flag);
	return strstr(facts->cpu_flags, word) != NULL;
}
