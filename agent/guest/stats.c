#include "agent/guest/stats.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/guest/fail.h"
#include "agent/guest/numbers.h"
#include "base/cleanup.h"
#include "base/fs.h"

enum { FILE_MAX = 64 << 10, ROWS_MAX = 128, VALUE_LEN = 64, NAME_LEN = 64 };

/* Where a line ends and its next begins. */
static const char *next_line(const char *at)
{
	at += strcspn(at, "\n");
	return *at ? at + 1 : at;
}

static uint64_t read_digits(const char *text)
{
	int64_t value = numbers_take(&text);

	return value < 0 ? 0 : (uint64_t)value;
}

static uint64_t key_or_0(const char *text, const char *key)
{
	int64_t value = numbers_find_key(text, key);

	return value < 0 ? 0 : (uint64_t)value;
}

static const char *read_file(int fd, const char *name, struct strbuf *text)
{
	strbuf_clear(text);
	return fs_read_file_at(fd, name, text, FILE_MAX) < 0 ? "" : strbuf_str(text);
}

/* A file of one number; "max" is 0. */
static uint64_t read_number(int fd, const char *name)
{
	auto_strbuf struct strbuf text = { 0 };

	return read_digits(read_file(fd, name, &text));
}

static bool parse_psi_line(const char *line, const char *kind, struct call_psi_line *out)
{
	unsigned long long total;

	if (strncmp(line, kind, strlen(kind)) != 0)
		return false;
	if (sscanf(line + strlen(kind), " avg10=%lf avg60=%lf avg300=%lf total=%llu", &out->avg10,
		   &out->avg60, &out->avg300, &total) != 4)
		return false;
	out->total_us = total;
	return true;
}

bool stats_parse_psi(const char *text, struct call_psi *psi)
{
	bool found = false;

	*psi = (struct call_psi){ 0 };
	for (const char *at = text; *at; at = next_line(at)) {
		found |= parse_psi_line(at, "some", &psi->some);
		found |= parse_psi_line(at, "full", &psi->full);
	}
	return found;
}

static struct call_psi *read_psi(int fd, const char *name, struct arena *arena)
{
	auto_strbuf struct strbuf text = { 0 };
	struct call_psi psi;
	struct call_psi *out;

	if (!stats_parse_psi(read_file(fd, name, &text), &psi))
		return NULL;
	out = arena_alloc(arena, sizeof(*out));
	if (out)
		*out = psi;
	return out;
}

static void read_cpu(int fd, struct arena *arena, struct call_stats_cpu *cpu)
{
	auto_strbuf struct strbuf buf = { 0 };
	const char *text = read_file(fd, "cpu.stat", &buf);

	cpu->usage_us = key_or_0(text, "usage_usec");
	cpu->user_us = key_or_0(text, "user_usec");
	cpu->system_us = key_or_0(text, "system_usec");
	cpu->periods = key_or_0(text, "nr_periods");
	cpu->throttled_periods = key_or_0(text, "nr_throttled");
	cpu->throttled_us = key_or_0(text, "throttled_usec");
	cpu->psi = read_psi(fd, "cpu.pressure", arena);
}

/* Every line of memory.stat. */
static void read_raw(int fd, struct arena *arena, struct json_objs *out)
{
	auto_strbuf struct strbuf buf = { 0 };
	struct call_stats_value *rows = arena_calloc(arena, ROWS_MAX, sizeof(*rows));
	const char *text = read_file(fd, "memory.stat", &buf);

	out->items = rows;
	for (const char *at = text; rows && *at && out->len < ROWS_MAX; at = next_line(at)) {
		size_t len = strcspn(at, " \n");

		if (at[len] != ' ')
			continue;
		rows[out->len].name = arena_printf(arena, "%.*s", (int)len, at);
		rows[out->len].value = read_digits(at + len + 1);
		if (!rows[out->len].name)
			return;
		out->len++;
	}
}

static void read_memory(int fd, struct arena *arena, struct call_stats_memory *memory)
{
	auto_strbuf struct strbuf buf = { 0 };
	const char *text = read_file(fd, "memory.events", &buf);

	memory->max_hits = key_or_0(text, "max");
	memory->oom = key_or_0(text, "oom");
	memory->oom_kill = key_or_0(text, "oom_kill");
	memory->usage = read_number(fd, "memory.current");
	memory->limit = read_number(fd, "memory.max");
	memory->peak = read_number(fd, "memory.peak");
	memory->swap_usage = read_number(fd, "memory.swap.current");
	memory->swap_limit = read_number(fd, "memory.swap.max");
	read_raw(fd, arena, &memory->raw);
	memory->psi = read_psi(fd, "memory.pressure", arena);
}

/* One "name=value" of io.stat. */
static void take_io_value(const char *at, struct call_stats_io *row)
{
	const struct {
		const char *name;
		uint64_t *value;
	} names[] = {
		{ "rbytes=", &row->read_bytes },    { "wbytes=", &row->write_bytes },
		{ "dbytes=", &row->discard_bytes }, { "rios=", &row->reads },
		{ "wios=", &row->writes },	    { "dios=", &row->discards },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strncmp(at, names[i].name, strlen(names[i].name)))
			*names[i].value = read_digits(at + strlen(names[i].name));
}

