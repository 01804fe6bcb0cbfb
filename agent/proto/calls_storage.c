#include "agent/proto/calls_storage.h"

#include "agent/proto/calls_rows.h"

static const struct json_row mountimage_rows[] = {
	ROW(call_mountimage, "device", JSON_STR, device, JSON_REQUIRED),
	ROW(call_mountimage, "bytes", JSON_U64, bytes, JSON_REQUIRED),
	ROW(call_mountimage, "fstype", JSON_STR, fstype, JSON_REQUIRED),
	ROW(call_mountimage, "target", JSON_STR, target, JSON_REQUIRED),
	ROW(call_mountimage, "whole", JSON_BOOL, whole, JSON_OMIT_EMPTY),
	ROW(call_mountimage, "writable", JSON_BOOL, writable, JSON_OMIT_EMPTY),
	ROW(call_mountimage, "layer", JSON_BOOL, layer, JSON_OMIT_EMPTY),
	ROW(call_mountimage, "options", JSON_STR, options, JSON_OMIT_EMPTY),
};
const struct json_type call_mountimage_type = JSON_TYPE(call_mountimage, mountimage_rows);
