/* Pausing a machine, saving its state and restoring it into another one. */
#include "hypervisor/qemu/qemu_internal.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/json.h"
#include "hypervisor/qemu/qmp.h"

enum { GREETING_TIMEOUT_MS = 30000, CANCEL_TIMEOUT_MS = 1000, TIMEOUT_MAX_S = 24 * 60 * 60 };

/* How a migration stands, from the events of QEMU's. */
struct migration {
	bool ended;
	bool completed;
};

/* Data of the event MIGRATION. */
struct migration_event {
	const char *status;
};

static const struct json_row event_rows[] = {
	{ .name = "status", .kind = JSON_STR, .offset = offsetof(struct migration_event, status) },
};
static const struct json_type event_type = JSON_TYPE(migration_event, event_rows);

/* Answer of query-migrate. */
struct migration_info {
	const char *status; /* NULL: there was none */
	const char *error_desc;
};

static const struct json_row info_rows[] = {
	{ .name = "status", .kind = JSON_STR, .offset = offsetof(struct migration_info, status) },
	{ .name = "error-desc",
	  .kind = JSON_STR,
	  .offset = offsetof(struct migration_info, error_desc) },
};
static const struct json_type info_type = JSON_TYPE(migration_info, info_rows);

int control_open(struct qmp *qmp, int control_fd, struct error *err)
{
	if (control_fd < 0) {
		qmp_close(qmp);
		return err_set(err, control_fd, "connect to the control socket of QEMU");
	}
	return qmp_open(qmp, control_fd, GREETING_TIMEOUT_MS, err);
}

static void on_event(void *arg, const char *event, const char *data)
{
	auto_arena struct arena arena = { 0 };
	struct migration *migration = arg;
	struct migration_event decoded;
	struct error ignored;

	if (strcmp(event, "MIGRATION") != 0 ||
	    json_decode(&event_type, data, strlen(data), NULL, &arena, &decoded, &ignored) < 0 ||
	    !decoded.status)
		return;
	if (!strcmp(decoded.status, "completed"))
		migration->completed = true;
	if (migration->completed || !strcmp(decoded.status, "failed") ||
	    !strcmp(decoded.status, "cancelled"))
		migration->ended = true;
}

int qemu_pause(const struct vm *vm, int control_fd, struct error *err)
{
	auto_qmp struct qmp qmp = { 0 };
	int ret = control_open(&qmp, control_fd, err);

	(void)vm;
	return ret < 0 ? ret : qmp_execute(&qmp, "stop", NULL, CONTROL_TIMEOUT_MS, NULL, err);
}

static bool has_ended(const char *status)
{
	static const char *const ends[] = { "none", "completed", "failed", "cancelled" };

	for (size_t i = 0; status && i < sizeof(ends) / sizeof(ends[0]); i++)
		if (!strcmp(status, ends[i]))
			return true;
	return !status;
}

/* Whoever wanted the state may have been killed: the end of saving it would stop the machine again.
 */
static int end_saving(struct qmp *qmp, const struct migration *migration, struct error *err)
{
	auto_arena struct arena arena = { 0 };
	struct migration_info info = { 0 };
	int ret = qmp_execute(qmp, "migrate_cancel", NULL, CONTROL_TIMEOUT_MS, NULL, err);

	if (ret == 0)
		ret = control_ask(qmp, "query-migrate", NULL, &info_type, &arena, &info, err);
	if (ret < 0 || has_ended(info.status))
		return ret;
	return qmp_wait_event(qmp, &migration->ended, CONTROL_TIMEOUT_MS, "the migration", err);
}

int qemu_resume(const struct vm *vm, int control_fd, struct error *err)
{
	struct migration migration = { 0 };
	auto_qmp struct qmp qmp = { .on_event = on_event, .event_arg = &migration };
	int ret = control_open(&qmp, control_fd, err);

	(void)vm;
	if (ret == 0)
		ret = end_saving(&qmp, &migration, err);
	return ret < 0 ? ret : qmp_execute(&qmp, "cont", NULL, CONTROL_TIMEOUT_MS, NULL, err);
}

/* Memory that is shared with a file stays there; each change of the migration's state is told. */
static int set_capabilities(struct qmp *qmp, struct error *err)
{
	return qmp_execute(qmp, "migrate-set-capabilities",
			   "{\"capabilities\":[{\"capability\":\"x-ignore-shared\",\"state\":true},"
			   "{\"capability\":\"events\",\"state\":true}]}",
			   CONTROL_TIMEOUT_MS, NULL, err);
}

/* The guest stands still: what would be left to others is not wanted. */
static int unlimit(struct qmp *qmp, struct error *err)
{
	return qmp_execute(qmp, "migrate-set-parameters", "{\"max-bandwidth\":68719476736}",
			   CONTROL_TIMEOUT_MS, NULL, err);
}

