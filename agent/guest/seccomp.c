#include "agent/guest/seccomp.h"

#include <ctype.h>
#include <errno.h>
#include <seccomp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/guest/fail.h"

enum { ARGS_MAX = 6, ARCH_NAME_MAX = 32, OPTIMIZE_TREE = 2, X32_BIT = 0x40000000 };

/* libseccomp's context under our name. */
static scmp_filter_ctx context(struct seccomp_filter *filter)
{
	return (scmp_filter_ctx)filter;
}

static int unknown(const char *what, const char *name, struct error *err)
{
	return err_msg(err, -EINVAL, "seccomp: %s \"%s\" does not exist", what, name ? name : "");
}

/* Actions that carry a number are marked; it is an errno, or what a tracer gets. */
static const struct action {
	const char *name;
	uint32_t code;
	bool has_number;
} actions[] = {
	{ "SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD, false },
	{ "SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD, false },
	{ "SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS, false },
	{ "SCMP_ACT_TRAP", SCMP_ACT_TRAP, false },
	{ "SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(0), true },
	{ "SCMP_ACT_TRACE", SCMP_ACT_TRACE(0), true },
	{ "SCMP_ACT_ALLOW", SCMP_ACT_ALLOW, false },
	{ "SCMP_ACT_LOG", SCMP_ACT_LOG, false },
};

static int find_action(const char *name, struct opt_u32 number, uint32_t *code, struct error *err)
{
	if (name && strcmp(name, "SCMP_ACT_NOTIFY") == 0)
		return err_msg(err, -ENOTSUP,
			       "seccomp: action \"SCMP_ACT_NOTIFY\" is not supported: its listener "
			       "is outside the virtual machine");
	for (size_t i = 0; name && i < sizeof(actions) / sizeof(actions[0]); i++) {
		if (strcmp(actions[i].name, name) != 0)
			continue;
		*code = actions[i].code;
		if (number.set && number.value > UINT16_MAX)
			return err_msg(err, -EINVAL, "seccomp: errno %u is out of range",
				       number.value);
		if (actions[i].has_number)
			*code |= number.set ? number.value : EPERM;
		return 0;
	}
	return unknown("action", name, err);
}

static const struct {
	const char *name;
	enum scmp_compare op;
} operators[] = {
	{ "SCMP_CMP_NE", SCMP_CMP_NE },
	{ "SCMP_CMP_LT", SCMP_CMP_LT },
	{ "SCMP_CMP_LE", SCMP_CMP_LE },
	{ "SCMP_CMP_EQ", SCMP_CMP_EQ },
	{ "SCMP_CMP_GE", SCMP_CMP_GE },
	{ "SCMP_CMP_GT", SCMP_CMP_GT },
	{ "SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ },
};

static int find_operator(const char *name, enum scmp_compare *op, struct error *err)
{
	for (size_t i = 0; name && i < sizeof(operators) / sizeof(operators[0]); i++)
		if (strcmp(operators[i].name, name) == 0) {
			*op = operators[i].op;
			return 0;
		}
	return unknown("operator", name, err);
}

/* "SCMP_ARCH_X86_64" is "x86_64" to libseccomp. */
static int add_architecture(struct seccomp_filter *filter, const char *name, struct error *err)
{
	static const char prefix[] = "SCMP_ARCH_";
	char text[ARCH_NAME_MAX] = "";
	uint32_t token;
	int ret;

	if (strncmp(name, prefix, sizeof(prefix) - 1) != 0)
		return unknown("architecture", name, err);
	for (size_t i = 0; i < sizeof(text) - 1 && name[sizeof(prefix) - 1 + i]; i++)
		text[i] = (char)tolower((unsigned char)name[sizeof(prefix) - 1 + i]);
	token = seccomp_arch_resolve_name(text);
	if (token == 0)
		return unknown("architecture", name, err);
	ret = seccomp_arch_add(context(filter), token);
	return ret < 0 && ret != -EEXIST
		       ? fail_set(err, ret, "seccomp: add architecture \"%s\"", name)
		       : 0;
}

static bool is_listed(const struct json_strs *list, const char *name)
{
	for (size_t i = 0; i < list->len; i++)
		if (strcmp(list->items[i], name) == 0)
			return true;
	return false;
}

/*
 * Engines list all three architectures of x86, but few kernels have x32: rules for calls that there
 * are not make half of the filter's cost. The default action is then good for them, as the action
 * for architectures that are not listed; no other is left when i386 is.
 */
static bool is_x32_of_use(const struct json_strs *architectures)
{
	return !is_listed(architectures, "SCMP_ARCH_X86") || syscall(X32_BIT | SYS_getpid) >= 0;
}

static int add_architectures(struct seccomp_filter *filter, const struct json_strs *list,
			     uint32_t default_action, struct error *err)
{
	bool x32 = !is_listed(list, "SCMP_ARCH_X32") || is_x32_of_use(list);
	int ret = x32 ? 0
		      : seccomp_attr_set(context(filter), SCMP_FLTATR_ACT_BADARCH, default_action);

	if (ret < 0)
		return fail_set(err, ret, "seccomp: set the action for other architectures");
	for (size_t i = 0; ret == 0 && i < list->len; i++)
		if (x32 || strcmp(list->items[i], "SCMP_ARCH_X32") != 0)
			ret = add_architecture(filter, list->items[i], err);
	return ret;
}

static int set_flag(struct seccomp_filter *filter, const char *name, struct error *err)
{
	static const struct {
		const char *name;
		enum scmp_filter_attr attr;
	} flags[] = {
		{ "SECCOMP_FILTER_FLAG_TSYNC", SCMP_FLTATR_CTL_TSYNC },
		{ "SECCOMP_FILTER_FLAG_LOG", SCMP_FLTATR_CTL_LOG },
		{ "SECCOMP_FILTER_FLAG_SPEC_ALLOW", SCMP_FLTATR_CTL_SSB },
	};
	int ret;

	/* it is about waiting for a listener, of which there is none */
	if (strcmp(name, "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV") == 0)
		return 0;
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (strcmp(flags[i].name, name) != 0)
			continue;
		ret = seccomp_attr_set(context(filter), flags[i].attr, 1);
		return ret < 0 ? fail_set(err, ret, "seccomp: set flag \"%s\"", name) : 0;
	}
	return unknown("flag", name, err);
}

/* Conditions of one rule, all of which must hold. */
struct conditions {
	struct scmp_arg_cmp args[ARGS_MAX];
	unsigned n;
	bool any; /* an argument is there twice: each condition is a rule of its own, as for runc */
};

static int take_conditions(const struct json_objs *list, struct conditions *out, struct error *err)
{
	const struct oci_seccomp_arg *rows = list->items;
	unsigned seen = 0;

	*out = (struct conditions){ 0 };
	if (list->len > ARGS_MAX)
		return err_msg(err, -EINVAL, "seccomp: a rule has more than %d args", ARGS_MAX);
	for (size_t i = 0; i < list->len; i++) {
		struct scmp_arg_cmp *arg = &out->args[out->n++];
		int ret = find_operator(rows[i].op, &arg->op, err);

		if (ret < 0)
			return ret;
		if (rows[i].index >= ARGS_MAX)
			return err_msg(err, -EINVAL, "seccomp: there is no argument %u",
				       rows[i].index);
		arg->arg = rows[i].index;
		arg->datum_a = rows[i].value;
		arg->datum_b = rows[i].value_two;
		out->any |= (seen & 1U << arg->arg) != 0;
		seen |= 1U << arg->arg;
	}
	return 0;
}

static int add_rule(struct seccomp_filter *filter, uint32_t action, const char *name,
		    const struct conditions *conditions, struct error *err)
{
	int number = seccomp_syscall_resolve_name(name);
	unsigned step = conditions->any ? 1 : conditions->n;
	unsigned at = 0;

	if (number == __NR_SCMP_ERROR)
		return 0;
	do {
		int ret = seccomp_rule_add_array(context(filter), action, number, step,
						 conditions->args + at);

		if (ret < 0 && ret != -EEXIST)
			return fail_set(err, ret, "seccomp: add a rule for \"%s\"", name);
		at += step;
	} while (at < conditions->n);
	return 0;
}

static int add_rules(struct seccomp_filter *filter, const struct oci_syscall *row,
		     uint32_t default_action, struct error *err)
{
	struct conditions conditions;
	uint32_t action = 0;
	int ret = find_action(row->action, row->errno_ret, &action, err);

	if (ret == 0)
		ret = take_conditions(&row->args, &conditions, err);
	/* libseccomp refuses what says nothing new */
	if (ret < 0 || action == default_action)
		return ret;
	for (size_t i = 0; ret == 0 && i < row->names.len; i++)
		ret = add_rule(filter, action, row->names.items[i], &conditions, err);
	return ret;
}

static int fill_filter(struct seccomp_filter *filter, const struct oci_seccomp *wanted,
		       uint32_t default_action, struct error *err)
{
	const struct oci_syscall *rows = wanted->syscalls.items;
	/* no_new_privs is for process.noNewPrivileges to say, not for the library */
	int ret = seccomp_attr_set(context(filter), SCMP_FLTATR_CTL_NNP, 0);

	if (ret < 0)
		return fail_set(err, ret, "seccomp: prepare the filter");
	/* big profiles cost less at each call this way; an older library does without */
	(void)seccomp_attr_set(context(filter), SCMP_FLTATR_CTL_OPTIMIZE, OPTIMIZE_TREE);
	ret = add_architectures(filter, &wanted->architectures, default_action, err);
	for (size_t i = 0; ret == 0 && i < wanted->flags.len; i++)
		ret = set_flag(filter, wanted->flags.items[i], err);
	for (size_t i = 0; ret == 0 && i < wanted->syscalls.len; i++)
		ret = add_rules(filter, &rows[i], default_action, err);
	return ret;
}

int seccomp_make_filter(const struct oci_seccomp *wanted, struct seccomp_filter **filter,
			struct error *err)
{
	uint32_t default_action = 0;
	int ret;

	*filter = NULL;
	if (!oci_seccomp_is_wanted(wanted))
		return 0;
	ret = find_action(wanted->default_action, wanted->default_errno_ret, &default_action, err);
	if (ret < 0)
		return ret;
	*filter = (struct seccomp_filter *)seccomp_init(default_action);
	if (!*filter)
		return fail_set(err, -ENOMEM, "seccomp: make a filter");
	ret = fill_filter(*filter, wanted, default_action, err);
	if (ret < 0) {
		seccomp_drop_filter(*filter);
		*filter = NULL;
	}
	return ret;
}

void seccomp_drop_filter(struct seccomp_filter *filter)
{
	if (filter)
		seccomp_release(context(filter));
}

int seccomp_load_filter(struct seccomp_filter *filter, struct error *err)
{
	int ret;

	if (!filter)
		return 0;
	ret = seccomp_load(context(filter));
	seccomp_drop_filter(filter);
	return ret < 0 ? fail_set(err, ret, "seccomp: load the filter") : 0;
}
