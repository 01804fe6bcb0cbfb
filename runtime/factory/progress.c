#include "runtime/factory/progress.h"

#include <stdbool.h>
#include <stdio.h>

/* Decided once by main; there is one terminal, and one line on it. */
static bool enabled;
static bool shown;

void progress_enable(void)
{
	enabled = true;
}

void progress_show(const char *text)
{
	if (!enabled || (!text && !shown))
		return;
	/* back to the first column, erase the line */
	fprintf(stderr, "\r\033[K%s%s", text ? text : "", text ? " ..." : "");
	(void)fflush(stderr);
	shown = text != NULL;
}
