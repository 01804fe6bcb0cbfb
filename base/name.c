#include "base/name.h"

#include <string.h>

static bool is_allowed(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '+' || c == '.' || c == '-';
}

bool name_is_valid(const char *name)
{
	size_t len;

	if (!name || name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	for (len = 0; name[len] != '\0'; len++) {
		if (len == NAME_MAX_LEN || !is_allowed(name[len]))
			return false;
	}
	return true;
}
