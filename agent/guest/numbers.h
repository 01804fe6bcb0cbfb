/* Numbers out of the kernel's own text files, which need no distrust but may be long. */
#ifndef AGENT_GUEST_NUMBERS_H
#define AGENT_GUEST_NUMBERS_H

#include <stdint.h>

/* Reads the decimal number at *at, behind spaces, and moves *at behind it. What is too large
 * becomes the largest there is; no number is 0 and moves nothing but the spaces. */
int64_t numbers_take(const char **at);
/* The number behind a key in text of lines "key number"; -1 when it is not there. */
int64_t numbers_find_key(const char *text, const char *key);

#endif
