/* The device program, run by a small interpreter of the instructions it is made of. */
#include "agent/guest/devfilter.h"

#include <errno.h>
#include <linux/bpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

enum {
	R = BPF_DEVCG_ACC_READ,
	W = BPF_DEVCG_ACC_WRITE,
	M = BPF_DEVCG_ACC_MKNOD,
	CHR = BPF_DEVCG_DEV_CHAR,
	BLK = BPF_DEVCG_DEV_BLOCK,
	STEPS_MAX = 1000,
};

static uint64_t run(const struct strbuf *program, const struct bpf_cgroup_dev_ctx *ctx)
{
	const struct bpf_insn *insns = (const struct bpf_insn *)program->data;
	size_t n = program->len / sizeof(*insns);
	uint64_t regs[11] = { 0 };

	for (size_t pc = 0, steps = 0; pc < n && steps < STEPS_MAX; pc++, steps++) {
		const struct bpf_insn *i = &insns[pc];
		uint64_t *dst = &regs[i->dst_reg];
		uint32_t word;

		switch (i->code) {
		case BPF_LDX | BPF_MEM | BPF_W:
			memcpy(&word, (const char *)ctx + i->off, sizeof(word));
			*dst = word;
			break;
		case BPF_ALU64 | BPF_MOV | BPF_X:
			*dst = regs[i->src_reg];
			break;
		case BPF_ALU64 | BPF_MOV | BPF_K:
			*dst = (uint64_t)i->imm;
			break;
		case BPF_ALU64 | BPF_AND | BPF_K:
			*dst &= (uint64_t)i->imm;
			break;
		case BPF_ALU64 | BPF_RSH | BPF_K:
			*dst >>= i->imm;
			break;
		case BPF_JMP | BPF_JNE | BPF_K:
			pc += *dst != (uint64_t)i->imm ? (size_t)i->off : 0;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			pc += *dst == (uint64_t)i->imm ? (size_t)i->off : 0;
			break;
		case BPF_JMP | BPF_EXIT:
			return regs[BPF_REG_0];
		default:
			fail_msg("instruction %zu: code 0x%x", pc, i->code);
		}
	}
	fail_msg("the program has no end");
	return 0;
}

static bool allows(const struct oci_device_cgroup *rows, size_t n, uint32_t type, uint32_t access,
		   uint32_t major, uint32_t minor)
{
	auto_strbuf struct strbuf program = { 0 };
	struct json_objs rules = { .items = (void *)rows, .len = n };
	struct bpf_cgroup_dev_ctx ctx = { .access_type = access << 16 | type,
					  .major = major,
					  .minor = minor };
	struct error err = { 0 };

	assert_int_equal(devfilter_compile(&rules, &program, &err), 0);
	return run(&program, &ctx) != 0;
}

#define ALLOWS(rows, ...) allows(rows, sizeof(rows) / sizeof((rows)[0]), __VA_ARGS__)
#define NUM(n)                            \
	{                                 \
		.set = true, .value = (n) \
	}

/* As container engines write them. */
static const struct oci_device_cgroup usual[] = {
	{ .allow = false, .access = "rwm" },
	{ .allow = true, .type = "c", .major = NUM(10), .minor = NUM(229), .access = "rwm" },
	{ .allow = true, .type = "b", .major = NUM(8), .access = "r" },
};

static void test_usual_rules(void **state)
{
	(void)state;
	assert_true(ALLOWS(usual, CHR, R | W, 10, 229));
	assert_true(ALLOWS(usual, CHR, M, 10, 229));
	assert_false(ALLOWS(usual, CHR, R, 10, 200));
	assert_false(ALLOWS(usual, BLK, R, 10, 229));
	assert_true(ALLOWS(usual, BLK, R, 8, 0));
	assert_true(ALLOWS(usual, BLK, R, 8, 17));
	assert_false(ALLOWS(usual, BLK, R | W, 8, 0));
	assert_false(ALLOWS(usual, BLK, W, 8, 0));
}

static void test_what_every_container_has(void **state)
{
	(void)state;
	assert_true(ALLOWS(usual, CHR, R | W, 1, 3));
	assert_true(ALLOWS(usual, CHR, R | W, 136, 12));
	assert_true(ALLOWS(usual, CHR, M, 1, 1));
	assert_true(ALLOWS(usual, BLK, M, 254, 0));
	assert_false(ALLOWS(usual, CHR, R, 1, 1));
}

static void test_all_allowed(void **state)
{
	static const struct oci_device_cgroup rows[] = {
		{ .allow = false, .access = "rwm" },
		{ .allow = true, .type = "a", .major = NUM(-1), .minor = NUM(-1), .access = "rwm" },
	};

	(void)state;
	assert_true(ALLOWS(rows, BLK, R | W | M, 8, 0));
	assert_true(ALLOWS(rows, CHR, R, 1, 1));
}

static void test_last_rule_wins_for_each_access(void **state)
{
	static const struct oci_device_cgroup rows[] = {
		{ .allow = true, .type = "b", .major = NUM(8), .access = "r" },
		{ .allow = true, .type = "b", .major = NUM(8), .access = "w" },
		{ .allow = false, .type = "b", .major = NUM(8), .minor = NUM(1), .access = "w" },
	};

	(void)state;
	assert_true(ALLOWS(rows, BLK, R | W, 8, 0));
	assert_true(ALLOWS(rows, BLK, R, 8, 1));
	assert_false(ALLOWS(rows, BLK, W, 8, 1));
	assert_false(ALLOWS(rows, BLK, R | W, 8, 1));
	assert_false(ALLOWS(rows, BLK, R, 9, 0));
}

/* As with runc: clients write what older kernels took. */
static void test_unknown_letters_say_nothing(void **state)
{
	static const struct oci_device_cgroup rows[] = {
		{ .allow = true, .type = "c", .major = NUM(10), .access = "ra" },
		{ .allow = true, .type = "c", .major = NUM(11), .access = "x" },
	};

	(void)state;
	assert_true(ALLOWS(rows, CHR, R, 10, 1));
	assert_false(ALLOWS(rows, CHR, W, 10, 1));
	assert_false(ALLOWS(rows, CHR, R, 11, 1));
}

static void test_bad_rules(void **state)
{
	static const struct oci_device_cgroup rows[] = {
		{ .allow = true, .type = "d", .access = "r" },
		{ .allow = true, .major = NUM(-2), .access = "r" },
		{ .allow = true, .minor = NUM(1LL << 40), .access = "r" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		auto_strbuf struct strbuf program = { 0 };
		struct json_objs rules = { .items = (void *)&rows[i], .len = 1 };
		struct error err = { 0 };

		assert_int_equal(devfilter_compile(&rules, &program, &err), -EINVAL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_usual_rules),
		cmocka_unit_test(test_what_every_container_has),
		cmocka_unit_test(test_all_allowed),
		cmocka_unit_test(test_last_rule_wins_for_each_access),
		cmocka_unit_test(test_unknown_letters_say_nothing),
		cmocka_unit_test(test_bad_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
