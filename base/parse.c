#include "base/parse.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

enum {
	/*
	 * The kernel's numbers: C libraries keep a few real-time signals for themselves and each
	 * shifts SIGRTMIN by another count, but host and guest must mean the same signal. 34 is
	 * what users of runc know.
	 */
	RT_MIN = 34,
	RT_MAX = 64,
};

static int parse_digits(const char *text, uint64_t max, uint64_t *out)
{
	uint64_t value = 0;

	if (!text || text[0] == '\0')
		return -EINVAL;
	for (const char *p = text; *p != '\0'; p++) {
		if (*p < '0' || *p > '9')
			return -EINVAL;
	}
	for (; *text != '\0'; text++) {
		unsigned digit = (unsigned)(*text - '0');

		if (value > (max - digit) / 10)
			return -ERANGE;
		value = value * 10 + digit;
	}
	*out = value;
	return 0;
}

int parse_u32(const char *text, uint32_t *out)
{
	uint64_t value;
	int ret = parse_digits(text, UINT32_MAX, &value);

	if (ret == 0)
		*out = (uint32_t)value;
	return ret;
}

int parse_u64(const char *text, uint64_t *out)
{
	return parse_digits(text, UINT64_MAX, out);
}

int parse_i64(const char *text, int64_t *out)
{
	bool minus = text && text[0] == '-';
	uint64_t value;
	int ret = parse_digits(minus ? text + 1 : text, (uint64_t)INT64_MAX + minus, &value);

	if (ret < 0)
		return ret;
	/* Negated as unsigned, since INT64_MIN has no positive counterpart. */
	*out = (int64_t)(minus ? 0 - value : value);
	return 0;
}

static const struct {
	const char *name;
	int signo;
} signals[] = {
	{ "HUP", SIGHUP },	 { "INT", SIGINT },	  { "QUIT", SIGQUIT },
	{ "ILL", SIGILL },	 { "TRAP", SIGTRAP },	  { "ABRT", SIGABRT },
	{ "IOT", SIGABRT },	 { "BUS", SIGBUS },	  { "FPE", SIGFPE },
	{ "KILL", SIGKILL },	 { "USR1", SIGUSR1 },	  { "SEGV", SIGSEGV },
	{ "USR2", SIGUSR2 },	 { "PIPE", SIGPIPE },	  { "ALRM", SIGALRM },
	{ "TERM", SIGTERM },	 { "STKFLT", SIGSTKFLT }, { "CHLD", SIGCHLD },
	{ "CLD", SIGCHLD },	 { "CONT", SIGCONT },	  { "STOP", SIGSTOP },
	{ "TSTP", SIGTSTP },	 { "TTIN", SIGTTIN },	  { "TTOU", SIGTTOU },
	{ "URG", SIGURG },	 { "XCPU", SIGXCPU },	  { "XFSZ", SIGXFSZ },
	{ "VTALRM", SIGVTALRM }, { "PROF", SIGPROF },	  { "WINCH", SIGWINCH },
	{ "IO", SIGIO },	 { "POLL", SIGIO },	  { "PWR", SIGPWR },
	{ "SYS", SIGSYS },
};

/* "RTMIN", "RTMIN+3", "RTMAX", "RTMAX-3". */
static int parse_rt_signal(const char *text, int *signo)
{
	bool from_min = strncasecmp(text, "RTMIN", 5) == 0;
	uint32_t offset = 0;

	if (!from_min && strncasecmp(text, "RTMAX", 5) != 0)
		return -EINVAL;
	text += 5;
	if (*text != '\0') {
		if (*text != (from_min ? '+' : '-') || parse_u32(text + 1, &offset) < 0)
			return -EINVAL;
		if (offset > RT_MAX - RT_MIN)
			return -EINVAL;
	}
	*signo = from_min ? RT_MIN + (int)offset : RT_MAX - (int)offset;
	return 0;
}

int parse_signal(const char *text, int *signo)
{
	uint32_t number;

	if (!text)
		return -EINVAL;
	if (parse_u32(text, &number) == 0) {
		if (number > RT_MAX)
			return -EINVAL;
		*signo = (int)number;
		return 0;
	}
	if (strncasecmp(text, "SIG", 3) == 0)
		text += 3;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		if (strcasecmp(signals[i].name, text) == 0) {
			*signo = signals[i].signo;
			return 0;
		}
	}
	return parse_rt_signal(text, signo);
}
