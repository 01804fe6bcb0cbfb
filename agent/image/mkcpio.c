/*
 * Writes a cpio archive (format "newc") from a list of entries, for the guest's initrd.
 *
 * Usage: mkcpio LIST > ARCHIVE
 *
 * LIST has one entry a line, fields separated by blanks, '#' starts a comment line:
 *     dir  PATH MODE
 *     file PATH MODE SOURCE
 *     link PATH TARGET
 *     node PATH MODE MAJOR MINOR     (a character device)
 * MODE is octal. Paths have no leading slash and no blanks.
 *
 * What the archive holds depends on the list and the files' bytes alone: owner 0:0, time 0, inode
 * numbers counted up in list order. So device nodes need no root, and same input is same output.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
	LINE_MAX_LEN = 4096,
	FIELDS_MAX = 5,
	/* the kernel and GNU cpio skip blocks of this size behind the trailer */
	ARCHIVE_BLOCK = 512,
};

/* one archive member, as it goes into the header */
struct member {
	const char *path;
	uint32_t mode;
	uint32_t size;
	uint32_t rmajor;
	uint32_t rminor;
};

struct archive {
	FILE *out;
	uint64_t offset;
	uint32_t ino;
};

static bool put(struct archive *ar, const void *data, size_t len)
{
	ar->offset += len;
	return fwrite(data, 1, len, ar->out) == len;
}

static bool pad_to(struct archive *ar, uint32_t unit)
{
	static const char zero[ARCHIVE_BLOCK];
	size_t over = ar->offset % unit;

	return over == 0 || put(ar, zero, unit - over);
}

/* The header of @m with its name, padded so that data may follow. */
static bool put_header(struct archive *ar, const struct member *m)
{
	char head[128];
	size_t name_len = strlen(m->path) + 1;
	uint32_t ino = m->mode ? ++ar->ino : 0;
	uint32_t nlink = S_ISDIR(m->mode) ? 2 : 1;
	int len;

	len = snprintf(head, sizeof(head),
		       "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X", ino, m->mode,
		       0U, 0U, nlink, 0U, m->size, 0U, 0U, m->rmajor, m->rminor, (uint32_t)name_len,
		       0U);
	return len > 0 && (size_t)len < sizeof(head) && put(ar, head, (size_t)len) &&
	       put(ar, m->path, name_len) && pad_to(ar, 4);
}

static bool put_data(struct archive *ar, const struct member *m, const void *data)
{
	return put_header(ar, m) && put(ar, data, m->size) && pad_to(ar, 4);
}

static bool put_file(struct archive *ar, struct member *m, const char *source)
{
	char buf[65536];
	struct stat st;
	uint64_t left;
	FILE *in = fopen(source, "rbe");
	bool ok;

	if (!in || fstat(fileno(in), &st) < 0) {
		fprintf(stderr, "mkcpio: read '%s': %s\n", source, strerror(errno));
		if (in)
			fclose(in);
		return false;
	}
	if (!S_ISREG(st.st_mode) || st.st_size > INT32_MAX) {
		fprintf(stderr, "mkcpio: '%s' is not a regular file below 2 GiB\n", source);
		fclose(in);
		return false;
	}
	m->size = (uint32_t)st.st_size;
	left = m->size;
	ok = put_header(ar, m);
	while (ok && left > 0) {
		size_t got = fread(buf, 1, left < sizeof(buf) ? left : sizeof(buf), in);

		if (got == 0) {
			fprintf(stderr, "mkcpio: '%s' became shorter while it was read\n", source);
			ok = false;
		}
		ok = ok && put(ar, buf, got);
		left -= got;
	}
	fclose(in);
	return ok && pad_to(ar, 4);
}

static bool parse_number(const char *text, int base, uint32_t max, uint32_t *value)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(text, &end, base);
	if (errno || end == text || *end || n > max)
		return false;
	*value = (uint32_t)n;
	return true;
}

/* Splits @line in place at blanks. Returns the number of fields, FIELDS_MAX + 1 if there are more.
 */
static int split(char *line, char *field[FIELDS_MAX])
{
	static const char blanks[] = " \t\n";
	int n = 0;

	for (;;) {
		line += strspn(line, blanks);
		if (!*line || n == FIELDS_MAX)
			return *line ? n + 1 : n;
		field[n++] = line;
		line += strcspn(line, blanks);
		if (*line)
			*line++ = '\0';
	}
}

static bool put_entry(struct archive *ar, char *field[FIELDS_MAX], int n)
{
	struct member m = { .path = field[1] };

	if (n < 3 || m.path[0] == '/')
		return false;
	if (n == 3 && strcmp(field[0], "link") == 0) {
		m.mode = S_IFLNK | 0777;
		m.size = (uint32_t)strlen(field[2]);
		return put_data(ar, &m, field[2]);
	}
	if (!parse_number(field[2], 8, 07777, &m.mode))
		return false;
	if (n == 3 && strcmp(field[0], "dir") == 0) {
		m.mode |= S_IFDIR;
		return put_header(ar, &m);
	}
	if (n == 4 && strcmp(field[0], "file") == 0) {
		m.mode |= S_IFREG;
		return put_file(ar, &m, field[3]);
	}
	if (n == 5 && strcmp(field[0], "node") == 0) {
		m.mode |= S_IFCHR;
		return parse_number(field[3], 10, 0xfff, &m.rmajor) &&
		       parse_number(field[4], 10, 0xfffff, &m.rminor) && put_header(ar, &m);
	}
	return false;
}

static bool put_list(struct archive *ar, FILE *list, const char *name)
{
	char line[LINE_MAX_LEN];
	char *field[FIELDS_MAX];
	int number = 0;

	while (fgets(line, sizeof(line), list)) {
		int n;

		number++;
		if (line[0] == '#')
			continue;
		n = split(line, field);
		if (n == 0)
			continue;
		if (!put_entry(ar, field, n)) {
			fprintf(stderr, "mkcpio: '%s' line %d cannot be archived\n", name, number);
			return false;
		}
	}
	return !ferror(list) && put_header(ar, &(struct member){ .path = "TRAILER!!!" }) &&
	       pad_to(ar, ARCHIVE_BLOCK);
}

int main(int argc, char **argv)
{
	struct archive ar = { .out = stdout };
	FILE *list;
	bool ok;

	if (argc != 2) {
		fprintf(stderr, "usage: mkcpio LIST > ARCHIVE\n");
		return 2;
	}
	list = fopen(argv[1], "re");
	if (!list) {
		fprintf(stderr, "mkcpio: read '%s': %s\n", argv[1], strerror(errno));
		return 1;
	}
	ok = put_list(&ar, list, argv[1]);
	fclose(list);
	if (ok && fflush(stdout) != 0) {
		fprintf(stderr, "mkcpio: write the archive: %s\n", strerror(errno));
		ok = false;
	}
	return ok ? 0 : 1;
}
