#include "cmd/acrun/owner.h"

#include <stdio.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/parse.h"

/* Is `line` (name:password:uid:...) the entry of uid? Cuts it behind the name. */
static int is_entry_of(char *line, uint32_t uid)
{
	char *password = strchr(line, ':');
	char *field = password ? strchr(password + 1, ':') : NULL;
	char *end = field ? strchr(field + 1, ':') : NULL;
	uint32_t found;

	if (!end)
		return 0;
	*end = '\0';
	if (parse_u32(field + 1, &found) < 0 || found != uid)
		return 0;
	*password = '\0';
	return 1;
}

void owner_name(uint32_t uid, char out[static OWNER_MAX])
{
	auto_file FILE *file = fopen("/etc/passwd", "re");
	char line[1024];

	while (file && fgets(line, sizeof(line), file)) {
		if (!is_entry_of(line, uid))
			continue;
		snprintf(out, OWNER_MAX, "%.*s", OWNER_MAX - 1, line);
		return;
	}
	snprintf(out, OWNER_MAX, "#%u", uid);
}
