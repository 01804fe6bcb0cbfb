/* Errors in the words clients match on: as err_set(), but the errno text starts in lower case. */
#ifndef AGENT_GUEST_FAIL_H
#define AGENT_GUEST_FAIL_H

#include "base/error.h"

/* Records "<message>: <errno text>" and returns code. A code of 0 is taken as -EINVAL. */
int fail_set(struct error *err, int code, const char *fmt, ...) printf_like(3, 4);

#endif
