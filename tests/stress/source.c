/* stress-source MIB: so many MiB to stdout, then the sum of them to stderr. */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/parse.h"
#include "tests/stress/pattern.h"

static int write_all(const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(STDOUT_FILENO, data, len);

		if (n <= 0)
			return -1;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

int main(int argc, char **argv)
{
	static uint64_t block[PATTERN_BLOCK / 8];
	struct pattern pattern = PATTERN_INIT;
	uint32_t mibs;

	if (argc != 2 || parse_u32(argv[1], &mibs) < 0)
		return 2;
	for (uint64_t i = 0; i < (uint64_t)mibs * ((1 << 20) / PATTERN_BLOCK); i++) {
		pattern_make(&pattern, block);
		if (write_all((const char *)block, sizeof(block)) < 0)
			return 1;
	}
	fprintf(stderr, "%016" PRIx64 "\n", pattern.sum);
	return 0;
}
