#include "runtime/factory/grpc_wire.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	int error;
} codes[] = {
#define X(name_, number, error_) [number] = { .name = #name_, .error = (error_) },
	GRPC_CODES(X)
#undef X
};

enum { N_CODES = sizeof(codes) / sizeof(codes[0]) };

static int known_code(int code)
{
	return code >= 0 && code < N_CODES ? code : GRPC_UNKNOWN;
}

const char *grpc_code_name(int code)
{
	return codes[known_code(code)].name;
}

int grpc_code_errno(int code)
{
	return -codes[known_code(code)].error;
}

enum grpc_code grpc_code_of_errno(int code)
{
	for (int i = 0; i < N_CODES; i++)
		if (i != GRPC_UNKNOWN && codes[i].error == -code)
			return (enum grpc_code)i;
	return GRPC_UNKNOWN;
}

enum grpc_code grpc_code_parse(const char *text, size_t len)
{
	int code = 0;

	if (len < 1 || len > 2)
		return GRPC_UNKNOWN;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return GRPC_UNKNOWN;
		code = code * 10 + (text[i] - '0');
	}
	return (enum grpc_code)known_code(code);
}

/* Length of text, cut to GRPC_TEXT_MAX without splitting a UTF-8 character. */
static size_t text_len(const char *text)
{
	size_t len = strnlen(text, GRPC_TEXT_MAX + 1);

	if (len <= GRPC_TEXT_MAX)
		return len;
	len = GRPC_TEXT_MAX;
	while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
		len--;
	return len;
}

void grpc_text_encode(const char *text, struct strbuf *out)
{
	size_t len = text_len(text);

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c >= ' ' && c <= '~' && c != '%')
			(void)strbuf_addc(out, text[i]);
		else
			(void)strbuf_addf(out, "%%%02X", c);
	}
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void grpc_text_decode(const char *text, size_t len, struct strbuf *out)
{
	size_t start = out->len;

	for (size_t i = 0; i < len && out->len - start < GRPC_TEXT_MAX; i++) {
		int high = text[i] == '%' && len - i > 2 ? hex_digit(text[i + 1]) : -1;
		int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
		unsigned char c = (unsigned char)text[i];

		if (low >= 0) {
			c = (unsigned char)(high << 4 | low);
			i += 2;
		}
		if (strbuf_addc(out, c < ' ' || c == 0x7f ? ' ' : (char)c) < 0)
			return;
	}
}

enum { NS_PER_MS = 1000000 };

/* Finest first. One of the two factors is 1. */
static const struct {
	char unit;
	int64_t ms;   /* milliseconds a unit */
	int64_t a_ms; /* units a millisecond */
} units[] = {
	{ 'n', 1, NS_PER_MS }, { 'u', 1, 1000 },  { 'm', 1, 1 },
	{ 'S', 1000, 1 },      { 'M', 60000, 1 }, { 'H', 3600000, 1 },
};

enum { N_UNITS = sizeof(units) / sizeof(units[0]), TIMEOUT_DIGITS = 8, TIMEOUT_MAX = 99999999 };

int grpc_timeout_parse(const char *text, size_t len, int64_t *timeout_ms)
{
	int64_t value = 0;

	if (len < 2 || len > TIMEOUT_DIGITS + 1)
		return -EINVAL;
	for (size_t i = 0; i < len - 1; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -EINVAL;
		value = value * 10 + (text[i] - '0');
	}
	for (size_t i = 0; i < N_UNITS; i++) {
		if (units[i].unit != text[len - 1])
			continue;
		*timeout_ms = (value * units[i].ms + units[i].a_ms - 1) / units[i].a_ms;
		return 0;
	}
	return -EINVAL;
}

void grpc_timeout_format(int64_t timeout_ms, char out[static GRPC_TIMEOUT_TEXT_LEN])
{
	size_t i = 2; /* milliseconds: what we count in */
	int64_t value;

	if (timeout_ms < 0)
		timeout_ms = 0;
	while (i < N_UNITS - 1 && timeout_ms / units[i].ms > TIMEOUT_MAX)
		i++;
	value = timeout_ms / units[i].ms;
	if (value > TIMEOUT_MAX)
		value = TIMEOUT_MAX;
	(void)snprintf(out, GRPC_TIMEOUT_TEXT_LEN, "%d%c", (int)value, units[i].unit);
}

int grpc_message_encode(const void *message, size_t len, struct strbuf *out)
{
	uint8_t prefix[GRPC_PREFIX_LEN] = { 0, (uint8_t)(len >> 24), (uint8_t)(len >> 16),
					    (uint8_t)(len >> 8), (uint8_t)len };

	if (len > UINT32_MAX)
		return -E2BIG;
	(void)strbuf_add(out, prefix, sizeof(prefix));
	if (len)
		(void)strbuf_add(out, message, len);
	return strbuf_error(out);
}

static int add_prefix(struct grpc_inbox *inbox, uint8_t byte)
{
	inbox->prefix[inbox->n_prefix++] = byte;
	if (inbox->prefix[0] > 1)
		return -EBADMSG;
	if (inbox->n_prefix < GRPC_PREFIX_LEN)
		return 0;
	if (inbox->prefix[0] == 1)
		return -EOPNOTSUPP;
	inbox->expected = (uint32_t)inbox->prefix[1] << 24 | (uint32_t)inbox->prefix[2] << 16 |
			  (uint32_t)inbox->prefix[3] << 8 | inbox->prefix[4];
	return inbox->expected > inbox->max ? -EMSGSIZE : 0;
}

int grpc_inbox_add(struct grpc_inbox *inbox, const uint8_t *data, size_t len)
{
	while (len > 0 && inbox->n_prefix < GRPC_PREFIX_LEN) {
		int ret = add_prefix(inbox, *data);

		if (ret < 0)
			return ret;
		data++;
		len--;
	}
	if (len == 0)
		return 0;
	if (len > inbox->expected - inbox->message.len)
		return -EBADMSG;
	return strbuf_add(&inbox->message, data, len) < 0 ? -ENOMEM : 0;
}

bool grpc_inbox_is_whole(const struct grpc_inbox *inbox)
{
	return inbox->n_prefix == GRPC_PREFIX_LEN && inbox->message.len == inbox->expected;
}

void grpc_inbox_done(struct grpc_inbox *inbox)
{
	strbuf_done(&inbox->message);
}
