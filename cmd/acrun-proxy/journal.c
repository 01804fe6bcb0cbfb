#include "cmd/acrun-proxy/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "agent/proto/journal_line.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "cmd/acrun-proxy/proxy.h"
#include "cmd/acrun-proxy/sessions.h"

enum { LIMIT_MIN = 64 << 10, FILE_MAX = 16 << 20 };

#define STREAM_LAST (UINT64_C(1) << 62)

bool journal_exists(const struct journal *journal)
{
	return journal->path && access(journal->path, F_OK) == 0;
}

static int encode(const struct journal_line *line, struct strbuf *text)
{
	int ret = json_encode(&journal_line_type, line, 0, text);

	return ret < 0 ? ret : strbuf_addc(text, '\n');
}

static int encode_token(const struct session *session, struct strbuf *text)
{
	const struct journal_line line = {
		.op = "token",
		.token = session->token,
		.stdio = session->stdio,
		.transient = session->transient,
	};

	return encode(&line, text);
}

static int encode_session(const struct session *session, struct strbuf *text)
{
	const struct journal_line line = {
		.op = "session",
		.started = session->state >= SESSION_STARTED,
		.token = session->token,
		.container = session->container,
		.process = session->process,
		.stdio = session->stdio,
		.exec = session->is_exec,
		.kill = session->kills,
	};

	return encode(&line, text);
}

static int encode_vm(const struct journal_vm *vm, struct strbuf *text)
{
	const struct journal_line line = {
		.op = "vm",
		.sandbox = vm->sandbox,
		.ctl = vm->ctl,
		.tty = vm->tty,
		.console = vm->console,
		.key = vm->key,
		.link = vm->link,
	};

	return encode(&line, text);
}

/* Replaces the file and opens it to go on behind. */
static int replace(struct journal *journal, const struct strbuf *text)
{
	int ret = strbuf_error(text);

	if (ret == 0)
		ret = fs_replace_at(AT_FDCWD, journal->path, text->data, text->len, 0600, false);
	if (ret < 0)
		return ret;
	cleanup_close(&journal->fd);
	journal->fd = open(journal->path, O_WRONLY | O_APPEND | O_CLOEXEC);
	if (journal->fd < 0)
		return -errno;
	journal->len = text->len;
	journal->limit = 2 * text->len < LIMIT_MIN ? LIMIT_MIN : 2 * text->len;
	return 0;
}

int journal_begin(struct proxy *proxy, const struct journal_vm *vm, struct error *err)
{
	auto_strbuf struct strbuf text = { 0 };
	int ret = encode_vm(vm, &text);

	if (ret == 0)
		ret = replace(&proxy->journal, &text);
	return ret < 0 ? err_set(err, ret, "write '%s'", proxy->journal.path) : 0;
}

/* The line of the VM, which is the first, stays; ended sessions go. */
static int rewrite(struct proxy *proxy)
{
	struct journal *journal = &proxy->journal;
	const struct journal_line next = { .op = "next",
					   .stdio = proxy->next_stream,
					   .epoch = journal->epoch };
	auto_strbuf struct strbuf text = { 0 };
	const char *end;
	int ret = fs_read_file_at(AT_FDCWD, journal->path, &text, FILE_MAX);

	end = ret < 0 || !text.data ? NULL : memchr(text.data, '\n', text.len);
	if (!end)
		return ret < 0 ? ret : -EBADMSG;
	text.len = (size_t)(end + 1 - text.data);
	ret = encode(&next, &text);
	for (const struct session *s = proxy->sessions; s && ret == 0; s = s->next)
		if (s->journaled && !s->dead)
			ret = s->container ? encode_session(s, &text) : encode_token(s, &text);
	return ret < 0 ? ret : replace(journal, &text);
}

/* One write: a line is there or not. What a full disk cut off is taken back. */
static int append(struct proxy *proxy, const struct strbuf *text)
{
	struct journal *journal = &proxy->journal;
	int ret = strbuf_error(text);
	ssize_t n;

	if (ret < 0)
		return ret;
	if (journal->len + text->len > journal->limit && rewrite(proxy) < 0)
		journal->limit *= 2;
	n = write(journal->fd, text->data, text->len);
	if (n == (ssize_t)text->len) {
		journal->len += text->len;
		return 0;
	}
	ret = n < 0 ? -errno : -ENOSPC;
	(void)!ftruncate(journal->fd, (off_t)journal->len);
	return ret;
}

static int add(struct proxy *proxy, const struct session *session,
	       int (*encode_it)(const struct session *session, struct strbuf *text),
	       struct error *err)
{
	auto_strbuf struct strbuf text = { 0 };
	int ret;

	if (proxy->journal.fd < 0)
		return 0;
	ret = encode_it(session, &text);
	if (ret == 0)
		ret = append(proxy, &text);
	return ret < 0 ? err_set(err, ret, "write '%s'", proxy->journal.path) : 0;
}

int journal_add_token(struct proxy *proxy, const struct session *session, struct error *err)
{
	return add(proxy, session, encode_token, err);
}

