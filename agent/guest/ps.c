#include "agent/guest/ps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

#include "agent/guest/cgroup.h"
#include "agent/guest/fail.h"
#include "agent/guest/numbers.h"
#include "agent/guest/ps_columns.h"
#include "agent/guest/task.h"
#include "base/cleanup.h"
#include "base/fs.h"

enum { STAT_MAX = 4096, CMDLINE_MAX = 1 << 20, CMDLINE_SHOWN = 16 << 10, STAT_FIELDS = 24 };

struct ps_job {
	const struct container *container;
	const struct call_pscontainer *call;
	bool table;
};

/* Fields of /proc/PID/stat by their numbers there, from the third on; the second, in parentheses,
 * may hold anything. */
static bool parse_stat(char *text, struct ps_process *out, struct arena *arena)
{
	char *open = strchr(text, '(');
	char *close = strrchr(text, ')');
	int64_t field[STAT_FIELDS + 1] = { 0 };
	const char *at;

	if (!open || !close || close < open || close[1] != ' ')
		return false;
	*close = '\0';
	out->comm = arena_strdup(arena, open + 1);
	out->state = close[2];
	at = close + 3;
	for (int i = 4; i <= STAT_FIELDS && *at; i++)
		field[i] = numbers_take(&at);
	out->ppid = (pid_t)field[4];
	out->pgid = (pid_t)field[5];
	out->sid = (pid_t)field[6];
	out->tty = (int)field[7];
	out->tty_pgid = (pid_t)field[8];
	out->cpu_ticks = (uint64_t)(field[14] + field[15]);
	out->priority = field[18];
	out->nice = field[19];
	out->threads = (uint32_t)field[20];
	out->start_ticks = (uint64_t)field[22];
	out->vsz = (uint64_t)field[23] >> 10;
	out->rss = (uint64_t)field[24] * (uint64_t)sysconf(_SC_PAGESIZE) >> 10;
	return out->comm != NULL;
}

static void show_printable(char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			text[i] = ' ';
}

static const char *read_args(int dir, struct arena *arena)
{
	auto_strbuf struct strbuf text = { 0 };
	size_t len;

	if (fs_read_file_at(dir, "cmdline", &text, CMDLINE_MAX) < 0 || text.len == 0)
		return "";
	len = text.data[text.len - 1] == '\0' ? text.len - 1 : text.len;
	if (len > CMDLINE_SHOWN)
		len = CMDLINE_SHOWN;
	show_printable(text.data, len);
	return arena_strndup(arena, text.data, len);
}

static uint32_t effective_id(const char *status, const char *key)
{
	const char *at = strstr(status, key);
	unsigned real, effective = 0;

	return at && sscanf(at + strlen(key), "%u %u", &real, &effective) == 2 ? effective : 0;
}

/* False when it is gone by now. */
static bool read_process(pid_t pid, struct arena *arena, struct ps_process *out)
{
	auto_strbuf struct strbuf stat = { 0 };
	auto_strbuf struct strbuf status = { 0 };
	auto_close int dir = -1;
	char path[32];

	*out = (struct ps_process){ .pid = pid };
	(void)snprintf(path, sizeof(path), "/proc/%d", pid);
	dir = fs_open_dir_at(AT_FDCWD, path);
	if (dir < 0 || fs_read_file_at(dir, "stat", &stat, STAT_MAX) < 0 || stat.len == 0 ||
	    fs_read_file_at(dir, "status", &status, 4 * STAT_MAX) < 0)
		return false;
	out->uid = effective_id(strbuf_str(&status), "\nUid:");
	out->gid = effective_id(strbuf_str(&status), "\nGid:");
	if (!parse_stat(stat.data, out, arena))
		return false;
	show_printable((char *)out->comm, strlen(out->comm));
	out->args = read_args(dir, arena);
	return out->args != NULL;
}

static void read_machine(struct ps_machine *machine)
{
	struct timespec now = { 0 }, up = { 0 };
	struct sysinfo info = { 0 };

	(void)clock_gettime(CLOCK_REALTIME, &now);
	(void)clock_gettime(CLOCK_BOOTTIME, &up);
	(void)sysinfo(&info);
	machine->now_sec = now.tv_sec;
	machine->uptime_sec = (double)up.tv_sec;
	machine->ticks = sysconf(_SC_CLK_TCK);
	machine->memory_kib = (uint64_t)info.totalram * info.mem_unit >> 10;
}

