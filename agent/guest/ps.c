#include "agent/guest/ps.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/guest/cgroup.h"
#include "agent/guest/fail.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/parse.h"

/* The number behind a key of /proc/PID/status. */
static uint32_t status_number(const char *text, const char *key)
{
	const char *at = strstr(text, key);
	char digits[12];
	uint32_t value;
	size_t len;

	if (!at)
		return 0;
	at += strlen(key);
	at += strspn(at, "\t ");
	len = strspn(at, "0123456789");
	if (len >= sizeof(digits))
		return 0;
	memcpy(digits, at, len);
	digits[len] = '\0';
	return parse_u32(digits, &value) == 0 ? value : 0;
}

static void add_row(pid_t pid, struct strbuf *out)
{
	auto_strbuf struct strbuf status = { 0 };
	auto_strbuf struct strbuf cmd = { 0 };
	char path[40];
	const char *name;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", pid);
	if (fs_read_file_at(AT_FDCWD, path, &status, 16384) < 0)
		return;
	(void)snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	(void)!fs_read_file_at(AT_FDCWD, path, &cmd, 1 << 20);
	for (size_t i = 0; i + 1 < cmd.len; i++)
		if (cmd.data[i] == '\0' || cmd.data[i] == '\n')
			cmd.data[i] = ' ';
	(void)strbuf_addf(out, "%-8u %7d %7u ", status_number(strbuf_str(&status), "\nUid:"), pid,
			  status_number(strbuf_str(&status), "\nPPid:"));
	name = strbuf_str(&status) + strcspn(strbuf_str(&status), "\t");
	name += *name == '\t';
	if (cmd.len > 0)
		(void)strbuf_addf(out, "%s\n", cmd.data);
	else
		(void)strbuf_addf(out, "[%.*s]\n", (int)strcspn(name, "\n"), name);
}

int ps_list(const struct container *container, const char *format, struct strbuf *out,
	    struct error *err)
{
	auto_free pid_t *pids = NULL;
	bool table = format && strcmp(format, "table") == 0;
	ssize_t n;

	if (!table && format && *format && strcmp(format, "json") != 0)
		return err_msg(err, -EINVAL, "invalid format option");
	n = cgroup_pids(container->cgroup_fd, &pids);
	if (n < 0)
		return fail_set(err, (int)n, "list the processes of container '%s'", container->id);
	(void)strbuf_adds(out, table ? "UID          PID    PPID CMD\n" : "[");
	for (ssize_t i = 0; i < n; i++) {
		if (table)
			add_row(pids[i], out);
		else
			(void)strbuf_addf(out, "%s%d", i ? "," : "", pids[i]);
	}
	if (!table)
		(void)strbuf_addc(out, ']');
	return strbuf_error(out) < 0 ? fail_set(err, strbuf_error(out), "list processes") : 0;
}
