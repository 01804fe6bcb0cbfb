#include "agent/guest/ps_columns.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define CELL(name)                                                \
	static const char *name(const struct ps_process *process, \
				const struct ps_machine *machine, struct arena *arena)

#define NUMBER_CELL(name, format, value)                     \
	CELL(name)                                           \
	{                                                    \
		(void)machine;                               \
		return arena_printf(arena, format, (value)); \
	}

NUMBER_CELL(cell_pid, "%d", process->pid)
NUMBER_CELL(cell_ppid, "%d", process->ppid)
NUMBER_CELL(cell_pgid, "%d", process->pgid)
NUMBER_CELL(cell_sid, "%d", process->sid)
NUMBER_CELL(cell_uid, "%u", process->uid)
NUMBER_CELL(cell_gid, "%u", process->gid)
NUMBER_CELL(cell_state, "%c", process->state)
NUMBER_CELL(cell_vsz, "%llu", (unsigned long long)process->vsz)
NUMBER_CELL(cell_rss, "%llu", (unsigned long long)process->rss)
NUMBER_CELL(cell_nice, "%lld", (long long)process->nice)
NUMBER_CELL(cell_priority, "%lld", (long long)process->priority)
NUMBER_CELL(cell_threads, "%u", process->threads)
NUMBER_CELL(cell_comm, "%s", process->comm)

/* The state, and what else is worth a letter. */
CELL(cell_stat)
{
	const char *nice = process->nice < 0 ? "<" : process->nice > 0 ? "N" : "";

	(void)machine;
	return arena_printf(arena, "%c%s%s%s%s", process->state, nice,
			    process->sid == process->pid ? "s" : "",
			    process->threads > 1 ? "l" : "",
			    process->tty_pgid == process->pgid ? "+" : "");
}

/* Names of the container's users are the container's affair; root is root everywhere. */
CELL(cell_user)
{
	return process->uid == 0 ? "root" : cell_uid(process, machine, arena);
}

CELL(cell_group)
{
	return process->gid == 0 ? "root" : cell_gid(process, machine, arena);
}

CELL(cell_args)
{
	(void)machine;
	return *process->args ? process->args : arena_printf(arena, "[%s]", process->comm);
}

/* Seconds since the process was started; never negative. */
static double age(const struct ps_process *process, const struct ps_machine *machine)
{
	double seconds = machine->uptime_sec -
			 (double)process->start_ticks / (double)machine->ticks;

	return seconds > 0 ? seconds : 0;
}

static double cpu_percent(const struct ps_process *process, const struct ps_machine *machine)
{
	double seconds = age(process, machine);

	return seconds > 0 ? 100 * (double)process->cpu_ticks / (double)machine->ticks / seconds
			   : 0;
}

CELL(cell_c)
{
	double percent = cpu_percent(process, machine);

	return arena_printf(arena, "%d", percent > 99 ? 99 : (int)percent);
}

CELL(cell_pcpu)
{
	return arena_printf(arena, "%.1f", cpu_percent(process, machine));
}

CELL(cell_pmem)
{
	double all = machine->memory_kib > 0 ? (double)machine->memory_kib : 1;

	return arena_printf(arena, "%.1f", 100 * (double)process->rss / all);
}

CELL(cell_tty)
{
	unsigned major = (unsigned)process->tty >> 8 & 0xfff;
	unsigned minor = ((unsigned)process->tty & 0xff) | ((unsigned)process->tty >> 12 & 0xfff00);

	(void)machine;
	if (process->tty == 0)
		return "?";
	if (major >= 136 && major <= 143)
		return arena_printf(arena, "pts/%u", minor + ((major - 136) << 8));
	return arena_printf(arena, "%u:%u", major, minor);
}

