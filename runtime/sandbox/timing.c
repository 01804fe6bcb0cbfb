#include "runtime/sandbox/timing.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/arena.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "runtime/sandbox/trace.h"

/* Phases of one command; bytes of repeated commands before the older ones are dropped; bytes that
 * are read at most. */
enum { PHASES_MAX = 32, REPEATED_MAX = 64 << 10, READ_MAX = 1 << 20 };

static const char file_once[] = "timing";
static const char file_repeated[] = "timing-repeated";
static const char file_older[] = "timing-repeated.old";

/* One command at a time runs in a program: handing this through every step would drown the code. */
static struct {
	const char *command; /* NULL: none */
	const char *id;
	int64_t begun_us;
	int fd; /* where to keep it; 0: nowhere */
	struct trace_event events[PHASES_MAX + 1];
	size_t n;
} the_timing;

struct timing_row {
	const char *command;
	int64_t pid;
	const char *name;
	int64_t begin_us;
	int64_t duration_us;
	bool failed;
};

#define FIELD(member) .offset = offsetof(struct timing_row, member)

static const struct json_row timing_rows[] = {
	{ .name = "command", .kind = JSON_STR, FIELD(command), .flags = JSON_REQUIRED },
	{ .name = "pid", .kind = JSON_I64, FIELD(pid) },
	{ .name = "name", .kind = JSON_STR, FIELD(name), .flags = JSON_REQUIRED },
	{ .name = "begin", .kind = JSON_I64, FIELD(begin_us) },
	{ .name = "duration", .kind = JSON_I64, FIELD(duration_us) },
	{ .name = "failed", .kind = JSON_BOOL, FIELD(failed), .flags = JSON_OMIT_EMPTY },
};
static const struct json_type timing_row_type = JSON_TYPE(timing_row, timing_rows);

struct timing_document {
	const char *id;
	struct json_objs timing; /* struct timing_row */
};

static const struct json_row document_rows[] = {
	{ .name = "id", .kind = JSON_STR, .offset = offsetof(struct timing_document, id) },
	{ .name = "timing",
	  .kind = JSON_OBJS,
	  .offset = offsetof(struct timing_document, timing),
	  .type = &timing_row_type },
};
static const struct json_type document_type = JSON_TYPE(timing_document, document_rows);

int64_t timing_begin(const char *command, const char *id)
{
	the_timing.command = command;
	the_timing.id = id;
	the_timing.begun_us = clock_now_us();
	the_timing.n = 0;
	return the_timing.begun_us;
}

static void add_event(const char *name, int64_t begun_us, int ret)
{
	the_timing.events[the_timing.n++] = (struct trace_event){
		.name = name,
		.begun_us = begun_us,
		.took_us = clock_now_us() - begun_us,
		.failed = ret < 0,
	};
}

void timing_phase(const char *name, int64_t begun_us, int ret)
{
	const char *command = the_timing.command ? the_timing.command : "";

	log_debug("%s: %s: %s after %lld us", command, name, ret < 0 ? "failed" : "done",
		  (long long)(clock_now_us() - begun_us));
	if (the_timing.command && the_timing.n < PHASES_MAX)
		add_event(name, begun_us, ret);
}

static int open_file(int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	return fd < 0 ? -errno : fd;
}

/* True when we may rename the full file that fd has open: nobody else does, or has. */
static bool take_full(int dir_fd, int fd)
{
	struct stat ours, named;

	return fstat(fd, &ours) == 0 && ours.st_size > REPEATED_MAX &&
	       flock(fd, LOCK_EX | LOCK_NB) == 0 &&
	       fstatat(dir_fd, file_repeated, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       named.st_ino == ours.st_ino;
}

void timing_keep(int dir_fd, bool repeated)
{
	int fd = open_file(dir_fd, repeated ? file_repeated : file_once);

	if (fd >= 0 && repeated && take_full(dir_fd, fd) &&
	    renameat(dir_fd, file_repeated, dir_fd, file_older) == 0) {
		close(fd);
		fd = open_file(dir_fd, file_repeated);
	}
	if (fd < 0)
		log_debug("timing: cannot be kept: %s", strerror(-fd));
	else
		the_timing.fd = fd;
}

/* One line a phase, all by one write(2). */
static int keep_events(void)
{
	auto_strbuf struct strbuf text = { 0 };

	for (size_t i = 0; i < the_timing.n; i++) {
		const struct trace_event *event = &the_timing.events[i];
		const struct timing_row row = {
			.command = the_timing.command,
			.pid = getpid(),
			.name = event->name,
			.begin_us = event->begun_us - the_timing.begun_us,
			.duration_us = event->took_us,
			.failed = event->failed,
		};
		int ret = json_encode(&timing_row_type, &row, 0, &text);

		if (ret < 0)
			return ret;
		strbuf_addc(&text, '\n');
	}
	return strbuf_error(&text) < 0 ? strbuf_error(&text)
				       : fs_write_all(the_timing.fd, text.data, text.len);
}

void timing_end(int ret)
{
	int kept;

	if (!the_timing.command)
		return;
	add_event("total", the_timing.begun_us, ret);
	kept = the_timing.fd > 0 ? keep_events() : 0;
	if (kept < 0)
		log_debug("timing: cannot be kept: %s", strerror(-kept));
	if (the_timing.fd > 0)
		close(the_timing.fd);
	the_timing.events[the_timing.n - 1].name = the_timing.command;
	trace_write(the_timing.command, the_timing.id, the_timing.events, the_timing.n);
	the_timing.command = NULL;
	the_timing.fd = 0;
}

/* Appends the lines of a file to the array in `out`; a missing file has none. */
static int add_lines(int dir_fd, const char *name, struct strbuf *out, struct error *err)
{
	auto_strbuf struct strbuf text = { 0 };
	int ret = fs_read_file_at(dir_fd, name, &text, READ_MAX);
	const char *line = strbuf_str(&text);
	const char *end;

	if (ret == -ENOENT)
		return 0;
	if (ret < 0)
		return err_set(err, ret, "read '%s' of the container's state", name);
	for (; (end = strchr(line, '\n')); line = end + 1) {
		if (out->data[out->len - 1] != '[')
			strbuf_addc(out, ',');
		strbuf_add(out, line, (size_t)(end - line));
	}
	return 0;
}

int timing_format(int dir_fd, const char *id, struct strbuf *out, struct error *err)
{
	static const char *const files[] = { file_once, file_older, file_repeated };
	auto_strbuf struct strbuf text = { 0 };
	auto_arena struct arena arena = { 0 };
	struct timing_document document;
	int ret = 0;

	strbuf_adds(&text, "{\"timing\":[");
	for (size_t i = 0; ret == 0 && i < sizeof(files) / sizeof(files[0]); i++)
		ret = add_lines(dir_fd, files[i], &text, err);
	if (ret < 0)
		return ret;
	strbuf_adds(&text, "]}");
	if (strbuf_error(&text) < 0)
		return err_set(err, strbuf_error(&text), "timing of '%s'", id);
	ret = json_decode(&document_type, text.data, text.len, NULL, &arena, &document, err);
	if (ret < 0)
		return err_ctx(err, "timing of '%s'", id);
	document.id = id;
	ret = json_encode(&document_type, &document, 2, out);
	return ret < 0 ? err_set(err, ret, "timing of '%s'", id) : 0;
}
