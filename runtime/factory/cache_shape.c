/* What the cache's messages say in JSON: which machines it has, and which one is handed out. */
#include <errno.h>
#include <string.h>
#include "base/json.h"
#include "runtime/factory/cache.h"
#include "runtime/factory/template_internal.h"

enum { CACHE_VERSION = 1 };

/* GrpcVMConfig.Data. */
struct shape_json {
	uint32_t version;
	const char *hypervisor;
	const char *key; /* as of the template: lines "what=value" */
};

#define SHAPE(member) .offset = offsetof(struct shape_json, member)

static const struct json_row shape_rows[] = {
	{ .name = "version", .kind = JSON_U32, SHAPE(version), .flags = JSON_REQUIRED },
	{ .name = "hypervisor", .kind = JSON_STR, SHAPE(hypervisor), .flags = JSON_REQUIRED },
	{ .name = "key", .kind = JSON_STR, SHAPE(key), .flags = JSON_REQUIRED },
};
static const struct json_type shape_type = JSON_TYPE(shape_json, shape_rows);

static const struct json_row vmm_rows[] = {
	{ .name = "pid",
	  .kind = JSON_I64,
	  .offset = offsetof(struct proc_id, pid),
	  .flags = JSON_REQUIRED },
	{ .name = "startTime",
	  .kind = JSON_U64,
	  .offset = offsetof(struct proc_id, start_time),
	  .flags = JSON_REQUIRED },
};
static const struct json_type vmm_type = JSON_TYPE(proc_id, vmm_rows);

#define MACHINE(member) .offset = offsetof(struct cache_machine, member)

static const struct json_row machine_rows[] = {
	{ .name = "version", .kind = JSON_U32, MACHINE(version), .flags = JSON_REQUIRED },
	{ .name = "uuid", .kind = JSON_STR, MACHINE(uuid), .flags = JSON_REQUIRED },
	{ .name = "dir", .kind = JSON_STR, MACHINE(dir), .flags = JSON_REQUIRED },
	{ .name = "accelerator", .kind = JSON_STR, MACHINE(accelerator), .flags = JSON_REQUIRED },
	{ .name = "vmm",
	  .kind = JSON_OBJ,
	  MACHINE(vmm),
	  .type = &vmm_type,
	  .flags = JSON_REQUIRED },
};
static const struct json_type machine_type = JSON_TYPE(cache_machine, machine_rows);

int cache_check(const struct hypervisor_ops *hypervisor, struct error *err)
{
	if (hypervisor->caps & HV_CAP_SNAPSHOT)
		return 0;
	return err_msg(err, -EOPNOTSUPP, "%s is not supported by VM cache", hypervisor->name);
}

static int encode(const struct json_type *type, const void *value, struct arena *arena,
		  const char **json, struct error *err)
{
	auto_strbuf struct strbuf text = { 0 };
	int ret = json_encode(type, value, 0, &text);

	*json = ret == 0 ? arena_strdup(arena, strbuf_str(&text)) : NULL;
	if (ret == 0 && !*json)
		ret = -ENOMEM;
	return ret < 0 ? err_set(err, ret, "describe a machine of the VM cache") : 0;
}

int cache_shape_encode(const struct machine *shape, struct arena *arena, const char **json,
		       struct error *err)
{
	struct shape_json value = { .version = CACHE_VERSION,
				    .hypervisor = shape->hypervisor->name };
	char hash[TEMPLATE_HASH_LEN];
	int ret = template_key(shape, arena, &value.key, hash, err);

	return ret < 0 ? ret : encode(&shape_type, &value, arena, json, err);
}

int cache_machine_encode(const struct cache_machine *machine, struct arena *arena,
			 const char **json, struct error *err)
{
	struct cache_machine value = *machine;

	value.version = CACHE_VERSION;
	return encode(&machine_type, &value, arena, json, err);
}

int cache_machine_decode(const char *json, size_t len, struct arena *arena,
			 struct cache_machine *machine, struct error *err)
{
	int ret = json_decode(&machine_type, json, len, NULL, arena, machine, err);

	if (ret == 0 && machine->version != CACHE_VERSION)
		ret = err_msg(err, -EPROTO, "its machine has version %u", machine->version);
	if (ret == 0 && (machine->dir[0] != '/' || machine->vmm.pid <= 1))
		ret = err_msg(err, -EBADMSG, "its machine '%s', process %lld, cannot be",
			      machine->dir, (long long)machine->vmm.pid);
	return ret < 0 ? err_ctx(err, "answer of the VM cache") : 0;
}

/* Names the first line of two keys that differs. */
static int name_difference(const char *theirs, const char *ours, struct error *err)
{
	for (;;) {
		size_t t = strcspn(theirs, "\n");
		size_t o = strcspn(ours, "\n");

		if (t != o || strncmp(theirs, ours, t) != 0 || theirs[t] != ours[o])
			return err_msg(err, -EMEDIUMTYPE,
				       "hypervisor config does not match: %.*s vs. %.*s", (int)t,
				       theirs, (int)o, ours);
		if (!theirs[t])
			return 0;
		theirs += t + 1;
		ours += o + 1;
	}
}

int cache_shape_compare(const char *theirs, size_t theirs_len, const char *ours, struct error *err)
{
	auto_arena struct arena arena = { 0 };
	struct shape_json their = { .hypervisor = "", .key = "" }, our = their;
	int ret = json_decode(&shape_type, theirs, theirs_len, NULL, &arena, &their, err);

	if (ret == 0)
		ret = json_decode(&shape_type, ours, strlen(ours), NULL, &arena, &our, err);
	if (ret < 0)
		return err_ctx(err, "answer of the VM cache");
	if (their.version != our.version)
		return err_msg(err, -EMEDIUMTYPE, "version does not match: %u vs. %u",
			       their.version, our.version);
	if (strcmp(their.hypervisor, our.hypervisor) != 0)
		return err_msg(err, -EMEDIUMTYPE, "hypervisor type does not match: %s vs. %s",
			       their.hypervisor, our.hypervisor);
	return name_difference(their.key, our.key, err);
}
