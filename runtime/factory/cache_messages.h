/* Messages of the VM cache's gRPC service (cache.proto) as plain structures, and back. The names of
 * its calls are here too, for server and client alike. google.protobuf.Empty is zero bytes long:
 * send nothing, and ignore what comes (a later version may have fields). */
#ifndef RUNTIME_FACTORY_CACHE_MESSAGES_H
#define RUNTIME_FACTORY_CACHE_MESSAGES_H

#include <stddef.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/error.h"
#include "base/strbuf.h"

#define CACHE_METHOD_CONFIG	 "/cache.CacheService/Config"
#define CACHE_METHOD_GET_BASE_VM "/cache.CacheService/GetBaseVM"
#define CACHE_METHOD_STATUS	 "/cache.CacheService/Status"
#define CACHE_METHOD_QUIT	 "/cache.CacheService/Quit"

/* Bytes owned by somebody else: the caller when encoding, the arena when decoded (and then a NUL
 * follows them that len does not count). data may be NULL when len is 0. */
struct cache_bytes {
	const char *data;
	size_t len;
};

/* How the pooled machines were made: JSON of the machine and of the agent's settings. */
struct cache_vm_config {
	struct cache_bytes data;
	struct cache_bytes agent_config;
};

/* One machine, with what a client needs to attach to it. Decoded strings are never NULL. */
struct cache_vm {
	const char *id;
	struct cache_bytes hypervisor; /* JSON, the backend's own */
	int64_t proxy_pid;
	const char *proxy_url;
	uint32_t cpu;
	uint32_t memory_mib;
	uint32_t cpu_delta;
};

struct cache_vm_status {
	int64_t pid;
	uint32_t cpu;
	uint32_t memory_mib;
};

struct cache_status {
	int64_t pid; /* the server's */
	struct cache_vm_status *vms;
	size_t n_vms;
};

/* Append the message to out. Return 0, or -ENOMEM or -E2BIG as strbuf does. NULL strings are "". */
int cache_vm_config_encode(const struct cache_vm_config *config, struct strbuf *out) must_check;
int cache_vm_encode(const struct cache_vm *vm, struct strbuf *out) must_check;
int cache_status_encode(const struct cache_status *status, struct strbuf *out) must_check;

/* Read a message of len bytes; what out points to lives in the arena, whose max_bytes bounds what a
 * message may cost (one of n bytes can take about 40 * n). Unknown fields are skipped, absent ones
 * are 0 or empty. What the strings and bytes say is not checked; a string ends at its first NUL.
 * -EBADMSG when malformed or too costly. */
int cache_vm_config_decode(const char *data, size_t len, struct arena *arena,
			   struct cache_vm_config *out, struct error *err) must_check;
int cache_vm_decode(const char *data, size_t len, struct arena *arena, struct cache_vm *out,
		    struct error *err) must_check;
int cache_status_decode(const char *data, size_t len, struct arena *arena, struct cache_status *out,
			struct error *err) must_check;

#endif
