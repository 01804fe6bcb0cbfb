/* Files of containers, and of the guest below GUEST_FILES_DIR, read and written for the host. Paths
 * are resolved inside the container's root whatever links it holds. */
#ifndef AGENT_GUEST_FILES_H
#define AGENT_GUEST_FILES_H

#include "agent/guest/guest.h"
#include "agent/guest/slots.h"
#include "agent/proto/calls_control.h"

#define GUEST_FILES_DIR "/run/files"

/* COPYFILE, READFILE, WRITEFILE (`data` is what followed the object). container is NULL for the
 * guest. Each answers the slot. */
void files_copy(struct guest *guest, const struct container *container,
		const struct call_copyfile *call, struct slot *slot);
void files_read(struct guest *guest, const struct container *container,
		const struct call_file *call, struct slot *slot);
void files_write(struct guest *guest, const struct container *container,
		 const struct call_file *call, const char *data, size_t len, struct slot *slot);

/* Length of the JSON object that text begins with, and ends where its braces do; 0 when it has no
 * end. */
size_t files_object_len(const char *text, size_t len);

#endif
