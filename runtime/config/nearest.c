#include "runtime/config/nearest.h"

#include <limits.h>
#include <stddef.h>
#include <string.h>

static unsigned min2(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

unsigned nearest_distance(const char *a, const char *b)
{
	size_t a_len = strlen(a);
	size_t b_len = strlen(b);
	/* Rows of the usual matrix: the one before the last, the last, the one being filled. */
	unsigned rows[3][NEAREST_MAX_LEN + 1];
	unsigned *before = rows[0];
	unsigned *last = rows[1];
	unsigned *row = rows[2];

	if (a_len > NEAREST_MAX_LEN || b_len > NEAREST_MAX_LEN)
		return UINT_MAX;
	memset(rows, 0, sizeof(rows));
	for (size_t j = 0; j <= b_len; j++)
		last[j] = (unsigned)j;
	for (size_t i = 1; i <= a_len; i++) {
		unsigned *spare = before;

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= b_len; j++) {
			row[j] = min2(min2(last[j], row[j - 1]) + 1,
				      last[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = min2(row[j], before[j - 2] + 1);
		}
		before = last;
		last = row;
		row = spare;
	}
	return last[b_len];
}

void nearest_offer(struct nearest *n, const char *candidate)
{
	unsigned limit = (unsigned)(strlen(n->word) / 3);
	unsigned distance = nearest_distance(n->word, candidate);

	if (limit == 0)
		limit = 1;
	if (distance > limit || (n->best && distance >= n->distance))
		return;
	n->best = candidate;
	n->distance = distance;
}
