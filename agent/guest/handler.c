#include "agent/guest/handler.h"

#include <errno.h>

#include "agent/guest/fail.h"

bool handler_decode(const struct json_type *type, const char *payload, size_t len,
		    struct arena *arena, void *out, struct slot *slot)
{
	struct error err = { 0 };

	if (!out)
		(void)fail_set(&err, -ENOMEM, "take over the request");
	else if (json_decode(type, payload, len, NULL, arena, out, &err) == 0)
		return true;
	slot_error(slot, &err);
	return false;
}

struct container *handler_container(struct guest *guest, const char *id, struct slot *slot)
{
	struct container *container = container_find(guest, id);

	if (!container)
		slot_errorf(slot, "container '%s' does not exist", id ? id : "");
	return container;
}

bool handler_maybe_container(struct guest *guest, const char *id, struct container **container,
			     struct slot *slot)
{
	*container = NULL;
	if (!id || !*id)
		return true;
	*container = handler_container(guest, id, slot);
	return *container != NULL;
}