int journal_add(struct proxy *proxy, const struct session *session, struct error *err)
{
	return add(proxy, session, encode_session, err);
}

static void note(struct proxy *proxy, const struct session *session, const char *op)
{
	const struct journal_line line = { .op = op, .stdio = session->stdio };
	auto_strbuf struct strbuf text = { 0 };
	int ret;

	if (proxy->journal.fd < 0)
		return;
	ret = encode(&line, &text);
	if (ret == 0)
		ret = append(proxy, &text);
	if (ret < 0)
		log_warning("write '%s': %s", proxy->journal.path, strerror(-ret));
}

void journal_settle(struct proxy *proxy, const struct session *session)
{
	note(proxy, session, "started");
}

void journal_remove(struct proxy *proxy, const struct session *session)
{
	note(proxy, session, "end");
}

/* Its own token's, or a new one. */
static struct session *known_session(struct proxy *proxy, const struct journal_line *line)
{
	struct session *session = session_find_stream(proxy, line->stdio);

	return session ? session : session_new_known(proxy, line->token, line->stdio);
}

static int take_token(struct proxy *proxy, const struct journal_line *line)
{
	struct session *session;

	if (!line->token || strlen(line->token) > TOKEN_LEN)
		return -EBADMSG;
	session = known_session(proxy, line);
	if (!session)
		return -ENOMEM;
	session->transient |= line->transient;
	return 0;
}

static void settle(struct session *session)
{
	if (!session)
		return;
	session->unsettled = false;
	session->state = SESSION_STARTED;
}

static int take_session(struct proxy *proxy, const struct journal_line *line)
{
	struct session *session;
	int ret = line->container && line->process ? take_token(proxy, line) : -EBADMSG;

	if (ret < 0)
		return ret;
	session = session_find_stream(proxy, line->stdio);
	session->adrift = true;
	session->state = SESSION_STARTING;
	session->unsettled = true;
	if (line->started)
		settle(session);
	free(session->container);
	free(session->process);
	session->is_exec = line->exec;
	session->kills = line->kill;
	session->container = strdup(line->container);
	session->process = strdup(line->process);
	return session->container && session->process ? 0 : -ENOMEM;
}

static int take_line(struct proxy *proxy, const struct journal_line *line, struct journal_vm *vm)
{
	struct session *session;

	if (!line->op || line->stdio > STREAM_LAST)
		return -EBADMSG;
	if (strcmp(line->op, "vm") == 0)
		*vm = (struct journal_vm){ line->sandbox, line->ctl, line->tty,
					   line->console, line->key, line->link };
	if (line->epoch > 0)
		proxy->journal.epoch = line->epoch;
	if (line->stdio >= proxy->next_stream)
		proxy->next_stream = line->stdio + 2;
	if (strcmp(line->op, "token") == 0)
		return take_token(proxy, line);
	if (strcmp(line->op, "session") == 0)
		return take_session(proxy, line);
	if (strcmp(line->op, "started") == 0)
		settle(session_find_stream(proxy, line->stdio));
	if (strcmp(line->op, "end") == 0) {
		session = session_find_stream(proxy, line->stdio);
		if (session)
			session->dead = true;
	}
	return 0;
}

int journal_load(struct proxy *proxy, struct arena *arena, struct journal_vm *vm, struct error *err)
{
	const char *path = proxy->journal.path;
	auto_strbuf struct strbuf text = { 0 };
	const char *pos, *end;
	int ret = fs_read_file_at(AT_FDCWD, path, &text, FILE_MAX);

	*vm = (struct journal_vm){ 0 };
	for (pos = strbuf_str(&text); ret == 0; pos = end + 1) {
		struct journal_line line = { 0 };

		/* What follows the last line feed was cut off, and never took effect. */
		end = memchr(pos, '\n', (size_t)(strbuf_str(&text) + text.len - pos));
		if (!end)
			break;
		ret = json_decode(&journal_line_type, pos, (size_t)(end - pos), NULL, arena, &line,
				  err);
		if (ret < 0)
			return err_ctx(err, "'%s'", path);
		ret = take_line(proxy, &line, vm);
	}
	if (ret == 0 && (!vm->sandbox || !vm->ctl || !vm->tty || !vm->key))
		return err_msg(err, -ENODATA, "'%s' names no VM to take over", path);
	if (ret == 0) {
		cleanup_close(&proxy->journal.fd);
		/* The first proxy's is 1, and not written. */
		if (vm->link)
			proxy->journal.epoch += proxy->journal.epoch ? 1 : 2;
		proxy->journal.len = (size_t)(pos - strbuf_str(&text));
		ret = rewrite(proxy);
	}
	return ret < 0 ? err_set(err, ret, "read '%s'", path) : 0;
}

void journal_drop(struct journal *journal)
{
	if (journal->fd >= 0)
		(void)unlink(journal->path);
	cleanup_close(&journal->fd);
}

void journal_done(struct journal *journal)
{
	cleanup_close(&journal->fd);
}
