/* Names of users, without the weight of the C library's name services. */
#ifndef CMD_ACRUN_OWNER_H
#define CMD_ACRUN_OWNER_H

#include <stdint.h>

enum { OWNER_MAX = 64 };

/* The name that /etc/passwd gives to uid, or "#<uid>". */
void owner_name(uint32_t uid, char out[static OWNER_MAX]);

#endif
