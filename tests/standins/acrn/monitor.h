/*
 * The two control sockets of the device model: the one that acrnctl speaks to, with fixed binary
 * messages, and the one of --cmd_monitor with JSON.
 */
#ifndef TESTS_STANDINS_ACRN_MONITOR_H
#define TESTS_STANDINS_ACRN_MONITOR_H

#include <stdint.h>
#include "tests/standins/acrn/vm.h"

enum {
	MONITOR_CLIENTS = 4,
	MONITOR_STOP = 3,
	MONITOR_SUSPEND = 4,
	MONITOR_RESUME = 5,
	MONITOR_ARGS = 256,
};

#define MONITOR_MAGIC 0x67736d206d6d76ULL

/* Both ways, in the order of bytes of the host. */
struct monitor_message {
	uint64_t magic;
	uint32_t msgid;
	uint32_t pad;
	uint64_t timestamp;
	union {
		char devargs[MONITOR_ARGS];
		struct {
			int32_t force;
			uint32_t timeout;
		} stop;
		int32_t err;
		int32_t state;
	};
};

_Static_assert(sizeof(struct monitor_message) == 280, "as the original's");

struct monitor {
	struct vm *vm;
	int listen_fd;
	int clients[MONITOR_CLIENTS];
	char path[DM_SUN_PATH];
};

/* Binds <run_dir>/mngr/<name>.monitor.<pid>.socket. 0 or -errno. */
int monitor_open(struct monitor *mon, struct vm *vm) must_check;
/* Closes it and removes the socket: the orderly end. */
void monitor_close(struct monitor *mon);

struct cmd_monitor {
	struct vm *vm;
	int listen_fd;
	int client_fd; /* one at a time: the next one waits */
	const char *path;
};

/* Binds the path of --cmd_monitor; without one nothing happens. 0 or -errno. */
int cmd_monitor_open(struct cmd_monitor *mon, struct vm *vm) must_check;
void cmd_monitor_close(struct cmd_monitor *mon);

#endif
