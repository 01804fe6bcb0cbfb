#include "agent/guest/seccomp.h"

#include <ctype.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/guest/fail.h"
#include "agent/guest/seccomp_stub.h"
#include "base/cleanup.h"
#include "base/fs.h"

enum {
	ARGS_MAX = 6,
	ARCH_NAME_MAX = 32,
	ARCHES_MAX = 32, /* libseccomp knows fewer */
	OPTIMIZE_TREE = 2,
	X32_BIT = 0x40000000,
	PROGRAM_BYTES_MAX = BPF_MAXINSNS * sizeof(struct sock_filter),
};

/* Ready to be loaded: whatever the library would need to do so may be denied by then. */
struct seccomp_filter {
	unsigned flags;
	struct sock_fprog program;
};

/* A filter in the making. */
struct draft {
	scmp_filter_ctx ctx;
	uint32_t default_action;
	unsigned flags;
	uint32_t arches[ARCHES_MAX];
	size_t n_arches;
};

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
static int add_architecture(struct draft *draft, const char *name, struct error *err)
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
	ret = seccomp_arch_add(draft->ctx, token);
	if (ret == 0 && draft->n_arches < ARCHES_MAX)
		draft->arches[draft->n_arches++] = token;
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

static int add_architectures(struct draft *draft, const struct json_strs *list, struct error *err)
{
	bool x32 = !is_listed(list, "SCMP_ARCH_X32") || is_x32_of_use(list);
	int ret =
		x32 ? 0
		    : seccomp_attr_set(draft->ctx, SCMP_FLTATR_ACT_BADARCH, draft->default_action);

	if (ret < 0)
		return fail_set(err, ret, "seccomp: set the action for other architectures");
	for (size_t i = 0; ret == 0 && i < list->len; i++)
		if (x32 || strcmp(list->items[i], "SCMP_ARCH_X32") != 0)
			ret = add_architecture(draft, list->items[i], err);
	return ret;
}

