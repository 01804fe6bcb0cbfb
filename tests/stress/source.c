/* stress-source MIB: so many MiB to stdout, then the sum of them to stderr. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

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
	unsigned long blocks = argc == 2 ? strtoul(argv[1], NULL, 10) * ((1 << 20) / PATTERN_BLOCK)
					 : 0;

	if (blocks == 0)
		return 2;
	for (unsigned long i = 0; i < blocks; i++) {
		pattern_make(&pattern, block);
		if (write_all((const char *)block, sizeof(block)) < 0)
			return 1;
	}
	fprintf(stderr, "%016" PRIx64 "\n", pattern.sum);
	return 0;
}
