/*
 * What a machine that continues from a saved image needs before it may be used: randomness of its
 * own, and the time of day. Clones of one image are the same machine until then.
 */
#ifndef AGENT_GUEST_RESTORE_H
#define AGENT_GUEST_RESTORE_H

#include <stdint.h>
#include "base/error.h"

enum { RESTORE_SEED_MIN = 32, RESTORE_SEED_MAX = 1024 }; /* bytes, decoded */

/*
 * Adds the seed (base64 with padding, RESTORE_SEED_MIN to RESTORE_SEED_MAX bytes) to the kernel's
 * entropy pool and has every generator of the kernel start anew from it. Afterwards nothing random
 * follows from what was in the image.
 */
int restore_seed(const char *base64, struct error *err) must_check;
/* Sets the clock of the day (CLOCK_REALTIME), counted from 1970. */
int restore_time(int64_t sec, uint32_t nsec, struct error *err) must_check;

/* Decodes strict base64 into out. Bytes, -EINVAL when it is none, -E2BIG beyond max. */
int restore_decode_base64(const char *text, uint8_t *out, uint32_t max) must_check;

#endif
