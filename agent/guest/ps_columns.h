/* What ps can tell of a process: its columns, and which of them are asked for by ps' own options.
 */
#ifndef AGENT_GUEST_PS_COLUMNS_H
#define AGENT_GUEST_PS_COLUMNS_H

#include <stdint.h>
#include <sys/types.h>
#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"

/* One process, as /proc has it. Times are in clock ticks, sizes in KiB. */
struct ps_process {
	pid_t pid, ppid, pgid, sid;
	pid_t tty_pgid; /* of its terminal's foreground; -1 without a terminal */
	uint32_t uid, gid;
	char state;
	int tty;
	uint64_t cpu_ticks, start_ticks;
	uint64_t vsz, rss;
	int64_t nice, priority;
	uint32_t threads;
	const char *comm; /* never NULL */
	const char *args; /* "" for a kernel thread or a zombie */
};

/* The machine, as of one call. */
struct ps_machine {
	int64_t now_sec; /* since 1970 */
	double uptime_sec;
	long ticks; /* a second */
	uint64_t memory_kib;
};

struct ps_column {
	const char *name; /* of -o */
	const char *header;
	bool left;
	int width; /* at least, as with ps */
	/* The cell's text, in arena; NULL when out of memory. */
	const char *(*cell)(const struct ps_process *process, const struct ps_machine *machine,
			    struct arena *arena);
};

enum { PS_COLUMNS_MAX = 32 };

/* The columns, and their headings, that these arguments of ps ask for; none means -ef. Which
 * processes to show is not ps' to say here: options for that are passed over. -EINVAL for what we
 * do not know. */
int ps_choose(const struct json_strs *args, struct arena *arena,
	      const struct ps_column *columns[static PS_COLUMNS_MAX],
	      const char *headers[static PS_COLUMNS_MAX], size_t *n, struct error *err) must_check;

#endif
