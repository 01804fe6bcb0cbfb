/*
 * The command line of ACRN's device model, read as strictly and as carelessly as the original reads
 * it. In three stages, as there: options, devices in the order of their slots, and what is noticed
 * only when the VM is put together. Each stage answers with an exit status or DM_GO_ON, and says on
 * stdout and stderr what the original says there.
 */
#ifndef TESTS_STANDINS_ACRN_DM_PARSE_H
#define TESTS_STANDINS_ACRN_DM_PARSE_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/error.h"
#include "base/strvec.h"
#include "tests/standins/acrn/profile.h"

enum {
	DM_GO_ON = -1,
	DM_EXIT_FAIL = 1,
	DM_EXIT_KERNEL = 10,
	DM_EXIT_RAMDISK = 11,
	DM_EXIT_USAGE = 64,
	DM_EXIT_ABORT = 134, /* no exit statuses there but SIGABRT and SIGSEGV */
	DM_EXIT_SEGV = 139,

	DM_SLOTS = 32,
	DM_FUNCS = 8,
	DM_PORTS_MAX = 16,
	DM_BOOTARGS_KEPT = 1024,
	DM_COMS = 4,
	DM_SUN_PATH = 108,
};

/* What becomes of a device here. */
enum dm_kind {
	DM_HOSTBRIDGE,
	DM_LPC,
	DM_BLK,
	DM_NET,
	DM_CONSOLE,
	DM_RND,
	DM_VSOCK,
	DM_PASSTHRU,
	DM_OBSOLETE, /* named, and an error */
	DM_OTHER,    /* the original has it, the stand-in has no counterpart */
};

struct dm_blk {
	bool nodisk;
	bool readonly;
	bool writeback;
	bool nocache;
	bool directory; /* taken for a disk, which the original does as well */
	char *path;
};

struct dm_net {
	bool open_tap;
	bool vhost;
	char tap[IFNAMSIZ];
	bool has_mac;
	uint8_t mac[6];
};

enum dm_backend { DM_SOCKET, DM_STDIO, DM_TTY, DM_PTY, DM_FILE };

struct dm_port {
	bool console;
	enum dm_backend backend;
	bool client; /* of a socket: connects instead of listening */
	char *name;
	char *path;
};

struct dm_console {
	struct dm_port ports[DM_PORTS_MAX];
	unsigned n_ports;
};

struct dm_device {
	enum dm_kind kind;
	unsigned slot;
	unsigned func;
	unsigned bus;
	char *emul;
	char *config; /* NULL: none */
	union {
		struct dm_blk blk;
		struct dm_net net;
		struct dm_console console;
		uint32_t cid;
	};
};

struct dm_com {
	bool named;
	char *backend; /* NULL: a dead port */
};

/* What the command line says. Zero-initialise; dm_config_done() when done. */
struct dm_config {
	const struct dm_profile *profile;
	char *vmname;
	char *uuid;
	uint64_t memory; /* bytes */
	char *kernel;
	char *ramdisk;
	char *bootargs; /* cut as the loader cuts them */
	char *cmd_monitor;
	bool acpi;
	bool power_button; /* a pm notify channel that makes an orderly stop possible */
	bool virtio_intx_only;
	uint32_t ncpus;
	uint64_t cpu_mask; /* of physical CPUs; 63 stands for an id that the host does not have */
	struct dm_com coms[DM_COMS];
	/* In the order of slot and function. */
	struct dm_device *devices;
	unsigned n_devices;
	/* No look at the file system: paths need not exist. */
	bool no_files;
	/* What went wrong without a word: each is a line. The original keeps silent about them. */
	struct strvec faults;
	void (*on_fault)(void *arg, const char *text); /* may be NULL */
	void *fault_arg;
	bool stdio_taken; /* private: by a serial port or a console */
};

/* Options. profile and no_files are set by the caller; argv is permuted. */
int dm_parse_options(struct dm_config *cfg, int argc, char **argv) must_check;
/* What fails when the VM is made, before any device. */
int dm_parse_vm(struct dm_config *cfg) must_check;
/* Reads the configuration of one device; the sockets and taps it names are for the caller to open.
 */
int dm_parse_device(struct dm_config *cfg, struct dm_device *dev) must_check;
/* What the VM is put together from, after the devices. */
int dm_parse_late(struct dm_config *cfg) must_check;
/* All of the above in their order. */
int dm_parse(struct dm_config *cfg, int argc, char **argv) must_check;
void dm_config_done(struct dm_config *cfg);

/*
 * `text` as the argument of a disk: [iothread|mq=N,]PATH[,OPTION...]. `rescan` leaves out what is
 * not known there. 0 or an exit status. blk->path is the caller's to free.
 */
int dm_parse_blk(struct dm_config *cfg, const char *text, bool rescan, struct dm_blk *blk)
	must_check;

/* The device at slot:func, or NULL. */
struct dm_device *dm_find_device(struct dm_config *cfg, unsigned slot, unsigned func);
/* Virtual CPUs that come out of it. */
unsigned dm_vcpus(const struct dm_config *cfg);
/* Notes what the original does wrong in silence. */
void dm_fault(struct dm_config *cfg, const char *fmt, ...) printf_like(2, 3);
/* Whether the profile's release lies in [since, until); 0 is no limit. */
bool dm_release_in(const struct dm_config *cfg, unsigned since, unsigned until);

#endif
