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
	ROW(call_mountimage, "node", JSON_BOOL, node, JSON_OMIT_EMPTY),
};
const struct json_type call_mountimage_type = JSON_TYPE(call_mountimage, mountimage_rows);

static const struct json_row mountimage_reply_rows[] = {
	ROW(call_mountimage_reply, "major", JSON_U32, major, JSON_REQUIRED),
	ROW(call_mountimage_reply, "minor", JSON_U32, minor, JSON_REQUIRED),
};
const struct json_type call_mountimage_reply_type =
	JSON_TYPE(call_mountimage_reply, mountimage_reply_rows);

static const struct json_row puttree_rows[] = {
	ROW(call_puttree, "file", JSON_STR, file, JSON_REQUIRED),
	ROW(call_puttree, "target", JSON_STR, target, JSON_REQUIRED),
	ROW(call_puttree, "layer", JSON_BOOL, layer, JSON_OMIT_EMPTY),
};
const struct json_type call_puttree_type = JSON_TYPE(call_puttree, puttree_rows);

static const struct json_row taketree_rows[] = {
	ROW(call_taketree, "target", JSON_STR, target, JSON_REQUIRED),
	ROW(call_taketree, "file", JSON_STR, file, JSON_REQUIRED),
	ROW(call_taketree, "maxBytes", JSON_U64, max_bytes, JSON_REQUIRED),
};
const struct json_type call_taketree_type = JSON_TYPE(call_taketree, taketree_rows);

static const struct json_row taketree_reply_rows[] = {
	ROW(call_taketree_reply, "bytes", JSON_U64, bytes, JSON_REQUIRED),
};
const struct json_type call_taketree_reply_type =
	JSON_TYPE(call_taketree_reply, taketree_reply_rows);

static const struct json_row filesystems_reply_rows[] = {
	ROW(call_filesystems_reply, "filesystems", JSON_STRS, filesystems, JSON_REQUIRED),
};
const struct json_type call_filesystems_reply_type =
	JSON_TYPE(call_filesystems_reply, filesystems_reply_rows);
