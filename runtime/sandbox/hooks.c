#include "runtime/sandbox/hooks.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include "base/log.h"
#include "base/spawn.h"
#include "base/strbuf.h"
#include "base/strvec.h"

enum { HOOK_OUTPUT_MAX = 4096 };

/* In milliseconds, as far as they can be counted: the longest is 24 days. -1: none. */
static int timeout_ms_of(const struct oci_hook *hook)
{
	if (!hook->timeout_s.set)
		return -1;
	return hook->timeout_s.value > INT_MAX / 1000 ? INT_MAX : hook->timeout_s.value * 1000;
}

/* One line: trailing newlines go, inner ones become blanks. */
static void flatten(struct strbuf *output)
{
	while (output->len > 0 && output->data[output->len - 1] == '\n')
		output->data[--output->len] = '\0';
	for (size_t i = 0; i < output->len; i++)
		if (output->data[i] == '\n')
			output->data[i] = ' ';
}

static int run_one(const struct oci_hook *hook, const struct oci_state *state, struct error *err)
{
	auto_strbuf struct strbuf input = { 0 };
	auto_strbuf struct strbuf output = { 0 };
	auto_strvec struct strvec argv = { 0 };
	auto_strvec struct strvec envp = { 0 };
	struct spawn sp = { .path = hook->path, .setsid = true, .cwd = state->bundle };
	int code = 0, ret;

	if (hook->args.len == 0)
		strvec_add(&argv, hook->path);
	for (size_t i = 0; i < hook->args.len; i++)
		strvec_add(&argv, hook->args.items[i]);
	for (size_t i = 0; i < hook->env.len; i++)
		strvec_add(&envp, hook->env.items[i]);
	ret = oci_state_format_hook(state, &input);
	if (ret < 0 || strvec_error(&argv) < 0 || strvec_error(&envp) < 0)
		return err_set(err, -ENOMEM, "prepare '%s'", hook->path);
	sp.argv = (const char *const *)argv.items;
	sp.envp = hook->env.len > 0 ? (const char *const *)envp.items : NULL;
	ret = spawn_run(&sp, strbuf_str(&input), input.len, &output, HOOK_OUTPUT_MAX,
			timeout_ms_of(hook), &code, err);
	if (ret == -ETIMEDOUT)
		return err_msg(err, ret, "'%s' ran past its timeout of %d s", hook->path,
			       hook->timeout_s.value);
	if (ret < 0)
		return ret;
	if (code == 0)
		return 0;
	flatten(&output);
	return err_msg(err, -ECANCELED, "'%s' failed: exit status %d, output: %s", hook->path, code,
		       strbuf_str(&output));
}

static int run_nth(const char *kind, const struct json_objs *hooks, size_t i,
		   const struct oci_state *state, struct error *err)
{
	const struct oci_hook *hook = &((const struct oci_hook *)hooks->items)[i];
	int ret = run_one(hook, state, err);

	return ret < 0 ? err_ctx(err, "error running %s hook #%zu", kind, i) : 0;
}

int hooks_run(const char *kind, const struct json_objs *hooks, const struct oci_state *state,
	      struct error *err)
{
	for (size_t i = 0; i < hooks->len; i++) {
		int ret = run_nth(kind, hooks, i, state, err);

		if (ret < 0)
			return ret;
	}
	return 0;
}

void hooks_run_all(const char *kind, const struct json_objs *hooks, const struct oci_state *state)
{
	struct error err = { 0 };

	for (size_t i = 0; i < hooks->len; i++)
		if (run_nth(kind, hooks, i, state, &err) < 0)
			log_warning("%s", err.text);
}

void hooks_run_poststop(const struct oci_hooks *hooks, const struct oci_state *state)
{
	struct oci_state stopped = *state;

	if (!hooks)
		return;
	stopped.status = OCI_STATUS_STOPPED;
	stopped.pid = 0;
	hooks_run_all("poststop", &hooks->poststop, &stopped);
}
