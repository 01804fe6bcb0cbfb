#include "runtime/sandbox/tail.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/cleanup.h"

enum { TAIL_WINDOW = 8192, TAIL_MAX = 600 };

/* Start of the text that holds the last `lines` lines that are not blank. */
static size_t find_start(const char *text, size_t len, unsigned lines)
{
	size_t start = len;
	bool blank = true;

	while (start > 0) {
		char c = text[start - 1];

		if (c == '\n') {
			if (!blank && --lines == 0)
				break;
			blank = true;
		} else if (isgraph((unsigned char)c)) {
			blank = false;
		}
		start--;
	}
	return len - start > TAIL_MAX ? len - TAIL_MAX : start;
}

/* Joins the lines: what cannot be printed is dropped, and so are blanks around a line. */
static void join_lines(struct strbuf *out, const char *text, size_t len)
{
	size_t blanks = 0;
	bool gap = false;

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\n') {
			gap = out->len > 0;
			blanks = 0;
		} else if (text[i] == ' ' || text[i] == '\t') {
			blanks += !gap && out->len > 0;
		} else if (isgraph((unsigned char)text[i])) {
			strbuf_addf(out, "%s%*s%c", gap ? "; " : "", (int)blanks, "", text[i]);
			gap = false;
			blanks = 0;
		}
	}
}

void tail_add(struct strbuf *buf, int dir_fd, const char *name, unsigned lines)
{
	auto_close int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	auto_strbuf struct strbuf joined = { 0 };
	char text[TAIL_WINDOW];
	struct stat st;
	size_t start, skip;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return;
	n = pread(fd, text, sizeof(text), st.st_size > TAIL_WINDOW ? st.st_size - TAIL_WINDOW : 0);
	if (n <= 0)
		return;
	start = find_start(text, (size_t)n, lines);
	join_lines(&joined, text + start, (size_t)n - start);
	skip = joined.len > TAIL_MAX ? joined.len - TAIL_MAX : 0;
	if (joined.len > 0)
		strbuf_add(buf, joined.data + skip, joined.len - skip);
}
