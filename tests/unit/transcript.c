#include "tests/unit/transcript.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/strbuf.h"

enum { FILE_MAX = 1 << 20, LINES_MAX = 1000 };

static unsigned hex_digit(char c)
{
	return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a' + 10);
}

static char unescape(const char **pos)
{
	switch (*++*pos) {
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	case 'x':
		*pos += 2;
		return (char)(hex_digit((*pos)[-1]) << 4 | hex_digit((*pos)[0]));
	default:
		return **pos;
	}
}

/* Takes the quotes and escapes out of text, in place. */
static int unquote(char *text, size_t *len)
{
	const char *pos = text + 1;
	char *out = text;

	while (*pos && *pos != '"') {
		*out++ = *pos == '\\' ? unescape(&pos) : *pos;
		pos++;
	}
	if (pos[0] != '"' || pos[1])
		return -EINVAL;
	*out = '\0';
	*len = (size_t)(out - text);
	return 0;
}

static int parse_message(char *word, struct transcript_line *line)
{
	char *rest = strchr(word, ' ');

	line->word = word;
	line->text = "";
	line->len = 0;
	if (!rest)
		return 0;
	*rest++ = '\0';
	if (strncmp(rest, "ok ", 3) == 0)
		rest += 3;
	line->text = rest;
	line->len = strlen(rest);
	return *rest == '"' ? unquote(rest, &line->len) : 0;
}

static int parse_line(char *text, struct transcript_line *line)
{
	char *word = strchr(text, ' ');

	line->party = text;
	if (!word)
		return -EINVAL;
	*word++ = '\0';
	line->to_proxy = strcmp(word, "closed") != 0;
	if (*word == '>' || *word == '<') {
		line->to_proxy = *word == '>';
		word += 2;
	}
	return parse_message(word, line);
}

/* What ours says instead of the line before. */
static int parse_ours(struct transcript *transcript, char *text)
{
	struct transcript_line *line, *before = &transcript->lines[transcript->n_lines - 1];

	line = arena_calloc(&transcript->arena, 1, sizeof(*line));
	if (transcript->n_lines == 0 || !line)
		return -EINVAL;
	*line = *before;
	before->ours = line;
	return parse_message(text, line);
}

static int add_line(struct transcript *transcript, char *text, unsigned number)
{
	struct transcript_line *line = &transcript->lines[transcript->n_lines];

	if (transcript->n_lines == LINES_MAX)
		return -E2BIG;
	transcript->n_lines++;
	line->number = number;
	return parse_line(text, line);
}

int transcript_read(struct transcript *transcript, const char *path, struct error *err)
{
	auto_strbuf struct strbuf file = { .max = FILE_MAX };
	unsigned number = 0;
	char *text, *line;
	int ret;

	*transcript = (struct transcript){ 0 };
	ret = fs_read_file_at(AT_FDCWD, path, &file, FILE_MAX);
	if (ret < 0)
		return err_set(err, ret, "read '%s'", path);
	text = arena_strdup(&transcript->arena, strbuf_str(&file));
	transcript->lines = arena_calloc(&transcript->arena, LINES_MAX, sizeof(*transcript->lines));
	if (!text || !transcript->lines)
		return err_set(err, -ENOMEM, "read '%s'", path);
	while ((line = strsep(&text, "\n"))) {
		number++;
		if (!*line || *line == '#')
			continue;
		ret = line[0] == '!' ? parse_ours(transcript, line + 2)
				     : add_line(transcript, line, number);
		if (ret < 0)
			return err_set(err, ret, "'%s', line %u", path, number);
	}
	return 0;
}

void transcript_done(struct transcript *transcript)
{
	arena_done(&transcript->arena);
}
