#include "agent/proto/crc32c.h"

#include <endian.h>
#include <string.h>

enum { POLYNOMIAL = (int)0x82f63b78 };

/* Table k holds the effect of a byte that k zeros follow. Made at the first use, and constant. */
static uint32_t crc_tables[8][256];

static void make_crc_tables(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t v = i;

		for (int bit = 0; bit < 8; bit++)
			v = v >> 1 ^ (v & 1 ? (uint32_t)POLYNOMIAL : 0);
		crc_tables[0][i] = v;
	}
	for (int k = 1; k < 8; k++)
		for (int i = 0; i < 256; i++)
			crc_tables[k][i] = crc_tables[k - 1][i] >> 8 ^
					   crc_tables[0][crc_tables[k - 1][i] & 255];
}

/* Eight bytes at a time by table: no instruction is needed that an emulated processor would have to
 * imitate, and there it is five times as fast as a nibble at a time. */
uint32_t crc32c_add(uint32_t crc, const void *data, size_t len)
{
	const uint32_t(*t)[256] = crc_tables;
	const unsigned char *p = data;

	if (!t[0][1])
		make_crc_tables();
	crc = ~crc;
	for (; len >= 8; len -= 8, p += 8) {
		uint32_t low, high;

		memcpy(&low, p, sizeof(low));
		memcpy(&high, p + 4, sizeof(high));
		low = le32toh(low) ^ crc;
		high = le32toh(high);
		crc = t[7][low & 255] ^ t[6][low >> 8 & 255] ^ t[5][low >> 16 & 255] ^
		      t[4][low >> 24] ^ t[3][high & 255] ^ t[2][high >> 8 & 255] ^
		      t[1][high >> 16 & 255] ^ t[0][high >> 24];
	}
	while (len-- > 0)
		crc = crc >> 8 ^ t[0][(crc ^ *p++) & 255];
	return ~crc;
}
