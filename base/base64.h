/* Base64 with padding (RFC 4648, 4). */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include <stddef.h>

/* Room for the text of n bytes, its end included. */
#define BASE64_LEN(n) (((n) + 2) / 3 * 4 + 1)

/* Writes the text of len bytes to out, which has BASE64_LEN(len). */
void base64_encode(const void *data, size_t len, char *out);

#endif
