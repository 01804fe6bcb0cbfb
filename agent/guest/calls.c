/* The handlers of agent/proto/calls.h: decode, check, and hand on to who knows how. */
#include "agent/guest/calls.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "acrun_version.h"
#include "agent/guest/container.h"
#include "agent/guest/d3.h"
#include "agent/guest/fail.h"
#include "agent/guest/handler.h"
#include "agent/guest/online.h"
#include "agent/guest/pod.h"
#include "agent/guest/power.h"
#include "agent/guest/process.h"
#include "agent/guest/ps.h"
#include "agent/guest/restore.h"
#include "agent/guest/unapplied.h"
#include "agent/proto/hyperstart.h"
#include "base/strvec.h"

#define UNUSED_CALL(symbol)                                                               \
	void handle_##symbol(struct guest *guest, struct slot *slot, const char *payload, \
			     size_t len)                                                  \
	{                                                                                 \
		(void)guest;                                                              \
		(void)payload;                                                            \
		(void)len;                                                                \
		slot_errorf(slot, "No callback found for command \"%s\"",                 \
			    calls_find_code(CALL_##symbol)->hyper_name);                  \
	}

/* Replies and events of ours, and calls of other dialects that this one does without. */
UNUSED_CALL(ACK)
UNUSED_CALL(ERROR)
UNUSED_CALL(NEXT)

/* The kernel hands AGENT_DIALECT=D1 (or D3) on its command line to us: then we pass for an
 * original, so that hosts can be tried against one. */
static const char *feigned_dialect(void)
{
	return getenv("AGENT_DIALECT");
}

void handle_GETVERSION(struct guest *guest, struct slot *slot, const char *payload, size_t len)
{
	uint32_t version = htobe32(HYPER_API_VERSION);
	const char *dialect = feigned_dialect();

	(void)guest;
	(void)payload;
	(void)len;
	if (dialect && strcmp(dialect, "D3") == 0)
		slot_errorf(slot, "No callback found for command \"\"");
	else
		slot_ack(slot, &version, sizeof(version));
}

void handle_PING(struct guest *guest, struct slot *slot, const char *payload, size_t len)
{
	/* what the original sends back is nothing */
	slot_ack(slot, payload, guest->extended ? len : 0);
}

/* From the host it asks: is the boot over? The answer is the right moment to take a snapshot. */
void handle_READY(struct guest *guest, struct slot *slot, const char *payload, size_t len)
{
	(void)payload;
	(void)len;
	if (guest->settled || guest->settle_slot)
		slot_ack(slot, NULL, 0);
	else
		guest->settle_slot = slot;
}

void handle_HELLO(struct guest *guest, struct slot *slot, const char *payload, size_t len)
{
	auto_arena struct arena arena = { 0 };
	auto_strbuf struct strbuf text = { 0 };
	struct call_hello hello;
	struct call_hello_reply reply = { .version = 1, .agent = "acrun-agent " ACRUN_VERSION };
	const char *features[] = { "flow", "numbered", "once", "resume" };
	struct utsname name = { 0 };

	if (feigned_dialect()) {
		slot_errorf(slot, "No callback found for command \"\"");
		return;
	}
	if (!handler_decode(&call_hello_type, payload, len, &arena, &hello, slot))
		return;
	if (hello.version < 1) {
		slot_errorf(slot, "version %u of the extension is not known", hello.version);
		return;
	}
	(void)uname(&name);
	reply.kernel = name.release;
	if (hello.key && !guest->resume && reset_parse_key(hello.key, guest->key) == 0) {
		guest->resume = true;
		guest->ctl->key = guest->key;
		guest->tty->key = guest->key;
	}
	guest->out_window = hello.window < STREAM_WINDOW       ? STREAM_WINDOW
			    : hello.window > STREAM_WINDOW_MAX ? STREAM_WINDOW_MAX
							       : hello.window;
	reply.window = hello.window ? guest->out_window : 0;
	reply.features = (struct json_strs){ .items = features, .len = 4 };
	if (json_encode(&call_hello_reply_type, &reply, 0, &text) < 0) {
		slot_errorf(slot, "hello: cannot allocate memory");
		return;
	}
	guest->extended = true;
	guest->flow = true;
	if (!hello.key)
		streams_reset_credit(guest);
	slot_ack(slot, text.data, text.len);
}

void handle_STARTPOD(struct guest *guest, struct slot *slot, const char *payload, size_t len)
{
	auto_arena struct arena arena = { 0 };
	struct call_startpod call;

	if (handler_decode(&call_startpod_type, payload, len, &arena, &call, slot))
		pod_start(guest, &call, slot);
}

void handle_SETUPINTERFACE(struct guest *guest, struct slot *slot, const char *payload, size_t len)
{
	auto_arena struct arena arena = { 0 };
	struct call_interface call;

	if (handler_decode(&call_interface_type, payload, len, &arena, &call, slot))
		pod_set_interface(guest, &call, slot);
}

void handle_SETUPROUTE(struct guest *guest, struct slot *slot, const char *payload, size_t len)
{
	auto_arena struct arena arena = { 0 };
	struct call_setuproute call;

	if (handler_decode(&call_setuproute_type, payload, len, &arena, &call, slot))
		pod_set_routes(guest, &call, slot);
}

void handle_DESTROYPOD(struct guest *guest, struct slot *slot, const char *payload, size_t len)
{
	(void)payload;
	(void)len;
	pod_destroy(guest, slot);
}

void handle_POWEROFF(struct guest *guest, struct slot *slot, const char *payload, size_t len)
{
	(void)payload;
	(void)len;
	slot_ack(slot, NULL, 0);
	channel_flush(guest->ctl);
	power_off();
}

static bool check_process(const struct oci_process *process, struct error *err)
{
	if (oci_process_check(process, err) < 0)
		return false;
	if (process->args.len > 0)
		return true;
	(void)err_msg(err, -EINVAL, "args must not be empty");
	return false;
}

/* The reply as JSON, NULL when there is nothing to tell (or no memory to tell it). */
static const char *warn(const struct oci_spec *spec, struct strbuf *text)
{
	auto_strvec struct strvec warnings = { 0 };
	struct call_createcontainer_reply reply;

	unapplied_list(spec, &warnings);
	if (strvec_error(&warnings) < 0 || warnings.len == 0)
		return NULL;
	reply.warnings =
		(struct json_strs){ .items = (const char **)warnings.items, .len = warnings.len };
	return json_encode(&call_createcontainer_reply_type, &reply, 0, text) < 0 ? NULL
										  : text->data;
}

void handle_CREATECONTAINER(struct guest *guest, struct slot *slot, const char *payload, size_t len)
{
	auto_arena struct arena arena = { 0 };
	struct call_createcontainer *call = arena_alloc(&arena, sizeof(*call));
	auto_strbuf struct strbuf reply = { 0 };
	struct container_request request = { .slot = slot };
	struct error err = { 0 };

	if (!handler_decode(&call_createcontainer_type, payload, len, &arena, call, slot))
		return;
	request.id = call->id;
	request.rootfs = call->rootfs;
	request.bundle = call->bundle;
	request.spec = &call->spec;
	request.streams = &call->process;
	request.reply = warn(&call->spec, &reply);
	if (!check_process(call->spec.process, &err) ||
	    container_create(guest, &request, &arena, &err) < 0)
		slot_error(slot, &err);
}

/* Into one arena: the call, and what it means in terms of config.json. */
static int take_newcontainer(struct guest *guest, const struct call_newcontainer *call,
			     struct arena *arena, struct slot *slot, struct error *err)
{
	struct container_request request = { .id = call->id, .autostart = true, .slot = slot };
	struct call_streams *streams = arena_alloc(arena, sizeof(*streams));
	struct user_names *names;
	struct oci_spec *spec;
	int ret = streams ? d3_make_streams(&call->process, arena, streams, err)
			  : fail_set(err, -ENOMEM, "newcontainer");

	if (ret == 0)
		ret = d3_make_spec(call, arena, &spec, err);
	if (ret == 0)
		ret = d3_make_names(&call->process, arena, &names, err);
	if (ret == 0)
		ret = d3_make_rootfs(call, arena, &request.rootfs, err);
	if (ret < 0)
		return ret;
	if (spec->process->args.len == 0)
		return err_msg(err, -EINVAL, "args must not be empty");
	request.spec = spec;
	request.streams = streams;
	request.names = names;
	return container_create(guest, &request, arena, err);
}

void handle_NEWCONTAINER(struct guest *guest, struct slot *slot, const char *payload, size_t len)
{
	auto_arena struct arena arena = { 0 };
	struct call_newcontainer *call = arena_alloc(&arena, sizeof(*call));
	struct error err = { 0 };

	if (!handler_decode(&call_newcontainer_type, payload, len, &arena, call, slot))
		return;
	if (take_newcontainer(guest, call, &arena, slot, &err) < 0)
		slot_error(slot, &err);
}

void handle_STARTCONTAINER(struct guest *guest, struct slot *slot, const char *payload, size_t len)
{
	auto_arena struct arena arena = { 0 };
	struct call_container call;
	struct container *container;

	if (!handler_decode(&call_container_type, payload, len, &arena, &call, slot))
		return;
	container = handler_container(guest, call.container, slot);
	if (!container)
		return;
	if (container->state == CONTAINER_CREATED && container->init &&
	    container->init->state == PROCESS_PARKED)
		process_start(container->init, slot);
	else if (container->state == CONTAINER_STOPPED)
		slot_errorf(slot, "cannot start a container that has stopped");
	else
		slot_errorf(slot, "cannot start an already running container");
}

/* A further process in a container that runs, or is created. */
static int exec_in(struct guest *guest, struct container *container,
		   const struct oci_process *process, const struct user_names *names,
		   const struct call_streams *streams, struct slot *slot, struct error *err)
{
	struct process_request request = {
		.container = container,
		.id = streams->id ? streams->id : "",
		.autostart = true,
		.streams = streams,
		.process = process,
		.names = names,
		.slot = slot,
	};

	if (!container->init || container->init->state == PROCESS_ENDED ||
	    container->state == CONTAINER_STOPPED)
		return err_msg(err, -ESRCH, "cannot exec in a stopped container");
	if (container->init->state == PROCESS_SETUP)
		return err_msg(err, -EBUSY, "cannot exec in a container that is being created");
	if (!check_process(process, err))
		return err->code;
	if (!*request.id || strcmp(request.id, "init") == 0)
		return err_msg(err, -EINVAL, "process id \"%s\" is not valid", request.id);
	if (process_find(guest, container, request.id))
		return err_msg(err, -EEXIST, "process '%s' exists already in container '%s'",
			       request.id, container->id);
	if (process_check_streams(guest, streams, err) < 0)
		return err->code;
	return process_launch(guest, &request, err);
}

void handle_EXECPROCESS(struct guest *guest, struct slot *slot, const char *payload, size_t len)
{
	auto_arena struct arena arena = { 0 };
	struct call_execprocess call;
	struct container *container;
	struct error err = { 0 };

	if (!handler_decode(&call_execprocess_type, payload, len, &arena, &call, slot))
		return;
	container = handler_container(guest, call.container, slot);
	if (!container)
		return;
	if (!call.spec.capabilities && container->spec->process)
		call.spec.capabilities = container->spec->process->capabilities;
	if (exec_in(guest, container, &call.spec, NULL, &call.process, slot, &err) < 0)
		slot_error(slot, &err);
}

void handle_EXECCMD(struct guest *guest, struct slot *slot, const char *payload, size_t len)
{
	auto_arena struct arena arena = { 0 };
	struct call_execcmd call;
	struct call_streams streams;
	struct container *container;
	struct oci_process *process;
	struct user_names *names;
	struct error err = { 0 };
	int ret;

	if (!handler_decode(&call_execcmd_type, payload, len, &arena, &call, slot))
		return;
	container = handler_container(guest, call.container, slot);
	if (!container)
		return;
	ret = d3_make_streams(&call.process, &arena, &streams, &err);
	if (ret == 0)
		ret = d3_make_process(&call.process, container->spec->process, &arena, &process,
				      &err);
	if (ret == 0)
		ret = d3_make_names(&call.process, &arena, &names, &err);
	if (ret == 0)
		ret = exec_in(guest, container, process, names, &streams, slot, &err);
	if (ret < 0)
		slot_error(slot, &err);
}

void handle_KILLCONTAINER(struct guest *guest, struct slot *slot, const char *payload, size_t len)
{
	auto_arena struct arena arena = { 0 };
	struct call_killcontainer call;
	struct container *container;
	struct error err = { 0 };

	if (!handler_decode(&call_killcontainer_type, payload, len, &arena, &call, slot))
		return;
	container = handler_container(guest, call.container, slot);
	if (!container)
		return;
	/* a container that has stopped already is no error in this dialect */
	if (container_signal(container, call.signal, call.all_processes, &err) == -ESRCH)
		err_clear(&err);
	slot_finish(slot, &err);
}

void handle_SIGNALPROCESS(struct guest *guest, struct slot *slot, const char *payload, size_t len)
{
	auto_arena struct arena arena = { 0 };
	struct call_signalprocess call;
	struct container *container;
	struct process *process;
	struct error err = { 0 };
	bool first, again;

	if (!handler_decode(&call_signalprocess_type, payload, len, &arena, &call, slot))
		return;
	container = handler_container(guest, call.container, slot);
	if (!container)
		return;
	first = !call.process || !*call.process || strcmp(call.process, "init") == 0;
	process = first ? container->init : process_find(guest, container, call.process);
	again = process && call.seq > 0 && call.seq <= process->signal_seq;
	if (process && call.seq > 0 && !again)
		process->signal_seq = call.seq;
	if (again)
		; /* a new proxy repeats what the old one may not have passed on */
	else if (first)
		(void)!container_signal(container, call.signal, call.all, &err);
	else if (process)
		(void)!process_signal(process, call.signal, &err);
	else
		(void)err_msg(&err, -ESRCH, "process '%s' does not exist in container '%s'",
			      call.process, container->id);
	slot_finish(slot, &err);
}

void handle_REMOVECONTAINER(struct guest *guest, struct slot *slot, const char *payload, size_t len)
{
	auto_arena struct arena arena = { 0 };
	struct call_container call;
	struct container *container;

	if (!handler_decode(&call_container_type, payload, len, &arena, &call, slot))
		return;
	container = handler_container(guest, call.container, slot);
	if (!container)
		return;
	if (container->state != CONTAINER_STOPPED)
		slot_errorf(slot, "container '%s' is not stopped: it can't be removed",
			    container->id);
	else
		container_remove(container, slot);
}

void handle_WINSIZE(struct guest *guest, struct slot *slot, const char *payload, size_t len)
{
	auto_arena struct arena arena = { 0 };
	struct call_winsize call;
	struct process *process;
	struct error err = { 0 };

	if (!handler_decode(&call_winsize_type, payload, len, &arena, &call, slot))
		return;
	process = process_find_stream(guest, call.seq);
	if (process)
		(void)!process_resize(process, call.row, call.column, &err);
	slot_finish(slot, &err);
}

void handle_PSCONTAINER(struct guest *guest, struct slot *slot, const char *payload, size_t len)
{
	auto_arena struct arena arena = { 0 };
	struct call_pscontainer call;
	struct container *container;

	if (!handler_decode(&call_pscontainer_type, payload, len, &arena, &call, slot))
		return;
	container = handler_container(guest, call.container, slot);
	if (container)
		ps_list(container, &call, slot);
}

void handle_ONLINECPUMEM(struct guest *guest, struct slot *slot, const char *payload, size_t len)
{
	auto_arena struct arena arena = { 0 };
	struct call_onlinecpumem call = { 0 };

	if (len == 0 || handler_decode(&call_onlinecpumem_type, payload, len, &arena, &call, slot))
		online_all(guest, &call, slot);
}

void handle_RESEED(struct guest *guest, struct slot *slot, const char *payload, size_t len)
{
	auto_arena struct arena arena = { 0 };
	struct call_reseed call;
	struct error err = { 0 };

	(void)guest;
	if (!handler_decode(&call_reseed_type, payload, len, &arena, &call, slot))
		return;
	(void)!restore_seed(call.seed, &err);
	slot_finish(slot, &err);
}

void handle_SETTIME(struct guest *guest, struct slot *slot, const char *payload, size_t len)
{
	auto_arena struct arena arena = { 0 };
	struct call_settime call;
	struct error err = { 0 };

	(void)guest;
	if (!handler_decode(&call_settime_type, payload, len, &arena, &call, slot))
		return;
	(void)!restore_time(call.sec, call.nsec, &err);
	slot_finish(slot, &err);
}

void handle_RESUME(struct guest *guest, struct slot *slot, const char *payload, size_t len)
{
	auto_arena struct arena arena = { 0 };
	auto_strbuf struct strbuf text = { 0 };
	struct call_resume_reply reply = { .signals = UINT32_MAX };
	const struct process *process;
	struct call_resume call;
	struct error err = { 0 };

	if (!handler_decode(&call_resume_type, payload, len, &arena, &call, slot))
		return;
	process = process_find_stream(guest, call.stdio);
	if (process)
		reply.signals = process->signal_seq;
	if (streams_continue(guest, &call, &reply, &err) < 0)
		slot_error(slot, &err);
	else if (json_encode(&call_resume_reply_type, &reply, 0, &text) < 0)
		slot_errorf(slot, "resume: cannot allocate memory");
	else
		slot_ack(slot, text.data, text.len);
}
