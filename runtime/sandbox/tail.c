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

void tail_add(struct strbuf *buf, int dir_fd, const char *name, unsigned lines)
{
	auto_close int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char text[TAIL_WINDOW];
	struct stat st;
	ssize_t n;
	bool gap = false, begun = false;

	if (fd < 0 || fstat(fd, &st) < 0)
		return;
	n = pread(fd, text, sizeof(text), st.st_size > TAIL_WINDOW ? st.st_size - TAIL_WINDOW : 0);
	if (n <= 0)
		return;
	for (size_t i = find_start(text, (size_t)n, lines); i < (size_t)n; i++) {
		if (text[i] == '\n') {
			gap = begun;
		} else if (isprint((unsigned char)text[i])) {
			if (gap)
				strbuf_adds(buf, "; ");
			strbuf_addc(buf, text[i]);
			gap = false;
			begun = true;
		}
	}
}
