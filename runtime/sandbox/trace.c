#include "runtime/sandbox/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "base/strbuf.h"

/* One trace a program, set up by main like the log. */
static int trace_fd = -1;

int trace_open(const char *path, struct error *err)
{
	if (!path || !*path)
		return 0;
	trace_fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0644);
	return trace_fd < 0 ? err_set(err, -errno, "open trace file '%s'", path) : 0;
}

static void add_head(struct strbuf *text, const char *name, const char *phase)
{
	strbuf_adds(text, "{\"name\":");
	json_quote(text, name);
	strbuf_addf(text, ",\"ph\":\"%s\",\"pid\":%d,\"tid\":%d", phase, (int)getpid(),
		    (int)gettid());
}

static void add_event(struct strbuf *text, const char *command, const char *id,
		      const struct trace_event *event)
{
	add_head(text, event->name, "X");
	strbuf_addf(text, ",\"ts\":%" PRId64 ",\"dur\":%" PRId64 ",\"cat\":", event->begun_us,
		    event->took_us);
	json_quote(text, command);
	strbuf_adds(text, ",\"args\":{\"id\":");
	json_quote(text, id);
	strbuf_adds(text, event->failed ? ",\"failed\":true}},\n" : "}},\n");
}

/* What viewers call the row of this process. */
static void add_process_name(struct strbuf *text, const char *command, const char *id)
{
	auto_strbuf struct strbuf name = { 0 };

	strbuf_addf(&name, "%s %s", command, id);
	add_head(text, "process_name", "M");
	strbuf_adds(text, ",\"args\":{\"name\":");
	json_quote(text, strbuf_str(&name));
	strbuf_adds(text, "}},\n");
}

/* Under a lock, so that exactly the first writer opens the array. */
static int append(const struct strbuf *text)
{
	struct stat st;
	int ret = strbuf_error(text);

	if (ret < 0)
		return ret;
	if (flock(trace_fd, LOCK_EX) < 0 || fstat(trace_fd, &st) < 0)
		return -errno;
	if (st.st_size > 0)
		ret = fs_write_all(trace_fd, text->data + 2, text->len - 2);
	else
		ret = fs_write_all(trace_fd, text->data, text->len);
	(void)flock(trace_fd, LOCK_UN);
	return ret;
}

void trace_write(const char *command, const char *id, const struct trace_event *events, size_t n)
{
	auto_strbuf struct strbuf text = { 0 };
	struct error err = { 0 };
	int ret;

	if (trace_fd < 0)
		return;
	strbuf_adds(&text, "[\n");
	add_process_name(&text, command, id);
	for (size_t i = 0; i < n; i++)
		add_event(&text, command, id, &events[i]);
	ret = append(&text);
	if (ret == 0)
		return;
	err_set(&err, ret, "write to the trace file");
	log_warning("%s", err.text);
}
