/*
 * Taking a reliable channel over. A host that comes after one that died finds both directions cut
 * anywhere within a frame. It sends RESET, which holds a key that only the sandbox's host side and
 * the agent know, so that no payload can be taken for one; the guest forgets what it had received
 * and what it had still to send on that channel, and answers with the number of the RESET, before
 * which the host throws away all it receives. After that frames begin anew.
 */
#ifndef AGENT_PROTO_RESET_H
#define AGENT_PROTO_RESET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/error.h"
#include "base/strbuf.h"

enum {
	RESET_KEY_LEN = 16,
	RESET_HEX_LEN = 2 * RESET_KEY_LEN,
	RESET_NONCE_LEN = 16,
	RESET_LEN = RESET_KEY_LEN + 8 + RESET_NONCE_LEN, /* key, "HOSTRSET", nonce */
	RESET_ACK_LEN = RESET_NONCE_LEN + 8,		 /* nonce, "GUESTACK" */
};

/* Key or nonce: fresh random bytes. 0 or -EIO. */
int reset_make_random(unsigned char bytes[static RESET_KEY_LEN]) must_check;
/* Text form of a key, NUL-terminated, and back: -EINVAL when it is none. */
void reset_format_key(const unsigned char key[static RESET_KEY_LEN],
		      char text[static RESET_HEX_LEN + 1]);
int reset_parse_key(const char *text, unsigned char key[static RESET_KEY_LEN]) must_check;

/* Appends a RESET, or its answer. */
int reset_encode(struct strbuf *buf, const unsigned char key[static RESET_KEY_LEN],
		 const unsigned char nonce[static RESET_NONCE_LEN]) must_check;
int reset_encode_ack(struct strbuf *buf, const unsigned char nonce[static RESET_NONCE_LEN])
	must_check;

/*
 * Guest: looks for the last RESET in len bytes. Returns how many bytes belong to the time before
 * its end, with its nonce; 0 when there is none.
 */
size_t reset_find(const char *data, size_t len, const unsigned char key[static RESET_KEY_LEN],
		  unsigned char nonce[static RESET_NONCE_LEN]);
/* Host: the same for the answer to nonce. */
size_t reset_find_ack(const char *data, size_t len,
		      const unsigned char nonce[static RESET_NONCE_LEN]);

#endif
