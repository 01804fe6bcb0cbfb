/* The host's ends of a guest's interfaces: character devices that carry frames. */
#ifndef RUNTIME_NET_TAP_H
#define RUNTIME_NET_TAP_H

#include <stdbool.h>
#include "base/error.h"

/*
 * Makes a tap of that name in the calling process' network namespace and opens it, with the header
 * for checksums and large segments in front of each frame unless it is `plain`. It lives as long as
 * its descriptor. Returns that. -EBUSY when somebody has one of that name.
 */
int tap_make(const char *name, bool plain, struct error *err) must_check;

/* Opens the device of a macvtap of the calling process' network namespace, in the same way. Returns
 * the descriptor. */
int tap_open_macvtap(const char *name, unsigned index, struct error *err) must_check;

/* Lets a tap live on when its descriptor is closed, until it is removed by name. Leaf. */
int tap_keep(int fd) must_check;

#endif
