#include "base/uuid.h"

#include <uuid/uuid.h>

_Static_assert(UUID_TEXT_LEN == UUID_STR_LEN, "libuuid's text has another length");

void uuid_generate_text(char out[static UUID_TEXT_LEN])
{
	uuid_t uuid;

	uuid_generate_random(uuid);
	uuid_unparse_lower(uuid, out);
}
