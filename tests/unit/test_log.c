#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/log.h"

#define TIME_RE "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z"

static char got[64 << 10];

/* Logs one message at level error and leaves what was written in `got`. */
static void log_one(enum log_format format, const char *message)
{
	auto_close int fd = memfd_create("log", MFD_CLOEXEC);
	ssize_t n;

	assert_true(fd >= 0);
	log_use_fd(fd, format, LOG_INFO);
	log_error("%s", message);
	n = pread(fd, got, sizeof(got) - 1, 0);
	assert_true(n >= 0);
	got[n] = '\0';
	log_use_fd(STDERR_FILENO, LOG_TEXT, LOG_INFO);
}

static void assert_match(const char *text, const char *pattern)
{
	regex_t re;

	assert_int_equal(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB), 0);
	if (regexec(&re, text, 0, NULL, 0) != 0)
		fail_msg("'%s' does not match '%s'", text, pattern);
	regfree(&re);
}

static void both_formats_are_those_of_logrus(void **state)
{
	(void)state;
	log_one(LOG_TEXT, "no such file");
	assert_match(got, "^time=\"" TIME_RE "\" level=error msg=\"no such file\"\n$");
	log_one(LOG_JSON, "no such file");
	assert_match(got, "^\\{\"level\":\"error\",\"msg\":\"no such file\",\"time\":\"" TIME_RE
			  "\"\\}\n$");
}

static void escapes(void **state)
{
	static const struct {
		const char *message;
		const char *text;
		const char *json;
	} rows[] = {
		{ "a\"b\\c", "\"a\\\"b\\\\c\"\n", "\"a\\\"b\\\\c\"," },
		{ "one\ntwo\r\t", "\"one\\ntwo\\r\\t\"\n", "\"one\\ntwo\\r\\t\"," },
		{ "\x1b[31m\x7f", "\"\\x1b[31m\\x7f\"\n", "\"\\u001b[31m\\u007f\"," },
		{ "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80",
		  "\"gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80\"\n",
		  "\"gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80\"," },
		{ "\xff", "\"\\xff\"\n", "\"\xef\xbf\xbd\"," },
		{ "cut \xe2\x82", "\"cut \\xe2\\x82\"\n", "\"cut \xef\xbf\xbd\xef\xbf\xbd\"," },
		{ "\xc0\xaf", "\"\\xc0\\xaf\"\n", "\"\xef\xbf\xbd\xef\xbf\xbd\"," },
		{ "\xed\xa0\x80", "\"\\xed\\xa0\\x80\"\n",
		  "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"," },
		{ "\xc2\x9b", "\"\\u009b\"\n", "\"\\u009b\"," },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *msg;

		log_one(LOG_TEXT, rows[i].message);
		msg = strstr(got, " msg=");
		assert_non_null(msg);
		assert_string_equal(msg + strlen(" msg="), rows[i].text);
		log_one(LOG_JSON, rows[i].message);
		msg = strstr(got, "\"msg\":");
		assert_non_null(msg);
		assert_memory_equal(msg + strlen("\"msg\":"), rows[i].json, strlen(rows[i].json));
	}
}

static void long_messages_are_cut_and_stay_whole_records(void **state)
{
	size_t len = 100000;
	auto_free char *message = malloc(len + 1);

	(void)state;
	assert_non_null(message);
	memset(message, 'm', len);
	message[len] = '\0';
	log_one(LOG_JSON, message);
	assert_in_range(strlen(got), 16000, 17000);
	assert_match(got, "mmm\\.\\.\\.\",\"time\":\"" TIME_RE "\"\\}\n$");
	/* every byte takes six in the record */
	memset(message, '\x01', len);
	log_one(LOG_JSON, message);
	assert_in_range(strlen(got), 39000, 41000);
	assert_match(got, "u0001\\.\\.\\.\",\"time\":\"" TIME_RE "\"\\}\n$");
	/* three-byte characters: the cut is not inside of one */
	for (size_t i = 0; i + 3 <= len; i += 3)
		memcpy(message + i, "\xe2\x82\xac", 3);
	log_one(LOG_JSON, message);
	assert_null(strstr(got, "\xef\xbf\xbd"));
	assert_non_null(strstr(got, "\xe2\x82\xac...\","));
}

static void levels_filter(void **state)
{
	auto_close int fd = memfd_create("log", MFD_CLOEXEC);
	auto_strbuf struct strbuf buf = { 0 };
	const char *pos;

	(void)state;
	log_use_fd(fd, LOG_TEXT, LOG_WARNING);
	assert_int_equal(log_fd(), fd);
	assert_false(log_is_stderr());
	assert_int_equal(log_get_level(), LOG_WARNING);
	log_debug("one");
	log_info("two");
	log_warning("three %d", 3);
	errno = EXDEV;
	log_error("four");
	assert_int_equal(errno, EXDEV);
	log_use_fd(fd, LOG_TEXT, LOG_DEBUG);
	log_debug("five");
	log_info("six");
	log_use_fd(STDERR_FILENO, LOG_TEXT, LOG_INFO);
	assert_true(log_is_stderr());
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(fs_read_all(fd, &buf, 4096), 0);
	pos = strbuf_str(&buf);
	assert_match(pos, "^[^\n]*level=warning msg=\"three 3\"\n[^\n]*level=error msg=\"four\"\n"
			  "[^\n]*level=debug msg=\"five\"\n[^\n]*level=info msg=\"six\"\n$");
}

static void files_are_appended_to(void **state)
{
	char dir[] = "/tmp/test-log-XXXXXX";
	char path[64];
	struct error err = { 0 };
	auto_strbuf struct strbuf buf = { 0 };

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/log", dir);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(log_open(path, LOG_JSON, LOG_INFO, &err), 0);
		assert_int_equal(fcntl(log_fd(), F_GETFL) & O_APPEND, O_APPEND);
		assert_int_equal(log_get_format(), LOG_JSON);
		log_info("round %d", i);
	}
	assert_int_equal(log_open("", LOG_TEXT, LOG_INFO, &err), 0);
	assert_true(log_is_stderr());
	assert_int_equal(fs_read_file_at(AT_FDCWD, path, &buf, 4096), 0);
	assert_match(strbuf_str(&buf), "^[^\n]*\"round 0\"[^\n]*\n[^\n]*\"round 1\"[^\n]*\n$");
	(void)snprintf(path, sizeof(path), "%s/none/log", dir);
	assert_int_equal(log_open(path, LOG_TEXT, LOG_INFO, &err), -ENOENT);
	assert_non_null(strstr(err.text, path));
	assert_true(log_is_stderr());
	assert_int_equal(fs_remove_tree_at(AT_FDCWD, dir), 0);
}

static void formats_have_names(void **state)
{
	enum log_format format = LOG_TEXT;

	(void)state;
	assert_int_equal(log_parse_format("json", &format), 0);
	assert_int_equal(format, LOG_JSON);
	assert_int_equal(log_parse_format("text", &format), 0);
	assert_int_equal(format, LOG_TEXT);
	assert_int_equal(log_parse_format("JSON", &format), -EINVAL);
	assert_int_equal(log_parse_format("", &format), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_formats_are_those_of_logrus),
		cmocka_unit_test(escapes),
		cmocka_unit_test(long_messages_are_cut_and_stay_whole_records),
		cmocka_unit_test(levels_filter),
		cmocka_unit_test(files_are_appended_to),
		cmocka_unit_test(formats_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