struct table {
	const struct ps_column *columns[PS_COLUMNS_MAX];
	const char *headers[PS_COLUMNS_MAX];
	int widths[PS_COLUMNS_MAX];
	size_t n;
	const char **cells; /* n a row */
	size_t rows;
};

static void print_row(const struct table *table, const char *const *cells, struct strbuf *out)
{
	for (size_t i = 0; i < table->n; i++) {
		bool last = i + 1 == table->n;
		int width = last && table->columns[i]->left ? 0 : table->widths[i];

		(void)strbuf_addf(out, table->columns[i]->left ? "%-*s%s" : "%*s%s", width,
				  cells[i], last ? "\n" : " ");
	}
}

static int fill(struct table *table, const pid_t *pids, size_t n_pids, struct arena *arena)
{
	struct ps_machine machine;

	read_machine(&machine);
	table->cells = arena_calloc(arena, (n_pids + 1) * table->n, sizeof(*table->cells));
	if (!table->cells)
		return -ENOMEM;
	for (size_t i = 0; i < table->n; i++) {
		int header = (int)strlen(table->headers[i]);
		int least = table->columns[i]->width;

		table->widths[i] = header > least ? header : least;
	}
	for (size_t p = 0; p < n_pids; p++) {
		const char **row = table->cells + table->rows * table->n;
		struct ps_process process;

		if (!read_process(pids[p], arena, &process))
			continue;
		for (size_t i = 0; i < table->n; i++) {
			row[i] = table->columns[i]->cell(&process, &machine, arena);
			if (!row[i])
				return -ENOMEM;
			if ((int)strlen(row[i]) > table->widths[i])
				table->widths[i] = (int)strlen(row[i]);
		}
		table->rows++;
	}
	return 0;
}

static int print_table(const struct json_strs *args, const pid_t *pids, size_t n_pids,
		       struct strbuf *out, struct error *err)
{
	auto_arena struct arena arena = { 0 };
	struct table table = { 0 };
	int ret = ps_choose(args, &arena, table.columns, table.headers, &table.n, err);

	if (ret < 0)
		return ret;
	ret = fill(&table, pids, n_pids, &arena);
	if (ret < 0)
		return fail_set(err, ret, "list processes");
	print_row(&table, table.headers, out);
	for (size_t i = 0; i < table.rows; i++)
		print_row(&table, table.cells + i * table.n, out);
	return 0;
}

static int print_pids(const pid_t *pids, size_t n, struct strbuf *out)
{
	(void)strbuf_addc(out, '[');
	for (size_t i = 0; i < n; i++)
		(void)strbuf_addf(out, "%s%d", i ? "," : "", pids[i]);
	return strbuf_addc(out, ']');
}

static int list_job(const void *arg, int out_fd, struct error *err)
{
	const struct ps_job *job = arg;
	auto_free pid_t *pids = NULL;
	auto_strbuf struct strbuf out = { 0 };
	ssize_t n = cgroup_pids(job->container->cgroup_fd, &pids);
	int ret;

	if (n < 0)
		return fail_set(err, (int)n, "list the processes of container '%s'",
				job->container->id);
	ret = job->table ? print_table(&job->call->psargs, pids, (size_t)n, &out, err)
			 : print_pids(pids, (size_t)n, &out);
	if (ret < 0 && err->code)
		return ret;
	ret = strbuf_error(&out);
	if (ret == 0)
		ret = fs_write_all(out_fd, out.data, out.len);
	return ret < 0 ? fail_set(err, ret, "list processes") : 0;
}

void ps_list(struct container *container, const struct call_pscontainer *call, struct slot *slot)
{
	const char *format = call->format && *call->format ? call->format : "json";
	const struct ps_job job = { .container = container,
				    .call = call,
				    .table = strcmp(format, "table") == 0 };

	if (!job.table && strcmp(format, "json") != 0)
		slot_errorf(slot, "invalid format option");
	else
		task_start(container->guest, list_job, &job, slot);
}