/* "HH:MM:SS", with days before it when there are some. */
static const char *format_duration(uint64_t seconds, struct arena *arena)
{
	unsigned long long days = seconds / 86400;
	unsigned h = (unsigned)(seconds / 3600 % 24);
	unsigned m = (unsigned)(seconds / 60 % 60);
	unsigned s = (unsigned)(seconds % 60);

	return days > 0 ? arena_printf(arena, "%llu-%02u:%02u:%02u", days, h, m, s)
			: arena_printf(arena, "%02u:%02u:%02u", h, m, s);
}

CELL(cell_time)
{
	return format_duration(process->cpu_ticks / (uint64_t)machine->ticks, arena);
}

/* Shorter, as is the custom for this one. */
CELL(cell_bsd_time)
{
	uint64_t seconds = process->cpu_ticks / (uint64_t)machine->ticks;

	return arena_printf(arena, "%llu:%02llu", (unsigned long long)(seconds / 60),
			    (unsigned long long)(seconds % 60));
}

CELL(cell_etime)
{
	uint64_t seconds = (uint64_t)age(process, machine);

	if (seconds < 3600)
		return arena_printf(arena, "%02u:%02u", (unsigned)(seconds / 60),
				    (unsigned)(seconds % 60));
	return format_duration(seconds, arena);
}

CELL(cell_start)
{
	time_t started = (time_t)(machine->now_sec - (int64_t)age(process, machine));
	time_t now = (time_t)machine->now_sec;
	struct tm then, today;
	char text[32] = "?";

	if (gmtime_r(&started, &then) && gmtime_r(&now, &today))
		(void)strftime(text, sizeof(text),
			       then.tm_yday == today.tm_yday && then.tm_year == today.tm_year
				       ? "%H:%M"
				       : "%b%d",
			       &then);
	return arena_strdup(arena, text);
}

static const struct ps_column all[] = {
	{ "pid", "PID", false, 7, cell_pid },
	{ "ppid", "PPID", false, 7, cell_ppid },
	{ "pgid", "PGID", false, 7, cell_pgid },
	{ "pgrp", "PGRP", false, 7, cell_pgid },
	{ "sid", "SID", false, 7, cell_sid },
	{ "sess", "SESS", false, 7, cell_sid },
	{ "uid", "UID", false, 5, cell_uid },
	{ "euid", "EUID", false, 5, cell_uid },
	{ "user", "USER", true, 8, cell_user },
	{ "euser", "EUSER", true, 8, cell_user },
	{ "uname", "USER", true, 8, cell_user },
	{ "gid", "GID", false, 5, cell_gid },
	{ "egid", "EGID", false, 5, cell_gid },
	{ "group", "GROUP", true, 8, cell_group },
	{ "egroup", "EGROUP", true, 8, cell_group },
	{ "state", "S", true, 1, cell_state },
	{ "s", "S", true, 1, cell_state },
	{ "stat", "STAT", true, 4, cell_stat },
	{ "vsz", "VSZ", false, 6, cell_vsz },
	{ "vsize", "VSZ", false, 6, cell_vsz },
	{ "rss", "RSS", false, 5, cell_rss },
	{ "rssize", "RSS", false, 5, cell_rss },
	{ "ni", "NI", false, 3, cell_nice },
	{ "nice", "NI", false, 3, cell_nice },
	{ "pri", "PRI", false, 3, cell_priority },
	{ "nlwp", "NLWP", false, 4, cell_threads },
	{ "thcount", "THCNT", false, 5, cell_threads },
	{ "c", "C", false, 2, cell_c },
	{ "pcpu", "%CPU", false, 4, cell_pcpu },
	{ "%cpu", "%CPU", false, 4, cell_pcpu },
	{ "pmem", "%MEM", false, 4, cell_pmem },
	{ "%mem", "%MEM", false, 4, cell_pmem },
	{ "tty", "TT", true, 8, cell_tty },
	{ "tt", "TT", true, 8, cell_tty },
	{ "tname", "TTY", true, 8, cell_tty },
	{ "time", "TIME", false, 8, cell_time },
	{ "cputime", "TIME", false, 8, cell_time },
	{ "bsdtime", "TIME", false, 6, cell_bsd_time },
	{ "etime", "ELAPSED", false, 11, cell_etime },
	{ "stime", "STIME", true, 5, cell_start },
	{ "start", "START", true, 5, cell_start },
	{ "bsdstart", "START", true, 5, cell_start },
	{ "comm", "COMMAND", true, 15, cell_comm },
	{ "ucmd", "CMD", true, 15, cell_comm },
	{ "args", "COMMAND", true, 15, cell_args },
	{ "command", "COMMAND", true, 15, cell_args },
	{ "cmd", "CMD", true, 15, cell_args },
};

