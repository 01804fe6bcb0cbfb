#include "runtime/sandbox/leftovers.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "agent/proto/proxyhome.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/proc.h"
#include "base/strbuf.h"
#include "runtime/sandbox/create_internal.h"

enum { CMDLINE_MAX = 1 << 20, GONE_TIMEOUT_MS = 5000 };

static bool has_text(const struct strbuf *cmdline, const char *text)
{
	return cmdline->len > 0 && memmem(cmdline->data, cmdline->len, text, strlen(text));
}

static bool belongs(uint32_t pid, const char *socket, const char *channel, const char *share,
		    const char *cached)
{
	auto_strbuf struct strbuf cmdline = { 0 };
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%u/cmdline", pid);
	if (fs_read_file_at(AT_FDCWD, path, &cmdline, CMDLINE_MAX) < 0)
		return false;
	return has_text(&cmdline, socket) || has_text(&cmdline, channel) ||
	       has_text(&cmdline, share) || (*cached && has_text(&cmdline, cached));
}

static bool end_process(uint32_t pid)
{
	struct proc_id id;

	if (proc_identify((pid_t)pid, &id) < 0 || proc_signal(&id, SIGKILL) < 0)
		return false;
	if (proc_wait_gone(&id, GONE_TIMEOUT_MS) < 0)
		log_warning("process %u does not end", pid);
	return true;
}

/* The share of a machine out of the VM cache, "" if it is none. */
static void find_cached_share(const char *dir, struct strbuf *share)
{
	auto_strbuf struct strbuf link = { 0 };
	char target[PATH_MAX];
	ssize_t n;

	(void)strbuf_addf(&link, "%s/" FILE_MACHINE_LINK, dir);
	n = readlink(strbuf_str(&link), target, sizeof(target));
	if (n > 0 && target[0] == '/')
		(void)strbuf_addf(share, "%.*s/" MACHINE_SHARE, (int)n, target);
}

unsigned leftovers_end(const char *dir)
{
	auto_strbuf struct strbuf socket = { 0 };
	auto_strbuf struct strbuf channel = { 0 };
	auto_strbuf struct strbuf share = { 0 };
	auto_strbuf struct strbuf cached = { 0 };
	auto_dir DIR *proc = opendir("/proc");
	struct dirent *entry;
	unsigned ended = 0;

	(void)strbuf_addf(&socket, "%s/" PROXYHOME_SOCKET, dir);
	/* A VMM that has no share makes its sockets itself. */
	(void)strbuf_addf(&channel, "%s/" MACHINE_CTL_SOCKET, dir);
	(void)strbuf_addf(&share, "%s/" MACHINE_SHARE, dir);
	find_cached_share(dir, &cached);
	if (!proc || strbuf_error(&socket) < 0 || strbuf_error(&channel) < 0 ||
	    strbuf_error(&share) < 0)
		return 0;
	while ((entry = readdir(proc))) {
		uint32_t pid;

		if (parse_u32(entry->d_name, &pid) < 0 || (pid_t)pid == getpid())
			continue;
		if (belongs(pid, socket.data, channel.data, share.data, strbuf_str(&cached)) &&
		    end_process(pid))
			ended++;
	}
	return ended;
}
