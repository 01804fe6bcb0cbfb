#include "agent/guest/devfilter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/guest/fail.h"
#include "base/cleanup.h"
#include "base/fs.h"

enum { ALL_ACCESS = BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE };

/* What the program keeps where; the kernel hands the request over by R1. */
enum {
	REG_RESULT = BPF_REG_0,
	REG_REQUEST = BPF_REG_1,
	REG_TYPE = BPF_REG_2,
	REG_WANTED = BPF_REG_3, /* access bits asked for that no rule has allowed yet */
	REG_MAJOR = BPF_REG_4,
	REG_MINOR = BPF_REG_5,
	REG_SCRATCH = BPF_REG_6,
};

#define ANY                  \
	{                    \
		.set = false \
	}
#define NUM(n)                            \
	{                                 \
		.set = true, .value = (n) \
	}

static const struct oci_device_cgroup always[] = {
	{ .allow = true, .type = "c", .major = ANY, .minor = ANY, .access = "m" },
	{ .allow = true, .type = "b", .major = ANY, .minor = ANY, .access = "m" },
	{ .allow = true, .type = "c", .major = NUM(1), .minor = NUM(3), .access = "rwm" },
	{ .allow = true, .type = "c", .major = NUM(1), .minor = NUM(5), .access = "rwm" },
	{ .allow = true, .type = "c", .major = NUM(1), .minor = NUM(7), .access = "rwm" },
	{ .allow = true, .type = "c", .major = NUM(1), .minor = NUM(8), .access = "rwm" },
	{ .allow = true, .type = "c", .major = NUM(1), .minor = NUM(9), .access = "rwm" },
	{ .allow = true, .type = "c", .major = NUM(5), .minor = NUM(0), .access = "rwm" },
	{ .allow = true, .type = "c", .major = NUM(5), .minor = NUM(2), .access = "rwm" },
	{ .allow = true, .type = "c", .major = NUM(136), .minor = ANY, .access = "rwm" },
};

static void emit(struct strbuf *program, uint8_t code, int dst, int src, int16_t offset,
		 int32_t value)
{
	struct bpf_insn insn = { .code = code,
				 .dst_reg = (uint8_t)(dst & 0xf),
				 .src_reg = (uint8_t)(src & 0xf),
				 .off = offset,
				 .imm = value };

	(void)strbuf_add(program, &insn, sizeof(insn));
}

