#include "runtime/sandbox/control.h"

#include <errno.h>
#include <string.h>
#include "base/clock.h"
#include "runtime/agent_client/agent.h"
#include "runtime/sandbox/attach.h"
#include "runtime/sandbox/store.h"

enum { PS_TIMEOUT_MS = 30000 };

/* Nothing runs: that is no error. */
static int print_none(bool table, struct strbuf *out)
{
	return strbuf_adds(out, table ? "UID          PID    PPID  C STIME TTY          TIME CMD\n"
				      : "[]\n");
}

/* It comes from the guest, and may go to a terminal. */
static int make_printable(bool table, struct strbuf *text, struct error *err)
{
	if (!table && strspn(strbuf_str(text), "[0123456789, ]") != text->len)
		return err_msg(err, -EBADMSG, "the guest's list of pids is none");
	for (size_t i = 0; table && i < text->len; i++)
		if (((unsigned char)text->data[i] < ' ' && text->data[i] != '\n') ||
		    text->data[i] == 0x7f)
			text->data[i] = '?';
	return 0;
}

int sandbox_ps(const char *root, const char *id, bool table, const struct json_strs *args,
	       struct strbuf *out, struct error *err)
{
	const struct call_pscontainer body = { .container = id,
					       .format = table ? "table" : "json",
					       .psargs = *args };
	const struct agent_request request = { .code = CALL_PSCONTAINER,
					       .type = &call_pscontainer_type,
					       .body = &body };
	struct client_wait wait = { .deadline_ms = clock_now_ms() + PS_TIMEOUT_MS, .abort_fd = -1 };
	auto_client struct client client = { .fd = -1, .interrupt_fd = -1 };
	auto_record struct record rec = RECORD_INIT;
	int ret = record_peek(&rec, root, id, err);

	if (ret < 0)
		return ret;
	if (record_status(&rec.state) == OCI_STATUS_STOPPED)
		return print_none(table, out);
	ret = attach_open(&rec, &client, &wait, err);
	if (ret == 0)
		ret = agent_ask(&client, &request, &wait, out, err);
	attach_done(&wait);
	if (ret == 0)
		ret = make_printable(table, out, err);
	if (ret == 0 && !table)
		(void)strbuf_addc(out, '\n');
	if (ret == 0 && strbuf_error(out) < 0)
		ret = err_set(err, strbuf_error(out), "list processes");
	return ret;
}
