/* The pool of UUIDs: who has one, who is dead, and what a crash leaves behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/strbuf.h"
#include "hypervisor/acrn/uuid_pool.h"

#define A "a7ada506-1ab0-4b6b-a0da-e513ca9b8c2f"
#define B "dbeae168-26e4-4084-9227-622193e56325"
#define C "18ed60cd-e9ea-4bf4-8f87-8523fc8347a3"

struct fixture {
	char base[64];
	char dir[96];
	struct uuid_list list;
	struct proc_id self, parent, dead;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct error err;

	if (!f)
		return -1;
	(void)snprintf(f->base, sizeof(f->base), "/tmp/test_acrn_uuid.XXXXXX");
	if (!mkdtemp(f->base))
		return -1;
	/* It is made when it is first needed. */
	(void)snprintf(f->dir, sizeof(f->dir), "%s/host", f->base);
	assert_int_equal(proc_identify(getpid(), &f->self), 0);
	assert_int_equal(proc_identify(1, &f->parent), 0);
	/* This pid belongs to somebody else by now. */
	f->dead = (struct proc_id){ .pid = f->self.pid, .start_time = f->self.start_time - 1 };
	assert_int_equal(uuid_list_parse(A " " B, &f->list, &err), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(fs_remove_tree_at(AT_FDCWD, f->base), 0);
	free(f);
	return 0;
}

static void takes(struct fixture *f, uint32_t limit, const struct proc_id *owner, const char *want)
{
	char uuid[UUID_TEXT_LEN];
	struct error err = { 0 };

	assert_int_equal(uuid_pool_take(f->dir, &f->list, limit, "vm", owner, uuid, &err), 0);
	assert_string_equal(uuid, want);
}

static void test_list(void **state)
{
	static const char *const bad[] = {
		"x",
		"a7ada506-1ab0-4b6b-a0da-e513ca9b8c2",
		"a7ada506-1ab0-4b6b-a0da-e513ca9b8c2ff",
		"a7ada50601ab0-4b6b-a0da-e513ca9b8c2f",
		"g7ada506-1ab0-4b6b-a0da-e513ca9b8c2f",
		A "," B " A7ADA506-1AB0-4B6B-A0DA-E513CA9B8C2F",
	};
	struct uuid_list list;
	struct error err;
	auto_strbuf struct strbuf many = { 0 };

	(void)state;
	assert_int_equal(uuid_list_parse("", &list, &err), 0);
	assert_int_equal(list.len, 0);
	assert_int_equal(uuid_list_parse(" " A ",\n" B "  ", &list, &err), 0);
	assert_int_equal(list.len, 2);
	assert_string_equal(list.items[1], B);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(uuid_list_parse(bad[i], &list, &err), -EINVAL);
	assert_string_equal(err.text, "UUID " A " stands there twice");
	for (int i = 0; i < UUID_POOL_MAX; i++)
		(void)strbuf_addf(&many, "%08x-1ab0-4b6b-a0da-e513ca9b8c2f ", i);
	assert_int_equal(uuid_list_parse(strbuf_str(&many), &list, &err), 0);
	assert_int_equal(list.len, UUID_POOL_MAX);
	(void)strbuf_adds(&many, A);
	assert_int_equal(uuid_list_parse(strbuf_str(&many), &list, &err), -E2BIG);
}

static void test_take_until_full(void **state)
{
	struct fixture *f = *state;
	char uuid[UUID_TEXT_LEN];
	char want[400];
	struct error err;

	takes(f, 0, &f->self, A);
	takes(f, 0, &f->parent, B);
	assert_int_equal(uuid_pool_take(f->dir, &f->list, 0, "vm", &f->self, uuid, &err), -EBUSY);
	(void)snprintf(want, sizeof(want),
		       "Max VMs reached: all 2 UUIDs that virtual machines may have are in use: vm "
		       "(pid %lld), vm (pid 1) (add the others that the hypervisor knows to "
		       "vm_uuids in [hypervisor.acrn], or end one of them)",
		       (long long)f->self.pid);
	assert_string_equal(err.text, want);
	assert_int_equal(uuid_pool_release(f->dir, A, &f->self, &err), 0);
	takes(f, 0, &f->self, A);
}

static void test_limit(void **state)
{
	struct fixture *f = *state;
	char uuid[UUID_TEXT_LEN];
	struct error err;

	takes(f, 1, &f->self, A);
	assert_int_equal(uuid_pool_take(f->dir, &f->list, 1, "vm", &f->self, uuid, &err), -EBUSY);
	assert_non_null(strstr(err.text, "the hypervisor or max_vms allow no more"));
	/* More than there are is what there is. */
	takes(f, 100, &f->self, B);
}

/* What a process that is gone had is free; what another process of the same pid has is not its. */
static void test_reclaim(void **state)
{
	struct fixture *f = *state;

	takes(f, 0, &f->dead, A);
	takes(f, 0, &f->self, A);
	takes(f, 0, &f->self, B);
}

static void test_hand_over(void **state)
{
	struct fixture *f = *state;
	struct error err;

	takes(f, 0, &f->self, A);
	assert_int_equal(uuid_pool_hand_over(f->dir, A, &f->self, &f->parent, &err), 0);
	/* It is not the giver's any more: giving it back does nothing. */
	assert_int_equal(uuid_pool_release(f->dir, A, &f->self, &err), 0);
	takes(f, 0, &f->self, B);
	assert_int_equal(uuid_pool_hand_over(f->dir, A, &f->self, &f->parent, &err), -ESTALE);
	assert_int_equal(uuid_pool_hand_over(f->dir, C, &f->self, &f->parent, &err), -ESTALE);
	/* To a process that ends: free. */
	assert_int_equal(uuid_pool_hand_over(f->dir, B, &f->self, &f->dead, &err), 0);
	takes(f, 0, &f->self, B);
}

static void test_damaged(void **state)
{
	struct fixture *f = *state;
	char path[128];

	takes(f, 0, &f->self, A);
	(void)snprintf(path, sizeof(path), "%s/acrn-uuids.json", f->dir);
	assert_int_equal(fs_replace_at(AT_FDCWD, path, "{\"owners\":[", 11, 0600, false), 0);
	takes(f, 0, &f->self, A);
	assert_int_equal(fs_replace_at(AT_FDCWD, path, "", 0, 0600, false), 0);
	takes(f, 0, &f->self, A);
	takes(f, 0, &f->self, B);
}

/* UUIDs that were in the list once stay their owners'. */
static void test_other_list(void **state)
{
	struct fixture *f = *state;
	struct error err;

	takes(f, 0, &f->self, A);
	assert_int_equal(uuid_list_parse(C, &f->list, &err), 0);
	takes(f, 0, &f->self, C);
	assert_int_equal(uuid_list_parse(A " " B " " C, &f->list, &err), 0);
	takes(f, 0, &f->self, B);
}

static void test_no_list(void **state)
{
	struct fixture *f = *state;
	char uuid[UUID_TEXT_LEN];
	struct error err;

	f->list.len = 0;
	assert_int_equal(uuid_pool_take(f->dir, &f->list, 0, "vm", &f->self, uuid, &err), -EINVAL);
	assert_string_equal(err.text, "no vm_uuids are set in [hypervisor.acrn]");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list), TEST(test_take_until_full), TEST(test_limit),
		TEST(test_reclaim),	     TEST(test_hand_over),	 TEST(test_damaged),
		TEST(test_other_list),	     TEST(test_no_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