/* The formats that have a letter. UID of the full one is a name, as with ps. */
static const char full_format[] = "user=UID,pid,ppid,c,stime,tname,time,cmd";
static const char user_format[] = "user,pid,%cpu,%mem,vsz,rss,tname,stat,start,bsdtime,command";
static const char plain_format[] = "pid,tname,time,ucmd";
static const char bsd_format[] = "pid,tname,stat,bsdtime,command";

struct choice {
	struct arena *arena;
	const struct ps_column **columns;
	const char **headers;
	size_t n;
};

static const struct ps_column *find_column(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (strlen(all[i].name) == len && !strncmp(all[i].name, name, len))
			return &all[i];
	return NULL;
}

/* Adds "pid,comm,user=WHO". */
static int add_list(struct choice *choice, const char *list, struct error *err)
{
	for (const char *at = list; *at; at += strspn(at, ", ")) {
		size_t len = strcspn(at, ", ");
		size_t name_len = strcspn(at, "=, ");
		const struct ps_column *column = find_column(at, name_len);

		if (!column)
			return err_msg(err, -EINVAL,
				       "ps: unknown user-defined format specifier \"%.*s\"",
				       (int)name_len, at);
		if (choice->n == PS_COLUMNS_MAX)
			return err_msg(err, -E2BIG, "ps: more than %d columns", PS_COLUMNS_MAX);
		choice->columns[choice->n] = column;
		choice->headers[choice->n] = name_len < len ? arena_strndup(choice->arena,
									    at + name_len + 1,
									    len - name_len - 1)
							    : column->header;
		if (!choice->headers[choice->n++])
			return err_msg(err, -ENOMEM, "ps: cannot allocate memory");
		at += len;
	}
	return 0;
}

/* One word of options; *list is set when it asks for columns: "" when they are in the next word. */
static int take_word(const char *word, const char **format, const char **list, struct error *err)
{
	for (const char *at = word + (*word == '-'); *at; at++) {
		if (*at == 'o' || *at == 'O') {
			*list = at + 1;
			return 0;
		}
		if (*at == 'f')
			*format = full_format;
		else if (*at == 'u')
			*format = user_format;
		else if (*at == 'x' && *format == plain_format)
			*format = bsd_format;
		/* these choose processes or widths: the choice is made */
		else if (!strchr("eAaxwdT", *at))
			return err_msg(
				err, -EINVAL,
				"ps: the option \"%s\" is not known here (-e -f -o LIST aux)",
				word);
	}
	return 0;
}

int ps_choose(const struct json_strs *args, struct arena *arena,
	      const struct ps_column *columns[static PS_COLUMNS_MAX],
	      const char *headers[static PS_COLUMNS_MAX], size_t *n, struct error *err)
{
	struct choice choice = { .arena = arena, .columns = columns, .headers = headers };
	const char *format = args->len > 0 ? plain_format : full_format;
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < args->len; i++) {
		const char *list = NULL;

		ret = take_word(args->items[i], &format, &list, err);
		if (ret < 0 || !list)
			continue;
		if (!*list && ++i == args->len)
			return err_msg(err, -EINVAL, "ps: list of columns missing behind -o");
		ret = add_list(&choice, *list ? list : args->items[i], err);
	}
	if (ret == 0 && choice.n == 0)
		ret = add_list(&choice, format, err);
	*n = choice.n;
	return ret;
}
