/*
 * Answers to the last requests that carried a key (agent/proto/numbered.h): a host that lost one
 * asks again. A bounded number of bounded answers is kept, the oldest goes first. A longer answer
 * is none of a request that changes something: that one is just carried out again.
 */
#ifndef AGENT_GUEST_ANSWERS_H
#define AGENT_GUEST_ANSWERS_H

#include <stddef.h>
#include <stdint.h>

enum { ANSWERS_MAX = 64, ANSWER_BYTES_MAX = 8 << 10 };

struct answer {
	uint64_t key; /* 0: none */
	uint32_t code;
	char *data; /* owned */
	size_t len;
};

struct answers {
	struct answer items[ANSWERS_MAX];
	size_t next;
};

/* Keeps a copy of the answer, as far as there is memory. */
void answers_keep(struct answers *answers, uint64_t key, uint32_t code, const void *data,
		  size_t len);
/* NULL when it is not known. Valid until the next answers_keep(). */
const struct answer *answers_find(const struct answers *answers, uint64_t key);

#endif
