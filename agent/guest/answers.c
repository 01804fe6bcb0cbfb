#include "agent/guest/answers.h"

#include <stdlib.h>
#include <string.h>

void answers_keep(struct answers *answers, uint64_t key, uint32_t code, const void *data,
		  size_t len)
{
	struct answer *answer = &answers->items[answers->next];
	char *copy = len > 0 && len <= ANSWER_BYTES_MAX ? malloc(len) : NULL;

	if (len > 0 && !copy)
		return;
	if (len > 0)
		memcpy(copy, data, len);
	free(answer->data);
	*answer = (struct answer){ .key = key, .code = code, .data = copy, .len = len };
	answers->next = (answers->next + 1) % ANSWERS_MAX;
}

const struct answer *answers_find(const struct answers *answers, uint64_t key)
{
	for (size_t i = 0; i < ANSWERS_MAX; i++)
		if (answers->items[i].key == key)
			return &answers->items[i];
	return NULL;
}
