/* Short forms of the rows of a call's body, for the tables of agent/proto only. */
#ifndef AGENT_PROTO_CALLS_ROWS_H
#define AGENT_PROTO_CALLS_ROWS_H

#include <stddef.h>
#include "base/json.h"

/* One row: JSON name, kind, struct tag, member, flags. */
#define ROW(tag, json, kind_, member, flags_)                                            \
	{                                                                                \
		.name = (json), .kind = (kind_), .offset = offsetof(struct tag, member), \
		.flags = (flags_)                                                        \
	}
/* The same for objects, with their type. */
#define OBJ(tag, json, kind_, member, flags_, type_)                                     \
	{                                                                                \
		.name = (json), .kind = (kind_), .offset = offsetof(struct tag, member), \
		.flags = (flags_), .type = &(type_)                                      \
	}

#endif
