/* Numbers as the device model reads them: by the C library, which takes more than one would like.
 */
#ifndef TESTS_STANDINS_ACRN_DM_NUMBER_H
#define TESTS_STANDINS_ACRN_DM_NUMBER_H

#include <stdint.h>

/*
 * The number at the start of `text` (any base as in C when base is 0), *end behind it. 0; -EINVAL
 * when there is no digit, -ERANGE when it does not fit.
 */
int dm_number(const char *text, int base, uint64_t *value, const char **end);

/* As dm_number() in base 10, for an int; what follows the digits is not looked at. */
int dm_int(const char *text, int *value);

#endif
