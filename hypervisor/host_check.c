#include "hypervisor/host_check.h"

#include <stdio.h>

enum { DETAIL_MAX = 1024 };

void host_check_add(const struct host_checks *checks, const char *name,
		    enum host_check_status status, const char *remedy, const char *fmt, ...)
{
	struct host_check check = { .name = name, .status = status, .remedy = remedy };
	char detail[DETAIL_MAX];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(detail, sizeof(detail), fmt, args);
	va_end(args);
	check.detail = detail;
	checks->add(checks->arg, &check);
}

void host_check_add_result(const struct host_checks *checks, const char *name, int ret,
			   const char *detail, const struct error *err, const char *remedy)
{
	if (ret < 0)
		host_check_add(checks, name, HOST_CHECK_FAIL, remedy, "%s", err->text);
	else
		host_check_add(checks, name, HOST_CHECK_OK, NULL, "%s", detail);
}
