/*
 * Client of QEMU's machine protocol: one command at a time, replies bounded, every wait with a
 * deadline. QEMU serves one client at a time: a second one gets no greeting before the first has
 * gone.
 */
#ifndef HYPERVISOR_QEMU_QMP_H
#define HYPERVISOR_QEMU_QMP_H

#include <stdbool.h>
#include <stdint.h>
#include "base/error.h"
#include "base/strbuf.h"

enum { QMP_MESSAGE_MAX = 1 << 20 };

/*
 * An event that came while a reply was awaited; `data` is its JSON text, "{}" when it has none.
 * Both are gone after the call.
 */
typedef void (*qmp_event_fn)(void *arg, const char *event, const char *data);

/* One connection. Zero-initialise, fill on_event if events are wanted (they are dropped otherwise),
 * then qmp_open(). */
struct qmp {
	qmp_event_fn on_event;
	void *event_arg;
	/* Private. */
	int fd;
	bool broken; /* what comes next cannot be trusted to be the start of a message */
	uint64_t last_id;
	struct strbuf in;
};

/*
 * Takes the connected socket over (also on failure), awaits the greeting and leaves the negotiation
 * mode. timeout_ms covers all of it.
 */
int qmp_open(struct qmp *qmp, int fd, int timeout_ms, struct error *err) must_check;

/* Connects to the control socket dir/name (dir may be AT_FDCWD), then as qmp_open(). */
int qmp_connect(struct qmp *qmp, int dir, const char *name, int timeout_ms, struct error *err)
	must_check;

/*
 * Runs a command. `arguments` is a JSON object or NULL. The text of what it returns (JSON) replaces
 * the content of `result`, which may be NULL. A refusal of QEMU's is an error with its description:
 * -ENODEV (DeviceNotFound), -ENOSYS (CommandNotFound), -EBUSY (DeviceNotActive), else -EREMOTEIO.
 * After -ETIMEDOUT the connection can still be used: a late reply is dropped. -ECONNRESET: QEMU has
 * gone.
 */
int qmp_execute(struct qmp *qmp, const char *command, const char *arguments, int timeout_ms,
		struct strbuf *result, struct error *err) must_check;

/* Gives QEMU a descriptor under a name ("getfd"): later commands use it as fd:<name>. Ours stays
 * open. */
int qmp_give_fd(struct qmp *qmp, int fd, const char *name, int timeout_ms, struct error *err)
	must_check;

/*
 * Reads until an event has made on_event set *done; fine when it is set already. `doing` names what
 * is awaited, for the messages. -ETIMEDOUT, -ECONNRESET, ... as for a command.
 */
int qmp_wait_event(struct qmp *qmp, const bool *done, int timeout_ms, const char *doing,
		   struct error *err) must_check;

/* Reads what has arrived without waiting and hands out the events. */
int qmp_poll_events(struct qmp *qmp, struct error *err) must_check;

/* Closes the connection; fine for one that is not open. */
void qmp_close(struct qmp *qmp);

#define auto_qmp __attribute__((cleanup(qmp_close)))

#endif
