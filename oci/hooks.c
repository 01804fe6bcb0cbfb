#include "oci/hooks.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include "base/strbuf.h"
#include "base/strvec.h"

enum { HOOK_OUTPUT_MAX = 4096, END_TEXT_LEN = 64, SIGNAL_BASE = 128, SIGNAL_MAX = 64 };

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

/* "exit status 1", "exit status 159 (signal: bad system call)" */
static void describe_end(int code, char text[static END_TEXT_LEN])
{
	bool signalled = code > SIGNAL_BASE && code <= SIGNAL_BASE + SIGNAL_MAX;
	const char *name = signalled ? strsignal(code - SIGNAL_BASE) : NULL;

	if (!name)
		(void)snprintf(text, END_TEXT_LEN, "exit status %d", code);
	else
		(void)snprintf(text, END_TEXT_LEN, "exit status %d (signal: %c%s)", code,
			       tolower((unsigned char)*name), name + 1);
}

static int run(const struct oci_hook *hook, const struct oci_state *state,
	       const struct json_strs *env, const struct spawn *spawn, struct error *err)
{
	auto_strbuf struct strbuf input = { 0 };
	auto_strbuf struct strbuf output = { 0 };
	auto_strvec struct strvec argv = { 0 };
	auto_strvec struct strvec envp = { 0 };
	struct spawn sp = *spawn;
	char end[END_TEXT_LEN];
	int code = 0, ret;

	if (hook->env.len > 0)
		env = &hook->env;
	if (hook->args.len == 0)
		strvec_add(&argv, hook->path);
	for (size_t i = 0; i < hook->args.len; i++)
		strvec_add(&argv, hook->args.items[i]);
	for (size_t i = 0; env && i < env->len; i++)
		strvec_add(&envp, env->items[i]);
	ret = oci_state_format_hook(state, &input);
	if (ret < 0 || strvec_error(&argv) < 0 || strvec_error(&envp) < 0)
		return err_set(err, -ENOMEM, "prepare '%s'", hook->path);
	sp.path = sp.path ? sp.path : hook->path;
	sp.argv = (const char *const *)argv.items;
	sp.envp = envp.len > 0 ? (const char *const *)envp.items : NULL;
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
	describe_end(code, end);
	return err_msg(err, -ECANCELED, "'%s' failed: %s, output: %s", hook->path, end,
		       strbuf_str(&output));
}

int oci_hook_run(const char *kind, size_t i, const struct oci_hook *hook,
		 const struct oci_state *state, const struct json_strs *env,
		 const struct spawn *spawn, struct error *err)
{
	int ret = run(hook, state, env, spawn, err);

	return ret < 0 ? err_ctx(err, "error running %s hook #%zu", kind, i) : 0;
}
