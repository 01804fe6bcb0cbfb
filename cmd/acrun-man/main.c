/*
 * Writes the man pages at build time: a page's name, synopsis, options and examples come from the
 * tables of acrun, the rest from a page of prose (docs/man/<command>.mdoc).
 *
 *	acrun-man PROSE_DIR OUT_DIR
 *
 * Prose begins with a line ".Dd DATE"; what follows it is the description, up to the first ".Sh",
 * where further sections begin. A line `.\" see also: NAME SECTION ...` adds to the references.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "acrun_version.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "cmd/acrun/command.h"

#define SEE_ALSO     ".\\\" see also: "
#define DEFAULT_DATE ".Dd November 21, 2026"

enum { PROSE_MAX = 1 << 20, SECTION = 8 };

struct page {
	const char *name; /* "create"; NULL: the program's own page */
	const char *operands;
	const char *summary;
	const struct option_table *options;
	const struct command_example *examples;
	struct strbuf prose;
	struct strbuf out;
};

/* --- text into mdoc --- */

static void put_text(struct strbuf *out, const char *text)
{
	if (*text == '.' || *text == '\'')
		(void)strbuf_adds(out, "\\&");
	for (; *text; text++) {
		if (*text == '\\')
			(void)strbuf_adds(out, "\\e");
		else
			(void)strbuf_addc(out, *text);
	}
}

/* As one argument of a macro. */
static void put_argument(struct strbuf *out, const char *text)
{
	(void)strbuf_addc(out, '"');
	for (; *text; text++) {
		if (*text == '"')
			(void)strbuf_adds(out, "\\(dq");
		else if (*text == '\\')
			(void)strbuf_adds(out, "\\e");
		else if (*text == '\'')
			(void)strbuf_adds(out, "\\(aq");
		else
			(void)strbuf_addc(out, *text);
	}
	(void)strbuf_addc(out, '"');
}

/* --- sections --- */