static void emit_verdict(struct strbuf *program, bool allow)
{
	emit(program, BPF_ALU64 | BPF_MOV | BPF_K, REG_RESULT, 0, 0, allow);
	emit(program, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static void emit_prologue(struct strbuf *program)
{
	const uint8_t load = BPF_LDX | BPF_MEM | BPF_W;

	emit(program, load, REG_WANTED, REG_REQUEST,
	     offsetof(struct bpf_cgroup_dev_ctx, access_type), 0);
	emit(program, BPF_ALU64 | BPF_MOV | BPF_X, REG_TYPE, REG_WANTED, 0, 0);
	emit(program, BPF_ALU64 | BPF_AND | BPF_K, REG_TYPE, 0, 0, 0xffff);
	emit(program, BPF_ALU64 | BPF_RSH | BPF_K, REG_WANTED, 0, 0, 16);
	emit(program, load, REG_MAJOR, REG_REQUEST, offsetof(struct bpf_cgroup_dev_ctx, major), 0);
	emit(program, load, REG_MINOR, REG_REQUEST, offsetof(struct bpf_cgroup_dev_ctx, minor), 0);
}

/* A rule in numbers. */
struct rule {
	bool allow;
	int32_t type; /* BPF_DEVCG_DEV_*; 0: both */
	struct opt_i64 major, minor;
	int32_t access;
};

/* Letters of no meaning are passed over, as by runc. */
static int32_t parse_access(const char *text)
{
	int32_t access = 0;

	/* nothing said is all, as for the kernel's own list of version 1 */
	if (!text || !*text)
		return ALL_ACCESS;
	for (; *text; text++) {
		if (*text == 'r')
			access |= BPF_DEVCG_ACC_READ;
		else if (*text == 'w')
			access |= BPF_DEVCG_ACC_WRITE;
		else if (*text == 'm')
			access |= BPF_DEVCG_ACC_MKNOD;
	}
	return access;
}

/* -1 stands for "any", like a number that is not there. */
static int parse_number(const struct opt_i64 *in, struct opt_i64 *out)
{
	*out = *in;
	if (in->set && in->value == -1)
		out->set = false;
	return out->set && (in->value < 0 || in->value > INT32_MAX) ? -EINVAL : 0;
}

static int parse_rule(const struct oci_device_cgroup *row, struct rule *rule, struct error *err)
{
	const char *type = row->type && *row->type ? row->type : "a";

	*rule = (struct rule){ .allow = row->allow, .access = parse_access(row->access) };
	if (strcmp(type, "c") == 0 || strcmp(type, "u") == 0)
		rule->type = BPF_DEVCG_DEV_CHAR;
	else if (strcmp(type, "b") == 0)
		rule->type = BPF_DEVCG_DEV_BLOCK;
	else if (strcmp(type, "a") != 0)
		return err_msg(err, -EINVAL, "device rule: type \"%s\" does not exist", type);
	if (parse_number(&row->major, &rule->major) < 0 ||
	    parse_number(&row->minor, &rule->minor) < 0)
		return err_msg(err, -EINVAL, "device rule: a device number is out of range");
	return 0;
}

/* Skips the rest of a rule when a register differs; `rest` is its length in instructions. */
static void emit_unless(struct strbuf *program, int reg, int32_t value, int16_t rest)
{
	emit(program, BPF_JMP | BPF_JNE | BPF_K, reg, 0, rest, value);
}

/*
 * Rules come last first. An allowing one takes the access it allows off what is wanted, until
 * nothing is left; a denying one ends it when it concerns what is left.
 */
static void emit_rule(struct strbuf *program, const struct rule *rule)
{
	enum { VERDICT = 2, ALLOW_BODY = 2 + VERDICT, DENY_BODY = 3 + VERDICT };
	int16_t rest = rule->allow ? ALLOW_BODY : DENY_BODY;

	rest = (int16_t)(rest + (rule->type != 0) + rule->major.set + rule->minor.set);
	if (rule->type)
		emit_unless(program, REG_TYPE, rule->type, --rest);
	if (rule->major.set)
		emit_unless(program, REG_MAJOR, (int32_t)rule->major.value, --rest);
	if (rule->minor.set)
		emit_unless(program, REG_MINOR, (int32_t)rule->minor.value, --rest);
	if (rule->allow) {
		emit(program, BPF_ALU64 | BPF_AND | BPF_K, REG_WANTED, 0, 0,
		     ALL_ACCESS & ~rule->access);
		emit_unless(program, REG_WANTED, 0, VERDICT);
	} else {
		emit(program, BPF_ALU64 | BPF_MOV | BPF_X, REG_SCRATCH, REG_WANTED, 0, 0);
		emit(program, BPF_ALU64 | BPF_AND | BPF_K, REG_SCRATCH, 0, 0, rule->access);
		emit(program, BPF_JMP | BPF_JEQ | BPF_K, REG_SCRATCH, 0, VERDICT, 0);
	}
	emit_verdict(program, rule->allow);
}

static int emit_rules(struct strbuf *program, const struct oci_device_cgroup *rows, size_t n,
		      struct error *err)
{
	while (n-- > 0) {
		struct rule rule;
		int ret = parse_rule(&rows[n], &rule, err);

		if (ret < 0)
			return ret;
		emit_rule(program, &rule);
	}
	return 0;
}

int devfilter_compile(const struct json_objs *rules, struct strbuf *program, struct error *err)
{
	int ret;

	emit_prologue(program);
	ret = emit_rules(program, always, sizeof(always) / sizeof(always[0]), err);
	if (ret == 0)
		ret = emit_rules(program, rules->items, rules->len, err);
	if (ret < 0)
		return ret;
	emit_verdict(program, false);
	ret = strbuf_error(program);
	return ret < 0 ? fail_set(err, ret, "make the device filter") : 0;
}

static int load_program(const struct strbuf *program)
{
	static const char license[] = "Apache-2.0";
	union bpf_attr attr = { 0 };
	int fd;

	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.insns = (uint64_t)(uintptr_t)program->data;
	attr.insn_cnt = (uint32_t)(program->len / sizeof(struct bpf_insn));
	attr.license = (uint64_t)(uintptr_t)license;
	fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
	return fd < 0 ? -errno : fd;
}

int devfilter_attach(const char *cgroup, const struct json_objs *rules, struct error *err)
{
	auto_strbuf struct strbuf program = { 0 };
	auto_close int cgroup_fd = -1;
	auto_close int program_fd = -1;
	union bpf_attr attr = { 0 };
	int ret;

	if (rules->len == 0)
		return 0;
	ret = devfilter_compile(rules, &program, err);
	if (ret < 0)
		return ret;
	cgroup_fd = fs_open_dir_at(AT_FDCWD, cgroup);
	if (cgroup_fd < 0)
		return fail_set(err, cgroup_fd, "open the container's cgroup");
	program_fd = load_program(&program);
	if (program_fd < 0)
		return fail_set(err, program_fd, "load the device filter");
	attr.target_fd = (uint32_t)cgroup_fd;
	attr.attach_bpf_fd = (uint32_t)program_fd;
	attr.attach_type = BPF_CGROUP_DEVICE;
	/* one that a container puts on a cgroup of its own can only take more away */
	attr.attach_flags = BPF_F_ALLOW_MULTI;
	if (syscall(SYS_bpf, BPF_PROG_ATTACH, &attr, sizeof(attr)) < 0)
		return fail_set(err, -errno, "attach the device filter");
	return 0;
}
