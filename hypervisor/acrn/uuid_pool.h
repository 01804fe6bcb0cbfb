/*
 * The UUIDs that VMs may have, up to release 2.6: the hypervisor knows a fixed list of them. Who
 * has one is written down in a file of the host, under a lock, with the process that it belongs to;
 * what belongs to a process that is gone is free, so a crash loses nothing and nothing is given
 * away while its VM lives.
 */
#ifndef HYPERVISOR_ACRN_UUID_POOL_H
#define HYPERVISOR_ACRN_UUID_POOL_H

#include "base/error.h"
#include "base/proc.h"
#include "base/uuid.h"

enum { UUID_POOL_MAX = 64 };

struct uuid_list {
	char items[UUID_POOL_MAX][UUID_TEXT_LEN];
	uint32_t len;
};

/* Reads UUIDs separated by blanks or commas; case is folded. -EINVAL names what is no UUID or
 * stands there twice, -E2BIG. */
int uuid_list_parse(const char *text, struct uuid_list *list, struct error *err) must_check;

/*
 * Takes the first of the first `limit` (0: all) UUIDs of the list that nobody alive has, for
 * `owner`. `vm` is the VM's name, for messages. The file is in host_dir, which is made if it is
 * missing. -EBUSY when all are taken, with who has them.
 */
int uuid_pool_take(const char *host_dir, const struct uuid_list *list, uint32_t limit,
		   const char *vm, const struct proc_id *owner, char out[static UUID_TEXT_LEN],
		   struct error *err) must_check;

/* Hands a UUID on, from the process that took it to another. -ESTALE when it is not from's. */
int uuid_pool_hand_over(const char *host_dir, const char *uuid, const struct proc_id *from,
			const struct proc_id *to, struct error *err) must_check;

/* Gives a UUID back, if it is owner's. The VM must be dead. */
int uuid_pool_release(const char *host_dir, const char *uuid, const struct proc_id *owner,
		      struct error *err) must_check;

#endif