static void put_head(struct page *page)
{
	char upper[64] = "ACRUN";
	size_t len = strcspn(strbuf_str(&page->prose), "\n");

	if (page->name)
		(void)snprintf(upper, sizeof(upper), "ACRUN-%s", page->name);
	for (char *c = upper; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	(void)strbuf_adds(&page->out, ".\\\" Made from the tables of acrun and docs/man.\n");
	if (!strncmp(strbuf_str(&page->prose), ".Dd ", 4))
		(void)strbuf_addf(&page->out, "%.*s\n", (int)len, page->prose.data);
	else
		(void)strbuf_adds(&page->out, DEFAULT_DATE "\n");
	(void)strbuf_addf(&page->out, ".Dt %s %d\n.Os acrun " ACRUN_VERSION "\n", upper, SECTION);
	(void)strbuf_addf(&page->out, ".Sh NAME\n.Nm acrun%s%s\n.Nd ", page->name ? "-" : "",
			  page->name ? page->name : "");
	put_text(&page->out, page->summary);
	(void)strbuf_addc(&page->out, '\n');
}

static void put_synopsis(struct page *page)
{
	const char *at = page->operands;

	(void)strbuf_adds(&page->out, ".Sh SYNOPSIS\n.Nm acrun\n.Op Ar global options\n");
	if (!page->name) {
		(void)strbuf_adds(&page->out,
				  ".Ar command\n.Op Ar options\n.Op Ar arguments ...\n");
		return;
	}
	(void)strbuf_addf(&page->out, ".Cm %s\n.Op Ar options\n", page->name);
	for (; *at; at += strspn(at, " ")) {
		size_t len = strcspn(at, " ");
		bool angled = at[0] == '<' && at[len - 1] == '>';

		(void)strbuf_addf(&page->out, ".Ar \"%.*s\"\n", (int)(angled ? len - 2 : len),
				  at + angled);
		at += len;
	}
}

static void put_options(struct page *page)
{
	(void)strbuf_adds(&page->out, ".Sh OPTIONS\n.Bl -tag -width Ds\n");
	for (size_t i = 0; i < page->options->n_rows; i++) {
		const struct option_row *row = &page->options->rows[i];

		(void)strbuf_adds(&page->out, ".It ");
		if (row->letter)
			(void)strbuf_addf(&page->out, "Fl %c , ", row->letter);
		(void)strbuf_addf(&page->out, "Fl -%s", row->name);
		if (row->arg) {
			(void)strbuf_adds(&page->out, " Ar ");
			put_argument(&page->out, row->arg);
		}
		(void)strbuf_addc(&page->out, '\n');
		put_text(&page->out, row->help);
		(void)strbuf_addc(&page->out, '\n');
	}
	(void)strbuf_adds(&page->out, ".El\n");
}

static void put_commands(struct page *page)
{
	(void)strbuf_adds(&page->out, ".Sh COMMANDS\n.Bl -tag -width completion -compact\n");
	for (size_t i = 0; command_at(i); i++) {
		(void)strbuf_addf(&page->out, ".It Cm %s\n", command_at(i)->name);
		put_text(&page->out, command_at(i)->summary);
		(void)strbuf_addc(&page->out, '\n');
	}
	(void)strbuf_adds(&page->out, ".El\n");
}

static void put_examples(struct page *page)
{
	if (!page->examples)
		return;
	(void)strbuf_adds(&page->out, ".Sh EXAMPLES\n.Bl -tag -width Ds\n");
	for (const struct command_example *e = page->examples; e->line; e++) {
		(void)strbuf_adds(&page->out, ".It Li ");
		put_argument(&page->out, e->line);
		(void)strbuf_addc(&page->out, '\n');
		put_text(&page->out, e->what);
		(void)strbuf_addc(&page->out, '\n');
	}
	(void)strbuf_adds(&page->out, ".El\n");
}

/* The program's page names those of all commands, theirs name its and what the prose adds. */
static void put_see_also(struct page *page)
{
	const char *more = strstr(strbuf_str(&page->prose), SEE_ALSO);
	char name[64], section[8];
	int used = 0;

	(void)strbuf_adds(&page->out, ".Sh SEE ALSO\n");
	for (size_t i = 0; !page->name && command_at(i); i++)
		(void)strbuf_addf(&page->out, ".Xr acrun-%s %d%s\n", command_at(i)->name, SECTION,
				  command_at(i + 1) ? " ," : "");
	if (!page->name)
		return;
	(void)strbuf_addf(&page->out, ".Xr acrun %d", SECTION);
	for (more = more ? more + strlen(SEE_ALSO) : "";
	     sscanf(more, "%*[ ]%n", &used) >= 0 &&
	     sscanf(more, " %63[^ \n] %7[^ \n]%n", name, section, &used) == 2 && *more != '\n';
	     more += used)
		(void)strbuf_addf(&page->out, " ,\n.Xr %s %s", name, section);
	(void)strbuf_addc(&page->out, '\n');
}

/* Prose between from and to, without the lines for us. */
static void put_prose(struct page *page, const char *from, const char *to)
{
	while (from < to) {
		const char *end = strchr(from, '\n');
		size_t len = end ? (size_t)(end - from) + 1 : strlen(from);

		if (strncmp(from, SEE_ALSO, strlen(SEE_ALSO)) != 0)
			(void)strbuf_add(&page->out, from, len);
		from += len;
	}
}

static int put_page(struct page *page, int out_dir)
{
	const char *prose = strbuf_str(&page->prose);
	const char *end = prose + page->prose.len;
	const char *sections = strstr(prose, "\n.Sh ");
	char name[96];

	if (!strncmp(prose, ".Dd ", 4))
		prose += strcspn(prose, "\n") + 1;
	put_head(page);
	put_synopsis(page);
	(void)strbuf_adds(&page->out, ".Sh DESCRIPTION\n");
	if (prose >= end) {
		put_text(&page->out, page->summary);
		(void)strbuf_adds(&page->out, ".\n");
	}
	sections = sections ? sections + 1 : end;
	put_prose(page, prose, sections);
	put_options(page);
	if (!page->name)
		put_commands(page);
	put_prose(page, sections, end);
	put_examples(page);
	put_see_also(page);
	(void)snprintf(name, sizeof(name), "acrun%s%s.%d", page->name ? "-" : "",
		       page->name ? page->name : "", SECTION);
	if (strbuf_error(&page->out) < 0)
		return strbuf_error(&page->out);
	return fs_replace_at(out_dir, name, page->out.data, page->out.len, 0644, false);
}

/* A page without prose has its tables at least. */
static int make_page(struct page *page, int prose_dir, int out_dir)
{
	char name[96];
	int ret;

	(void)snprintf(name, sizeof(name), "%s.mdoc", page->name ? page->name : "acrun");
	ret = fs_read_file_at(prose_dir, name, &page->prose, PROSE_MAX);
	if (ret == -ENOENT)
		ret = 0;
	if (ret == 0)
		ret = put_page(page, out_dir);
	if (ret < 0)
		(void)fprintf(stderr, "acrun-man: %s: %s\n", name, strerror(-ret));
	strbuf_done(&page->prose);
	strbuf_done(&page->out);
	return ret;
}

int main(int argc, char **argv)
{
	struct page page = { .operands = "",
			     .summary = "run OCI containers in virtual machines",
			     .options = &globals_options };
	auto_close int prose_dir = argc == 3 ? fs_open_dir_at(AT_FDCWD, argv[1]) : -EINVAL;
	auto_close int out_dir = argc == 3 ? fs_open_dir_at(AT_FDCWD, argv[2]) : -EINVAL;
	int ret;

	if (prose_dir < 0 || out_dir < 0) {
		(void)fputs("usage: acrun-man PROSE_DIR OUT_DIR\n", stderr);
		return EXIT_FAILURE;
	}
	ret = make_page(&page, prose_dir, out_dir);
	for (size_t i = 0; ret == 0 && command_at(i); i++) {
		const struct command *command = command_at(i);

		page = (struct page){ .name = command->name,
				      .operands = command->operands,
				      .summary = command->summary,
				      .options = &command->options,
				      .examples = command->examples };
		ret = make_page(&page, prose_dir, out_dir);
	}
	return ret < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