static int set_flag(struct draft *draft, const char *name, struct error *err)
{
	static const struct {
		const char *name;
		unsigned flag;
	} flags[] = {
		{ "SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC },
		{ "SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG },
		{ "SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW },
		/* it is about waiting for a listener, of which there is none */
		{ "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", 0 },
	};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (strcmp(flags[i].name, name) == 0) {
			draft->flags |= flags[i].flag;
			return 0;
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

static int add_rule(struct draft *draft, uint32_t action, const char *name,
		    const struct conditions *conditions, struct error *err)
{
	int number = seccomp_syscall_resolve_name(name);
	unsigned step = conditions->any ? 1 : conditions->n;
	unsigned at = 0;

	if (number == __NR_SCMP_ERROR)
		return 0;
	do {
		int ret = seccomp_rule_add_array(draft->ctx, action, number, step,
						 conditions->args + at);

		if (ret < 0 && ret != -EEXIST)
			return fail_set(err, ret, "seccomp: add a rule for \"%s\"", name);
		at += step;
	} while (at < conditions->n);
	return 0;
}

static int add_rules(struct draft *draft, const struct oci_syscall *row, struct error *err)
{
	struct conditions conditions;
	uint32_t action = 0;
	int ret = find_action(row->action, row->errno_ret, &action, err);

	if (ret == 0)
		ret = take_conditions(&row->args, &conditions, err);
	/* libseccomp refuses what says nothing new */
	if (ret < 0 || action == draft->default_action)
		return ret;
	for (size_t i = 0; ret == 0 && i < row->names.len; i++)
		ret = add_rule(draft, action, row->names.items[i], &conditions, err);
	return ret;
}

static int fill(struct draft *draft, const struct oci_seccomp *wanted, struct error *err)
{
	const struct oci_syscall *rows = wanted->syscalls.items;
	int ret = 0;

	/* big profiles cost less at each call this way; an older library does without */
	(void)seccomp_attr_set(draft->ctx, SCMP_FLTATR_CTL_OPTIMIZE, OPTIMIZE_TREE);
	ret = add_architectures(draft, &wanted->architectures, err);
	for (size_t i = 0; ret == 0 && i < wanted->flags.len; i++)
		ret = set_flag(draft, wanted->flags.items[i], err);
	for (size_t i = 0; ret == 0 && i < wanted->syscalls.len; i++)
		ret = add_rules(draft, &rows[i], err);
	return ret;
}

/* The highest call of an architecture that the profile names; -1: none. */
static int last_call(const struct oci_seccomp *wanted, uint32_t arch)
{
	const struct oci_syscall *rows = wanted->syscalls.items;
	int last = -1;

	for (size_t i = 0; i < wanted->syscalls.len; i++)
		for (size_t k = 0; k < rows[i].names.len; k++) {
			int number =
				seccomp_syscall_resolve_name_arch(arch, rows[i].names.items[k]);

			last = number > last ? number : last;
		}
	return last;
}

/* As runc has it: none where the profile allows what it does not know, or says ENOSYS itself. */
static size_t make_stub(const struct draft *draft, const struct oci_seccomp *wanted,
			struct seccomp_stub_row *rows)
{
	uint32_t kind = draft->default_action & SECCOMP_RET_ACTION_FULL;
	size_t n = 0;

	if (kind == SCMP_ACT_ALLOW || kind == SCMP_ACT_LOG || kind == SCMP_ACT_TRACE(0) ||
	    draft->default_action == SCMP_ACT_ERRNO(ENOSYS))
		return 0;
	for (size_t i = 0; i < draft->n_arches; i++) {
		uint32_t arch = draft->arches[i];
		int last = last_call(wanted, arch);
		bool x32 = arch == SCMP_ARCH_X32;

		if (last >= 0)
			rows[n++] = (struct seccomp_stub_row){
				.audit_arch = x32 ? AUDIT_ARCH_X86_64 : arch,
				.x32 = x32,
				.last = (uint32_t)last,
			};
	}
	return n;
}

/* The library's program behind the stub's. */
static int assemble(const struct draft *draft, const struct oci_seccomp *wanted,
		    struct seccomp_filter *filter)
{
	struct seccomp_stub_row rows[ARCHES_MAX];
	size_t head = make_stub(draft, wanted, rows) * SECCOMP_STUB_ROW_LEN;
	auto_close int fd = memfd_create("seccomp", MFD_CLOEXEC);
	auto_strbuf struct strbuf text = { 0 };
	struct sock_filter *code;
	size_t tail;
	int ret = fd < 0 ? -errno : seccomp_export_bpf(draft->ctx, fd);

	if (ret == 0 && lseek(fd, 0, SEEK_SET) < 0)
		ret = -errno;
	if (ret == 0)
		ret = fs_read_all(fd, &text, PROGRAM_BYTES_MAX);
	if (ret < 0)
		return ret;
	tail = text.len / sizeof(*code);
	if (tail == 0 || head + tail > BPF_MAXINSNS)
		return -EINVAL;
	code = calloc(head + tail, sizeof(*code));
	if (!code)
		return -ENOMEM;
	seccomp_stub_write(rows, head / SECCOMP_STUB_ROW_LEN, code);
	memcpy(code + head, text.data, tail * sizeof(*code));
	filter->program =
		(struct sock_fprog){ .len = (unsigned short)(head + tail), .filter = code };
	return 0;
}

int seccomp_make_filter(const struct oci_seccomp *wanted, struct seccomp_filter **filter,
			struct error *err)
{
	struct draft draft = { .arches = { seccomp_arch_native() }, .n_arches = 1 };
	int ret;

	*filter = NULL;
	if (!oci_seccomp_is_wanted(wanted))
		return 0;
	ret = find_action(wanted->default_action, wanted->default_errno_ret, &draft.default_action,
			  err);
	if (ret < 0)
		return ret;
	draft.ctx = seccomp_init(draft.default_action);
	*filter = calloc(1, sizeof(**filter));
	ret = draft.ctx && *filter ? fill(&draft, wanted, err)
				   : fail_set(err, -ENOMEM, "seccomp: make a filter");
	if (ret == 0) {
		(*filter)->flags = draft.flags;
		ret = assemble(&draft, wanted, *filter);
		if (ret < 0)
			ret = fail_set(err, ret, "seccomp: make the filter's program");
	}
	if (draft.ctx)
		seccomp_release(draft.ctx);
	if (ret < 0) {
		seccomp_drop_filter(*filter);
		*filter = NULL;
	}
	return ret;
}

const struct sock_fprog *seccomp_program(const struct seccomp_filter *filter)
{
	return &filter->program;
}

void seccomp_drop_filter(struct seccomp_filter *filter)
{
	if (filter)
		free(filter->program.filter);
	free(filter);
}

int seccomp_load_filter(const struct seccomp_filter *filter, struct error *err)
{
	long ret = filter ? syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, filter->flags,
				    &filter->program)
			  : 0;

	/* a number is that of the thread that could not be brought along */
	if (ret == 0)
		return 0;
	return fail_set(err, ret < 0 ? -errno : -ESRCH, "seccomp: load the filter");
}
