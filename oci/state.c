#include "oci/state.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

const char *const oci_status_names[] = {
#define X(symbol, name) [OCI_STATUS_##symbol] = (name),
	OCI_STATUS_LIST(X)
#undef X
		NULL,
};

enum { STATUS_COUNT = sizeof(oci_status_names) / sizeof(oci_status_names[0]) - 1 };

const char *oci_status_name(int status)
{
	if (status < 0 || status >= STATUS_COUNT)
		return "unknown";
	return oci_status_names[status];
}

int oci_status_parse(const char *name)
{
	for (int i = 0; i < STATUS_COUNT; i++) {
		if (strcmp(oci_status_names[i], name) == 0)
			return i;
	}
	return -EINVAL;
}

#define AT(member) .offset = offsetof(struct oci_state, member)

static const struct json_row state_rows[] = {
	{ .name = "ociVersion", .kind = JSON_STR, AT(oci_version) },
	{ .name = "id", .kind = JSON_STR, AT(id), .flags = JSON_REQUIRED },
	{ .name = "pid", .kind = JSON_I64, AT(pid) },
	{ .name = "status", .kind = JSON_ENUM, AT(status), .names = oci_status_names },
	{ .name = "bundle", .kind = JSON_STR, AT(bundle) },
	{ .name = "rootfs", .kind = JSON_STR, AT(rootfs) },
	{ .name = "created", .kind = JSON_STR, AT(created) },
	{ .name = "annotations", .kind = JSON_MAP, AT(annotations), .flags = JSON_OMIT_EMPTY },
	{ .name = "owner", .kind = JSON_STR, AT(owner) },
};

const struct json_type oci_state_type = JSON_TYPE(oci_state, state_rows);

static const struct json_row hook_state_rows[] = {
	{ .name = "ociVersion", .kind = JSON_STR, AT(oci_version) },
	{ .name = "id", .kind = JSON_STR, AT(id), .flags = JSON_REQUIRED },
	{ .name = "status", .kind = JSON_ENUM, AT(status), .names = oci_status_names },
	{ .name = "pid", .kind = JSON_I64, AT(pid), .flags = JSON_OMIT_EMPTY },
	{ .name = "bundle", .kind = JSON_STR, AT(bundle) },
	{ .name = "annotations", .kind = JSON_MAP, AT(annotations), .flags = JSON_OMIT_EMPTY },
};

const struct json_type oci_hook_state_type = JSON_TYPE(oci_state, hook_state_rows);

int oci_state_format(const struct oci_state *state, struct strbuf *buf)
{
	return json_encode(&oci_state_type, state, 2, buf);
}

int oci_state_format_hook(const struct oci_state *state, struct strbuf *buf)
{
	return json_encode(&oci_hook_state_type, state, 0, buf);
}
