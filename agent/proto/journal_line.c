#include "agent/proto/journal_line.h"

#define ROW(name_, kind_, member)                                                                  \
	{                                                                                          \
		.name = (name_), .kind = (kind_), .offset = offsetof(struct journal_line, member), \
		.flags = JSON_OMIT_EMPTY                                                           \
	}

static const struct json_row rows[] = {
	ROW("op", JSON_STR, op),
	ROW("sandbox", JSON_STR, sandbox),
	ROW("ctl", JSON_STR, ctl),
	ROW("io", JSON_STR, tty),
	ROW("console", JSON_STR, console),
	ROW("key", JSON_STR, key),
	ROW("link", JSON_BOOL, link),
	ROW("epoch", JSON_U32, epoch),
	ROW("token", JSON_STR, token),
	ROW("container", JSON_STR, container),
	ROW("process", JSON_STR, process),
	ROW("stdio", JSON_U64, stdio),
	ROW("exec", JSON_BOOL, exec),
	ROW("kill", JSON_BOOL, kill),
	ROW("started", JSON_BOOL, started),
	ROW("transient", JSON_BOOL, transient),
};
const struct json_type journal_line_type = JSON_TYPE(journal_line, rows);
