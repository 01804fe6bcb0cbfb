/*
 * Devices of a VM, their checks and their form on the device model's command line. Its grammar has
 * no quoting at all, and much of what does not fit is cut or ignored in silence: whatever could be
 * misread is refused here.
 */
#ifndef HYPERVISOR_ACRN_DEVICE_H
#define HYPERVISOR_ACRN_DEVICE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/error.h"
#include "base/strvec.h"
#include "hypervisor/acrn/profile.h"

enum acrn_device_kind {
	ACRN_DEVICE_BRIDGE,
	ACRN_DEVICE_LPC, /* owns com1 */
	ACRN_DEVICE_CONSOLE,
	ACRN_DEVICE_BLOCK,
	ACRN_DEVICE_NET,
	ACRN_DEVICE_VSOCK,
};

/* What a virtio-console's only port is connected to. */
enum acrn_backend {
	ACRN_BACKEND_SOCKET,
	ACRN_BACKEND_FILE,
	ACRN_BACKEND_TTY,
	ACRN_BACKEND_PTY,
	ACRN_BACKEND_STDIO,
};

/* Strings belong to whoever made the device. */
struct acrn_device {
	enum acrn_device_kind kind;
	union {
		struct {
			enum acrn_backend backend;
			bool is_console;  /* hvc0, else a port */
			const char *port; /* name of the port; only a socket's is free */
			const char *path; /* none for pty and stdio */
		} console;
		struct {
			const char *path; /* NULL: a placeholder, to be filled later */
			bool readonly;
		} block;
		struct {
			const char *ifname;
			const char *mac; /* "02:00:5e:10:00:01" */
			bool macvtap;
		} net;
		struct {
			uint64_t cid;
		} vsock;
	};
};

enum {
	ACRN_SLOTS = 32,
	ACRN_SLOT_RESERVED = 2, /* was GVT-g's; left out in all releases, so that slots are alike */
	ACRN_SOCKET_PATH_MAX = 107,
	ACRN_DEVICE_PATH_MAX = 1023,
};

/* Can `device` be given to a device model of that profile? -EINVAL, -ENAMETOOLONG or -ENOTSUP. */
int device_check(const struct acrn_device *device, const struct acrn_profile *profile,
		 struct error *err) must_check;

/* Appends the options of a device that has been checked. Errors are argv's. */
void device_add(const struct acrn_device *device, const struct acrn_profile *profile, uint32_t slot,
		struct strvec *argv);

/* Is the path one that a disk can have: absolute, in one piece for the grammar, no other meaning?
 * `what` is for the message. */
int device_check_disk_path(const char *path, const char *what, struct error *err) must_check;

#endif
