#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"

enum { MESSAGE_MAX = 16 << 10, RECORD_MAX = 40 << 10, TIME_LEN = 32 };

/* One log a program: every module writes to it, and handing it through every call would drown the
 * code. */
static struct {
	int fd;
	bool owned;
	enum log_format format;
	enum log_level level;
} the_log = { .fd = STDERR_FILENO, .format = LOG_TEXT, .level = LOG_INFO };

static const char *const level_names[] = {
	[LOG_DEBUG] = "debug",
	[LOG_INFO] = "info",
	[LOG_WARNING] = "warning",
	[LOG_ERROR] = "error",
};

static const char *const format_names[] = { [LOG_TEXT] = "text", [LOG_JSON] = "json" };

/* A record being made. Room for the end of it is kept by `limit`. What does not fit ends the
 * record's message. */
struct record {
	char data[RECORD_MAX];
	size_t len;
	size_t limit;
	bool full;
};

static void use(int fd, bool owned, enum log_format format, enum log_level level)
{
	if (the_log.owned && the_log.fd != fd)
		cleanup_close(&the_log.fd);
	the_log.fd = fd;
	the_log.owned = owned;
	the_log.format = format;
	the_log.level = level;
}

int log_open(const char *path, enum log_format format, enum log_level level, struct error *err)
{
	int fd;

	if (!path || *path == '\0') {
		use(STDERR_FILENO, false, format, level);
		return 0;
	}
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0644);
	if (fd < 0)
		return err_set(err, -errno, "open log file '%s'", path);
	use(fd, true, format, level);
	return 0;
}

void log_use_fd(int fd, enum log_format format, enum log_level level)
{
	use(fd, false, format, level);
}

int log_parse_format(const char *text, enum log_format *format)
{
	for (size_t i = 0; i < sizeof(format_names) / sizeof(format_names[0]); i++) {
		if (strcmp(text, format_names[i]) == 0) {
			*format = (enum log_format)i;
			return 0;
		}
	}
	return -EINVAL;
}

bool log_is_stderr(void)
{
	return the_log.fd == STDERR_FILENO;
}

int log_fd(void)
{
	return the_log.fd;
}

enum log_format log_get_format(void)
{
	return the_log.format;
}

enum log_level log_get_level(void)
{
	return the_log.level;
}

static void put(struct record *rec, const char *data, size_t len)
{
	rec->full = rec->full || len > rec->limit - rec->len;
	if (rec->full)
		return;
	memcpy(rec->data + rec->len, data, len);
	rec->len += len;
}

static void puts_to(struct record *rec, const char *text)
{
	put(rec, text, strlen(text));
}

/* Length of the valid UTF-8 sequence at text, 0 if there is none. NUL-terminated text is never read
 * beyond its end. */
static size_t utf8_len(const unsigned char *text)
{
	unsigned char lead = text[0];
	size_t len = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;

	if (lead > 0xf4)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	/* overlong forms, surrogates, beyond U+10FFFF */
	if ((lead == 0xe0 && text[1] < 0xa0) || (lead == 0xed && text[1] > 0x9f) ||
	    (lead == 0xf0 && text[1] < 0x90) || (lead == 0xf4 && text[1] > 0x8f))
		return 0;
	return len;
}

/* The escape letter that both formats know for c, or NUL. */
static char short_escape(unsigned char c)
{
	static const char from[] = "\"\\\n\r\t\b\f";
	static const char to[] = "\"\\nrtbf";
	const char *pos = c ? strchr(from, c) : NULL;

	return pos ? to[pos - from] : '\0';
}

/* Puts one character in the form of the format; returns how many bytes of text it took. */
static size_t put_escaped(struct record *rec, const unsigned char *text, enum log_format format)
{
	size_t len = utf8_len(text);
	char escaped[8] = { '\\', short_escape(*text) };

	if (len == 0 && format == LOG_JSON)
		puts_to(rec, "\xef\xbf\xbd");
	else if (escaped[1])
		put(rec, escaped, 2);
	else if (len == 2 && text[0] == 0xc2 && text[1] < 0xa0) /* U+0080..U+009F */
		(void)snprintf(escaped, sizeof(escaped), "\\u%04x", text[1]);
	else if (len == 0 || *text < 0x20 || *text == 0x7f)
		(void)snprintf(escaped, sizeof(escaped), format == LOG_JSON ? "\\u%04x" : "\\x%02x",
			       *text);
	else
		put(rec, (const char *)text, len);
	if (escaped[1] == 'u' || escaped[1] == 'x')
		puts_to(rec, escaped);
	return len ? len : 1;
}

static void put_quoted(struct record *rec, const char *text, enum log_format format)
{
	const unsigned char *pos = (const unsigned char *)text;

	puts_to(rec, "\"");
	while (*pos != '\0' && !rec->full)
		pos += put_escaped(rec, pos, format);
	rec->limit = sizeof(rec->data);
	if (rec->full) {
		rec->full = false;
		puts_to(rec, "...");
	}
	puts_to(rec, "\"");
}

static void make_record(struct record *rec, enum log_level level, const char *message)
{
	char when[TIME_LEN];
	time_t now = time(NULL);
	struct tm tm;

	rec->len = 0;
	rec->full = false;
	/* behind the message: dots, a quote, `,"time":"..."}`, a line feed */
	rec->limit = sizeof(rec->data) - TIME_LEN - 20;
	if (!gmtime_r(&now, &tm) || strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		when[0] = '\0';
	if (the_log.format == LOG_JSON) {
		puts_to(rec, "{\"level\":\"");
		puts_to(rec, level_names[level]);
		puts_to(rec, "\",\"msg\":");
		put_quoted(rec, message, LOG_JSON);
		puts_to(rec, ",\"time\":\"");
		puts_to(rec, when);
		puts_to(rec, "\"}\n");
		return;
	}
	puts_to(rec, "time=\"");
	puts_to(rec, when);
	puts_to(rec, "\" level=");
	puts_to(rec, level_names[level]);
	puts_to(rec, " msg=");
	put_quoted(rec, message, LOG_TEXT);
	puts_to(rec, "\n");
}

/* Ends a message that was cut, not in the middle of a character. */
static void mark_cut(char *message, size_t cap)
{
	size_t len = cap - sizeof("...");

	while (len > 0 && ((unsigned char)message[len] & 0xc0) == 0x80)
		len--;
	memcpy(message + len, "...", sizeof("..."));
}

void log_write(enum log_level level, const char *fmt, ...)
{
	int saved = errno;
	char message[MESSAGE_MAX];
	struct record rec;
	va_list args;
	ssize_t n;
	int len;

	if (level < the_log.level || the_log.fd < 0)
		return;
	va_start(args, fmt);
	len = vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	if (len < 0)
		(void)snprintf(message, sizeof(message), "%s", fmt);
	else if ((size_t)len >= sizeof(message))
		mark_cut(message, sizeof(message));
	make_record(&rec, level, message);
	do {
		n = write(the_log.fd, rec.data, rec.len);
	} while (n < 0 && errno == EINTR);
	/* There is nobody to tell that the log does not take it. */
	errno = saved;
}
