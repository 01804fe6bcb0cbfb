#include "hypervisor/acrn/name.h"

#include <string.h>

/* FNV-1a with 128 bits: names must not collide by chance; nobody gains by making them collide. */
static const unsigned __int128 fnv_offset = (unsigned __int128)0x6c62272e07bb0142 << 64 |
					    0x62b821756295c58d;
static const unsigned __int128 fnv_prime = (unsigned __int128)1 << 88 | 0x13b;

/* The NUL counts, so that ("a", "bc") is not ("ab", "c"). */
static unsigned __int128 hash_text(unsigned __int128 hash, const char *text)
{
	size_t len = strlen(text) + 1;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)text[i]) * fnv_prime;
	return hash;
}

void name_of_vm(const char *name, const char *dir, char out[static ACRN_NAME_LEN + 1])
{
	static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
	unsigned __int128 hash = hash_text(hash_text(fnv_offset, name), dir);

	/* The upper bits are the better ones: fold them in. */
	hash ^= hash >> 64;
	out[0] = 's';
	for (int i = 1; i < ACRN_NAME_LEN; i++, hash >>= 5)
		out[i] = digits[(unsigned)hash & 31];
	out[ACRN_NAME_LEN] = '\0';
}

uint32_t name_spread(const char *name)
{
	unsigned __int128 hash = hash_text(fnv_offset, name);

	return (uint32_t)(hash >> 64) ^ (uint32_t)hash;
}
