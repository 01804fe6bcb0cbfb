/*
 * The VM cache as its clients see it: create, which takes a machine over, and `acrun factory`. The
 * server is cmd/acrun-cached, the wire cache_messages.h, and what is on disk cache_dir.h.
 */
#ifndef RUNTIME_FACTORY_CACHE_H
#define RUNTIME_FACTORY_CACHE_H

#include "runtime/factory/cache_messages.h"
#include "runtime/factory/machine.h"

/* GrpcVM.hypervisor: what is needed to take a machine over. */
struct cache_machine {
	uint32_t version;
	const char *uuid;
	const char *
		dir; /* absolute: sockets, log and share, as runtime/factory/machine.h names them */
	const char *accelerator;
	struct proc_id vmm;
};

/* -EOPNOTSUPP with "<name> is not supported by VM cache" for a backend that cannot restore. */
int cache_check(const struct hypervisor_ops *hypervisor, struct error *err) must_check;

/* For the server: GrpcVMConfig.Data of machines like `shape`, and GrpcVM.hypervisor of one. JSON,
 * in arena. */
int cache_shape_encode(const struct machine *shape, struct arena *arena, const char **json,
		       struct error *err) must_check;
int cache_machine_encode(const struct cache_machine *machine, struct arena *arena,
			 const char **json, struct error *err) must_check;
/* And read. Text in arena. What it says has been checked for form, no more. */
int cache_machine_decode(const char *json, size_t len, struct arena *arena,
			 struct cache_machine *machine, struct error *err) must_check;

/* Compares GrpcVMConfig.Data with what our own machines would have; -EMEDIUMTYPE with a text that
 * names the first difference. */
int cache_shape_compare(const char *theirs, size_t theirs_len, const char *ours, struct error *err)
	must_check;

/*
 * Asks the server at endpoint for a machine like `shape`; waits 2 s at most for all of it. 0:
 * *machine says which, to be claimed at once by cache_machine_claim(). Text in arena.
 */
int cache_fetch(const char *endpoint, const struct machine *shape, struct arena *arena,
		struct cache_machine *machine, struct error *err) must_check;

/* Who waits in the pool. -ENOENT or -ECONNREFUSED when there is no server. */
int cache_get_status(const char *endpoint, struct arena *arena, struct cache_status *status,
		     struct error *err) must_check;

/* Ends the server with all machines that nobody has claimed, and waits for that. Without a server,
 * what a killed one has left is removed. */
int cache_quit(const char *endpoint, struct error *err) must_check;

#endif
