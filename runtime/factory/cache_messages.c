#include "runtime/factory/cache_messages.h"

#include <errno.h>
#include <stdbool.h>
#include <cache_messages.pb-c.h>

static ProtobufCBinaryData to_wire(const struct cache_bytes *bytes)
{
	/* The library's structure has no const; packing does not write to it. */
	return (ProtobufCBinaryData){ .len = bytes->len, .data = (uint8_t *)bytes->data };
}

static struct cache_bytes from_wire(const ProtobufCBinaryData *data)
{
	return (struct cache_bytes){ .data = data->len ? (const char *)data->data : "",
				     .len = data->len };
}

static char *text_to_wire(const char *text)
{
	return (char *)(text ? text : "");
}

static int pack(const ProtobufCMessage *message, struct strbuf *out)
{
	size_t len = protobuf_c_message_get_packed_size(message);
	char *to = strbuf_reserve(out, len);

	if (to) {
		(void)protobuf_c_message_pack(message, (uint8_t *)to);
		strbuf_grown(out, len);
	}
	return strbuf_error(out);
}

int cache_vm_config_encode(const struct cache_vm_config *config, struct strbuf *out)
{
	Cache__GrpcVMConfig message = CACHE__GRPC_VMCONFIG__INIT;

	message.data = to_wire(&config->data);
	message.agentconfig = to_wire(&config->agent_config);
	return pack(&message.base, out);
}

int cache_vm_encode(const struct cache_vm *vm, struct strbuf *out)
{
	Cache__GrpcVM message = CACHE__GRPC_VM__INIT;

	message.id = text_to_wire(vm->id);
	message.hypervisor = to_wire(&vm->hypervisor);
	message.proxypid = vm->proxy_pid;
	message.proxyurl = text_to_wire(vm->proxy_url);
	message.cpu = vm->cpu;
	message.memory = vm->memory_mib;
	message.cpudelta = vm->cpu_delta;
	return pack(&message.base, out);
}

int cache_status_encode(const struct cache_status *status, struct strbuf *out)
{
	auto_arena struct arena arena = { 0 };
	Cache__GrpcStatus message = CACHE__GRPC_STATUS__INIT;
	Cache__GrpcVMStatus *rows = arena_calloc(&arena, status->n_vms + 1, sizeof(*rows));
	Cache__GrpcVMStatus **list = arena_calloc(&arena, status->n_vms + 1, sizeof(void *));

	if (!rows || !list)
		return -ENOMEM;
	for (size_t i = 0; i < status->n_vms; i++) {
		cache__grpc_vmstatus__init(&rows[i]);
		rows[i].pid = status->vms[i].pid;
		rows[i].cpu = status->vms[i].cpu;
		rows[i].memory = status->vms[i].memory_mib;
		list[i] = &rows[i];
	}
	message.pid = status->pid;
	message.n_vmstatus = status->n_vms;
	message.vmstatus = list;
	return pack(&message.base, out);
}

static void *alloc_in_arena(void *arena, size_t len)
{
	return arena_alloc(arena, len);
}

static void leave_to_arena(void *arena, void *ptr)
{
	(void)arena;
	(void)ptr;
}

/* The message lies in the arena with all it points to; NULL after setting err. */
static void *unpack(const ProtobufCMessageDescriptor *type, const char *data, size_t len,
		    struct arena *arena, struct error *err)
{
	ProtobufCAllocator allocator = {
		.alloc = alloc_in_arena,
		.free = leave_to_arena,
		.allocator_data = arena,
	};
	void *message = protobuf_c_message_unpack(type, &allocator, len, (const uint8_t *)data);

	if (!message)
		(void)err_set(err, -EBADMSG, "decode a %s of %zu bytes", type->name, len);
	return message;
}

int cache_vm_config_decode(const char *data, size_t len, struct arena *arena,
			   struct cache_vm_config *out, struct error *err)
{
	const Cache__GrpcVMConfig *message =
		unpack(&cache__grpc_vmconfig__descriptor, data, len, arena, err);

	if (!message)
		return -EBADMSG;
	*out = (struct cache_vm_config){
		.data = from_wire(&message->data),
		.agent_config = from_wire(&message->agentconfig),
	};
	return 0;
}

int cache_vm_decode(const char *data, size_t len, struct arena *arena, struct cache_vm *out,
		    struct error *err)
{
	const Cache__GrpcVM *message = unpack(&cache__grpc_vm__descriptor, data, len, arena, err);

	if (!message)
		return -EBADMSG;
	*out = (struct cache_vm){
		.id = message->id,
		.hypervisor = from_wire(&message->hypervisor),
		.proxy_pid = message->proxypid,
		.proxy_url = message->proxyurl,
		.cpu = message->cpu,
		.memory_mib = message->memory,
		.cpu_delta = message->cpudelta,
	};
	return 0;
}

int cache_status_decode(const char *data, size_t len, struct arena *arena, struct cache_status *out,
			struct error *err)
{
	const Cache__GrpcStatus *message =
		unpack(&cache__grpc_status__descriptor, data, len, arena, err);
	struct cache_vm_status *rows;

	if (!message)
		return -EBADMSG;
	rows = arena_calloc(arena, message->n_vmstatus + 1, sizeof(*rows));
	if (!rows)
		return err_set(err, -EBADMSG, "decode a status of %zu machines",
			       message->n_vmstatus);
	for (size_t i = 0; i < message->n_vmstatus; i++) {
		rows[i].pid = message->vmstatus[i]->pid;
		rows[i].cpu = message->vmstatus[i]->cpu;
		rows[i].memory_mib = message->vmstatus[i]->memory;
	}
	*out = (struct cache_status){
		.pid = message->pid,
		.vms = rows,
		.n_vms = message->n_vmstatus,
	};
	return 0;
}
