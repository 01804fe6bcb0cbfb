/* Which strings may become part of a path: container and sandbox ids. */
#ifndef BASE_NAME_H
#define BASE_NAME_H

#include <stdbool.h>

enum { NAME_MAX_LEN = 1024 };

/* runc's rule: [A-Za-z0-9_+.-]+, not "." or "..", at most NAME_MAX_LEN bytes. NULL and "" are not
 * valid. */
bool name_is_valid(const char *name);

#endif
