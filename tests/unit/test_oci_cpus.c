#include "oci/cpus.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void test_lists(void **state)
{
	cpu_set_t set;

	(void)state;
	assert_int_equal(oci_cpus_parse("0", &set), 0);
	assert_int_equal(CPU_COUNT(&set), 1);
	assert_true(CPU_ISSET(0, &set));
	assert_int_equal(oci_cpus_parse(" 0-3, 7 ,1023", &set), 0);
	assert_int_equal(CPU_COUNT(&set), 6);
	assert_true(CPU_ISSET(3, &set) && CPU_ISSET(7, &set) && CPU_ISSET(1023, &set));
	assert_int_equal(oci_cpus_parse("2-2", &set), 0);
	assert_int_equal(CPU_COUNT(&set), 1);
}

static void test_what_is_none(void **state)
{
	static const char *const wrong[] = { "",   " ",	  ",", "1,",  "1-",
					     "-1", "3-1", "a", "1 2", "1;2" };
	cpu_set_t set;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (oci_cpus_parse(wrong[i], &set) != -EINVAL)
			fail_msg("'%s' is taken", wrong[i]);
	assert_int_equal(oci_cpus_parse("1024", &set), -ERANGE);
	assert_int_equal(oci_cpus_parse("0-99999999999999999999", &set), -ERANGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_what_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
