/* "Did you mean ...?": the known word that is nearest to a mistyped one. */
#ifndef RUNTIME_CONFIG_NEAREST_H
#define RUNTIME_CONFIG_NEAREST_H

enum { NEAREST_MAX_LEN = 63 }; /* longer words match nothing */

/* Set `word`, offer the candidates, read `best`. Nothing is copied. */
struct nearest {
	const char *word;
	const char *best;  /* NULL: none is near enough */
	unsigned distance; /* of best */
};

/* Number of insertions, deletions, replacements and swaps of neighbours that make b of a; UINT_MAX
 * when one is too long. */
unsigned nearest_distance(const char *a, const char *b);
/* Keeps candidate as best when it is nearer than what was offered before and no further than a
 * third of the word. */
void nearest_offer(struct nearest *n, const char *candidate);

#endif
