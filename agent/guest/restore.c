#include "agent/guest/restore.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "agent/guest/fail.h"
#include "base/cleanup.h"

enum { NSEC_PER_SEC = 1000000000 };

/* The argument of RNDADDENTROPY: struct rand_pool_info with room for the bytes. */
struct pool_seed {
	int entropy_bits;
	int len;
	uint8_t bytes[RESTORE_SEED_MAX];
};

static int digit_value(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

int restore_decode_base64(const char *text, uint8_t *out, uint32_t max)
{
	size_t len = strlen(text);
	size_t padding = 0;
	uint32_t bits = 0;
	uint32_t n = 0;

	if (len % 4 != 0)
		return -EINVAL;
	while (padding < 2 && padding < len && text[len - 1 - padding] == '=')
		padding++;
	for (size_t i = 0; i < len - padding; i++) {
		int value = digit_value(text[i]);

		if (value < 0)
			return -EINVAL;
		bits = bits << 6 | (uint32_t)value;
		/* every digit but the first of four completes a byte */
		if (i % 4 == 0)
			continue;
		if (n >= max)
			return -E2BIG;
		out[n++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
	}
	return (int)n;
}

static int feed_pool(struct pool_seed *seed, struct error *err)
{
	auto_close int fd = open("/dev/urandom", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return fail_set(err, -errno, "open '/dev/urandom'");
	seed->entropy_bits = seed->len * 8;
	if (ioctl(fd, RNDADDENTROPY, seed) < 0)
		return fail_set(err, -errno, "add the seed to the entropy pool");
	if (ioctl(fd, RNDRESEEDCRNG) < 0)
		return fail_set(err, -errno, "reseed the random number generator");
	return 0;
}

int restore_seed(const char *base64, struct error *err)
{
	struct pool_seed seed;
	int ret;

	seed.len = restore_decode_base64(base64, seed.bytes, sizeof(seed.bytes));
	if (seed.len < RESTORE_SEED_MIN)
		ret = err_msg(err, -EINVAL, "the seed must be %d to %d bytes in base64",
			      RESTORE_SEED_MIN, RESTORE_SEED_MAX);
	else
		ret = feed_pool(&seed, err);
	explicit_bzero(&seed, sizeof(seed));
	return ret;
}

int restore_time(int64_t sec, uint32_t nsec, struct error *err)
{
	struct timespec now = { .tv_sec = sec, .tv_nsec = nsec };

	if (sec < 0 || nsec >= NSEC_PER_SEC)
		return err_msg(err, -EINVAL, "a time of %lld s and %u ns does not exist",
			       (long long)sec, nsec);
	return clock_settime(CLOCK_REALTIME, &now) < 0 ? fail_set(err, -errno, "set the clock") : 0;
}
