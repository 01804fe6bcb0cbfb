/*
 * The share of a machine that the host shares no directory with. Each container has a memory file
 * system, LAYERS_DIR/<container>, with a directory for each thing that was brought: `image` is what
 * came, `upper` what was written over it, and `merged` both together.
 */
#ifndef AGENT_GUEST_LAYERS_H
#define AGENT_GUEST_LAYERS_H

#include <stdbool.h>
#include "base/error.h"
#include "base/name.h"

#define LAYERS_DIR "/run/layers"
/* The entry of an image, or of `image`, that is meant. */
#define LAYERS_TREE "tree"

enum { LAYERS_PATH_MAX = 768 };

/* One thing; paths are absolute. */
struct layers {
	char container[NAME_MAX_LEN + 1];
	char dir[LAYERS_PATH_MAX];
	char image[LAYERS_PATH_MAX];
	char upper[LAYERS_PATH_MAX];
	char merged[LAYERS_PATH_MAX];
	char target[LAYERS_PATH_MAX]; /* in the share */
};

/* Makes GUEST_SHARE_DIR an empty directory, for things to be put into. */
int layers_make_share(struct error *err) must_check;

/* Fills the paths of "<container>/<name>", both of them valid names. -EINVAL: it is none. */
int layers_name(const char *target, struct layers *layers, struct error *err) must_check;

/* Makes the directory `image`, empty, and what it is in. -EEXIST: the thing is there already. */
int layers_make(const struct layers *layers, struct error *err) must_check;

/*
 * Puts the thing into the share: `image` itself when `whole`, else its entry LAYERS_TREE; with a
 * writable layer over it or without.
 */
int layers_show(const struct layers *layers, bool whole, bool layer, struct error *err) must_check;

/* Puts a device of the guest into the share in place of a thing. */
int layers_show_device(const struct layers *layers, const char *device, struct error *err)
	must_check;

/* Takes away one thing that layers_make() has made, or all of a container. What is in use lives
 * until it is not. */
void layers_remove(const struct layers *layers);
void layers_forget(const char *container);

#endif
