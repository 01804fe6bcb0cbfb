#include "agent/guest/signals.h"

#include <ctype.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "base/strbuf.h"

bool signals_default_kills(int signo)
{
	switch (signo) {
	case SIGCHLD:
	case SIGCONT:
	case SIGSTOP:
	case SIGTSTP:
	case SIGTTIN:
	case SIGTTOU:
	case SIGURG:
	case SIGWINCH:
		return false;
	default:
		return signo > 0 && signo < NSIG;
	}
}

bool signals_in_set(const char *status_text, const char *set, int signo)
{
	const char *at = strstr(status_text, set);
	uint64_t mask = 0;

	if (!at || signo < 1 || signo > 64)
		return false;
	for (at += strlen(set) + strspn(at + strlen(set), "\t "); isxdigit((unsigned char)*at);
	     at++)
		mask = mask << 4 | (uint64_t)(*at <= '9' ? *at - '0' : (*at | 0x20) - 'a' + 10);
	return mask >> (signo - 1) & 1;
}

bool signals_would_kill(pid_t pid, int signo)
{
	auto_strbuf struct strbuf text = { 0 };
	char path[40];

	if (!signals_default_kills(signo))
		return false;
	(void)snprintf(path, sizeof(path), "/proc/%d/status", pid);
	if (fs_read_file_at(AT_FDCWD, path, &text, 16384) < 0)
		return false;
	return !signals_in_set(strbuf_str(&text), "SigBlk:", signo) &&
	       !signals_in_set(strbuf_str(&text), "SigIgn:", signo) &&
	       !signals_in_set(strbuf_str(&text), "SigCgt:", signo);
}
