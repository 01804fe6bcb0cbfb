#include "runtime/agent_client/dialect.h"

#include <string.h>

static const char *const names[] = {
	[AGENT_ACRUN] = "acrun", [AGENT_D3] = "D3", [AGENT_D2] = "D2", [AGENT_D1] = "D1"
};

const char *agent_dialect_name(enum agent_dialect dialect)
{
	return dialect < AGENT_UNTOLD ? names[dialect] : NULL;
}

enum agent_dialect agent_dialect_parse(const char *name)
{
	for (int i = 0; name && i < AGENT_UNTOLD; i++)
		if (strcmp(name, names[i]) == 0)
			return (enum agent_dialect)i;
	return AGENT_UNTOLD;
}
