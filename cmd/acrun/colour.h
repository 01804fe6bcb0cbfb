/* Colours, where a person looks at a terminal that has them. */
#ifndef CMD_ACRUN_COLOUR_H
#define CMD_ACRUN_COLOUR_H

#include <stdbool.h>

enum colour { COLOUR_NONE, COLOUR_BOLD, COLOUR_RED, COLOUR_GREEN, COLOUR_YELLOW };

/* Does a person look at fd, on a terminal that knows more than text? */
bool colour_is_terminal(int fd);

/* What to print to fd to switch to the colour: "" unless it is a terminal; also when NO_COLOR is
 * set to something or TERM is "dumb". */
const char *colour_of(int fd, enum colour colour);

#endif
