/* The VM that the device model would run, as a command line of QEMU. */
#ifndef TESTS_STANDINS_ACRN_QEMU_ARGV_H
#define TESTS_STANDINS_ACRN_QEMU_ARGV_H

#include "tests/standins/acrn/dm_parse.h"
#include "tests/standins/acrn/settings.h"

/* Descriptors in QEMU: the control socket, then those of the ports (serial ports first, then
 * consoles in the order of the devices), then those of the taps. */
enum { QEMU_CONTROL_FD = 3, QEMU_FIRST_FD = 4 };

/* Whether the tap of a device could be opened, and so has a descriptor. */
typedef bool tap_open_fn(const void *arg, const struct dm_device *dev);

/* Appends the whole command line, argv[0] included. The VM does not run before `cont`. */
int standin_qemu_argv(const struct dm_config *cfg, const struct settings *set,
		      tap_open_fn *tap_open, const void *arg, struct strvec *argv,
		      struct error *err) must_check;

/* The name of a disk's node, of its device and of a NIC's back end: "d4_0", "n15_0"... */
enum { NODE_NAME_LEN = 16 };
void standin_node_name(char prefix, const struct dm_device *dev, char out[static NODE_NAME_LEN]);

#endif
