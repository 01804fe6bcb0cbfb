/* Carries bytes between two descriptors in a loop, and loses some: pieces are dropped, doubled and
 * cut, as a seed has it. */
#ifndef TESTS_UNIT_LOSSY_H
#define TESTS_UNIT_LOSSY_H

#include <stdint.h>
#include "base/loop.h"

struct lossy {
	struct loop *loop;
	int fds[2];
	unsigned per_mille; /* of the pieces, for each of the three; may be changed */
	uint32_t random;
	unsigned hits; /* pieces that did not arrive as they were */
};

/* Takes both descriptors over. */
void lossy_start(struct lossy *lossy, struct loop *loop, int one, int other, unsigned per_mille,
		 uint32_t seed);
void lossy_stop(struct lossy *lossy);

#endif
