#include "agent/proto/reset.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

enum { MAGIC_LEN = 8 };

static const char reset_magic[MAGIC_LEN + 1] = "HOSTRSET";
static const char ack_magic[MAGIC_LEN + 1] = "GUESTACK";

int reset_make_random(unsigned char bytes[static RESET_KEY_LEN])
{
	return getrandom(bytes, RESET_KEY_LEN, 0) == RESET_KEY_LEN ? 0 : -EIO;
}

void reset_format_key(const unsigned char key[static RESET_KEY_LEN],
		      char text[static RESET_HEX_LEN + 1])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < RESET_KEY_LEN; i++) {
		text[2 * i] = digits[key[i] >> 4];
		text[2 * i + 1] = digits[key[i] & 15];
	}
	text[RESET_HEX_LEN] = '\0';
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int reset_parse_key(const char *text, unsigned char key[static RESET_KEY_LEN])
{
	if (strnlen(text, RESET_HEX_LEN + 1) != RESET_HEX_LEN)
		return -EINVAL;
	for (size_t i = 0; i < RESET_KEY_LEN; i++) {
		int high = digit_value(text[2 * i]);
		int low = digit_value(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return -EINVAL;
		key[i] = (unsigned char)(high << 4 | low);
	}
	return 0;
}

int reset_encode(struct strbuf *buf, const unsigned char key[static RESET_KEY_LEN],
		 const unsigned char nonce[static RESET_NONCE_LEN])
{
	char text[RESET_LEN];

	memcpy(text, key, RESET_KEY_LEN);
	memcpy(text + RESET_KEY_LEN, reset_magic, MAGIC_LEN);
	memcpy(text + RESET_KEY_LEN + MAGIC_LEN, nonce, RESET_NONCE_LEN);
	return strbuf_add(buf, text, sizeof(text));
}

int reset_encode_ack(struct strbuf *buf, const unsigned char nonce[static RESET_NONCE_LEN])
{
	char text[RESET_ACK_LEN];

	memcpy(text, nonce, RESET_NONCE_LEN);
	memcpy(text + RESET_NONCE_LEN, ack_magic, MAGIC_LEN);
	return strbuf_add(buf, text, sizeof(text));
}

size_t reset_find(const char *data, size_t len, const unsigned char key[static RESET_KEY_LEN],
		  unsigned char nonce[static RESET_NONCE_LEN])
{
	char pattern[RESET_KEY_LEN + MAGIC_LEN];
	size_t end = 0;

	memcpy(pattern, key, RESET_KEY_LEN);
	memcpy(pattern + RESET_KEY_LEN, reset_magic, MAGIC_LEN);
	while (len - end >= RESET_LEN) {
		const char *at = memmem(data + end, len - end, pattern, sizeof(pattern));

		if (!at || (size_t)(data + len - at) < RESET_LEN)
			break;
		memcpy(nonce, at + sizeof(pattern), RESET_NONCE_LEN);
		end = (size_t)(at - data) + RESET_LEN;
	}
	return end;
}

size_t reset_find_ack(const char *data, size_t len,
		      const unsigned char nonce[static RESET_NONCE_LEN])
{
	char pattern[RESET_ACK_LEN];
	const char *at;

	memcpy(pattern, nonce, RESET_NONCE_LEN);
	memcpy(pattern + RESET_NONCE_LEN, ack_magic, MAGIC_LEN);
	at = len >= sizeof(pattern) ? memmem(data, len, pattern, sizeof(pattern)) : NULL;
	return at ? (size_t)(at - data) + RESET_ACK_LEN : 0;
}