size_t stats_parse_io(const char *text, struct call_stats_io *rows, size_t max)
{
	size_t n = 0;

	for (const char *at = text; *at && n < max; at = next_line(at)) {
		size_t len = strcspn(at, "\n");
		const char *colon = memchr(at, ':', len);

		if (!colon)
			continue;
		rows[n] = (struct call_stats_io){ .major = read_digits(at),
						  .minor = read_digits(colon + 1) };
		for (const char *word = at; word < at + len; word += strspn(word, " ")) {
			take_io_value(word, &rows[n]);
			word += strcspn(word, " \n");
			if (*word != ' ')
				break;
		}
		n++;
	}
	return n;
}

static void read_io(int fd, struct arena *arena, struct call_stats *stats)
{
	auto_strbuf struct strbuf buf = { 0 };
	struct call_stats_io *rows = arena_calloc(arena, ROWS_MAX, sizeof(*rows));

	stats->io.items = rows;
	if (rows)
		stats->io.len = stats_parse_io(read_file(fd, "io.stat", &buf), rows, ROWS_MAX);
	stats->io_psi = read_psi(fd, "io.pressure", arena);
}

/* "hugetlb.2MB.current" tells of a size. */
static bool take_huge_size(const char *file, char size[static NAME_LEN])
{
	static const char prefix[] = "hugetlb.";
	static const char suffix[] = ".current";
	size_t len = strlen(file);
	size_t around = sizeof(prefix) + sizeof(suffix) - 2;

	if (strncmp(file, prefix, sizeof(prefix) - 1) != 0 || len <= around ||
	    len - around >= NAME_LEN - sizeof("hugetlb..rsvd.current") ||
	    strcmp(file + len - sizeof(suffix) + 1, suffix) != 0)
		return false;
	(void)snprintf(size, NAME_LEN, "%.*s", (int)(len - around), file + sizeof(prefix) - 1);
	return !strchr(size, '.');
}

static void read_hugetlb(int fd, struct arena *arena, struct json_objs *out)
{
	int copy = fs_open_dir_at(fd, ".");
	auto_dir DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	struct call_stats_hugetlb *rows = arena_calloc(arena, ROWS_MAX, sizeof(*rows));
	struct dirent *entry;

	out->items = rows;
	while (dir && rows && out->len < ROWS_MAX && (entry = readdir(dir))) {
		auto_strbuf struct strbuf buf = { 0 };
		char size[NAME_LEN], file[NAME_LEN + 16];

		if (!take_huge_size(entry->d_name, size))
			continue;
		rows[out->len].size = arena_strdup(arena, size);
		rows[out->len].usage = read_number(fd, entry->d_name);
		(void)snprintf(file, sizeof(file), "hugetlb.%s.events", size);
		rows[out->len].max_hits = key_or_0(read_file(fd, file, &buf), "max");
		if (!rows[out->len].size)
			return;
		out->len++;
	}
}

static const char *read_word(int fd, const char *name, struct arena *arena)
{
	auto_strbuf struct strbuf buf = { 0 };
	const char *text = read_file(fd, name, &buf);

	return *text && *text != '\n' ? arena_printf(arena, "%.*s", (int)strcspn(text, "\n"), text)
				      : NULL;
}

static void read_interface(int class_fd, const char *name, struct arena *arena,
			   struct call_stats_interface *row)
{
	const struct {
		const char *file;
		uint64_t *value;
	} files[] = {
		{ "rx_bytes", &row->rx_bytes },	  { "rx_packets", &row->rx_packets },
		{ "rx_errors", &row->rx_errors }, { "rx_dropped", &row->rx_dropped },
		{ "tx_bytes", &row->tx_bytes },	  { "tx_packets", &row->tx_packets },
		{ "tx_errors", &row->tx_errors }, { "tx_dropped", &row->tx_dropped },
	};

	row->name = arena_strdup(arena, name);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char path[NAME_LEN * 2];

		(void)snprintf(path, sizeof(path), "%.31s/statistics/%s", name, files[i].file);
		*files[i].value = read_number(class_fd, path);
	}
}

static void read_interfaces(struct arena *arena, struct json_objs *out)
{
	auto_dir DIR *dir = opendir("/sys/class/net");
	struct call_stats_interface *rows = arena_calloc(arena, ROWS_MAX, sizeof(*rows));
	struct dirent *entry;

	out->items = rows;
	while (dir && rows && out->len < ROWS_MAX && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || !strcmp(entry->d_name, "lo"))
			continue;
		read_interface(dirfd(dir), entry->d_name, arena, &rows[out->len]);
		if (!rows[out->len].name)
			return;
		out->len++;
	}
}

int stats_collect(int cgroup_fd, struct arena *arena, struct call_stats *stats, struct error *err)
{
	*stats = (struct call_stats){ 0 };
	if (fs_exists_at(cgroup_fd, "cgroup.procs") != 1)
		return fail_set(err, -ENOENT, "read the cgroup");
	read_cpu(cgroup_fd, arena, &stats->cpu);
	read_memory(cgroup_fd, arena, &stats->memory);
	stats->pids = read_number(cgroup_fd, "pids.current");
	stats->pids_limit = read_number(cgroup_fd, "pids.max");
	stats->cpuset_cpus = read_word(cgroup_fd, "cpuset.cpus.effective", arena);
	stats->cpuset_mems = read_word(cgroup_fd, "cpuset.mems.effective", arena);
	read_io(cgroup_fd, arena, stats);
	read_hugetlb(cgroup_fd, arena, &stats->hugetlb);
	read_interfaces(arena, &stats->interfaces);
	return 0;
}
