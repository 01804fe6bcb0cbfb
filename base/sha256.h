/* SHA-256 (FIPS 180-4), for names that stand for content. */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

enum { SHA256_LEN = 32, SHA256_TEXT_LEN = 2 * SHA256_LEN + 1, SHA256_BLOCK = 64 };

/* Begin with sha256_init(). Holds nothing that needs a release. */
struct sha256 {
	uint32_t state[8];
	uint64_t len; /* bytes so far */
	uint8_t block[SHA256_BLOCK];
};

void sha256_init(struct sha256 *sha);
void sha256_add(struct sha256 *sha, const void *data, size_t len);
/* Ends it: nothing may be added any more. */
void sha256_end(struct sha256 *sha, uint8_t digest[static SHA256_LEN]);
/* The same as lower-case hexadecimal. */
void sha256_end_text(struct sha256 *sha, char text[static SHA256_TEXT_LEN]);

#endif
