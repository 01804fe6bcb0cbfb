#include "cmd/acrun/colour.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool colour_is_terminal(int fd)
{
	const char *term = getenv("TERM");

	return isatty(fd) && term && strcmp(term, "dumb") != 0;
}

static bool is_wanted(int fd)
{
	const char *no = getenv("NO_COLOR");

	return colour_is_terminal(fd) && !(no && *no);
}

const char *colour_of(int fd, enum colour colour)
{
	static const char *const codes[] = {
		[COLOUR_NONE] = "\033[0m",    [COLOUR_BOLD] = "\033[1m",
		[COLOUR_RED] = "\033[31m",    [COLOUR_GREEN] = "\033[32m",
		[COLOUR_YELLOW] = "\033[33m",
	};

	return is_wanted(fd) ? codes[colour] : "";
}