/* What QEMU knows about a failure goes behind the message, as far as it still answers. */
static int failed(struct qmp *qmp, const char *what, struct error *err)
{
	auto_arena struct arena arena = { 0 };
	auto_strbuf struct strbuf answer = { 0 };
	struct migration_info info = { 0 };
	struct error ignored;

	if (qmp_execute(qmp, "query-migrate", NULL, CANCEL_TIMEOUT_MS, &answer, &ignored) == 0 &&
	    json_decode(&info_type, strbuf_str(&answer), answer.len, NULL, &arena, &info,
			&ignored) == 0 &&
	    info.error_desc)
		return err_msg(err, -EIO, "QEMU could not %s the machine's state: %s", what,
			       info.error_desc);
	return err_msg(err, -EIO, "QEMU could not %s the machine's state; its log tells why", what);
}

static int await_end(struct qmp *qmp, const struct migration *migration, uint32_t timeout_s,
		     const char *what, struct error *err)
{
	int ret =
		qmp_wait_event(qmp, &migration->ended, (int)timeout_s * 1000, "the migration", err);

	if (ret == -ETIMEDOUT)
		return err_msg(err, ret, "timed out after %u seconds waiting for qemu migration",
			       timeout_s);
	/* A QEMU that cannot restore says so in its log and ends, mostly before its event is out.
	 */
	if (ret == -ECONNRESET)
		return err_msg(err, ret,
			       "QEMU ended while it had to %s the machine's state; its log tells "
			       "why",
			       what);
	if (ret == 0 && !migration->completed)
		return failed(qmp, what, err);
	return ret;
}

/* Opens the connection and hands the file over, as fd:state. */
static int begin(struct qmp *qmp, int control_fd, int state_fd, uint32_t timeout_s,
		 struct error *err)
{
	int ret = control_open(qmp, control_fd, err);

	if (ret < 0)
		return ret;
	if (timeout_s == 0 || timeout_s > TIMEOUT_MAX_S)
		return err_msg(err, -EINVAL, "Invalid timeout %us", timeout_s);
	ret = set_capabilities(qmp, err);
	if (ret < 0)
		return ret;
	return qmp_give_fd(qmp, state_fd, "state", CONTROL_TIMEOUT_MS, err);
}

int qemu_save(const struct vm *vm, int control_fd, int state_fd, uint32_t timeout_s,
	      struct error *err)
{
	struct migration migration = { 0 };
	auto_qmp struct qmp qmp = { .on_event = on_event, .event_arg = &migration };
	struct error ignored;
	int ret;

	(void)vm;
	ret = begin(&qmp, control_fd, state_fd, timeout_s, err);
	if (ret == 0)
		ret = unlimit(&qmp, err);
	if (ret == 0)
		ret = qmp_execute(&qmp, "stop", NULL, CONTROL_TIMEOUT_MS, NULL, err);
	if (ret == 0)
		ret = qmp_execute(&qmp, "migrate", "{\"uri\":\"fd:state\"}", CONTROL_TIMEOUT_MS,
				  NULL, err);
	if (ret == 0)
		ret = await_end(&qmp, &migration, timeout_s, "save", err);
	/* Else the machine could not be resumed. */
	if (ret == -ETIMEDOUT &&
	    qmp_execute(&qmp, "migrate_cancel", NULL, CANCEL_TIMEOUT_MS, NULL, &ignored) < 0)
		err_hint(err, "nor can it be cancelled: stop the machine");
	return ret < 0 ? err_ctx(err, "save the virtual machine") : 0;
}

int qemu_restore(const struct vm *vm, int control_fd, int state_fd, uint32_t timeout_s,
		 struct error *err)
{
	struct migration migration = { 0 };
	auto_qmp struct qmp qmp = { .on_event = on_event, .event_arg = &migration };
	int ret;

	(void)vm;
	ret = begin(&qmp, control_fd, state_fd, timeout_s, err);
	/* A pipe or socket has no start to go to. */
	if (ret == 0 && lseek(state_fd, 0, SEEK_SET) < 0 && errno != ESPIPE)
		ret = err_set(err, -errno, "go to the start of the saved state");
	if (ret == 0)
		ret = qmp_execute(&qmp, "migrate-incoming", "{\"uri\":\"fd:state\"}",
				  CONTROL_TIMEOUT_MS, NULL, err);
	if (ret == 0)
		ret = await_end(&qmp, &migration, timeout_s, "restore", err);
	if (ret == 0)
		ret = qmp_execute(&qmp, "cont", NULL, CONTROL_TIMEOUT_MS, NULL, err);
	return ret < 0 ? err_ctx(err, "restore the virtual machine") : 0;
}
