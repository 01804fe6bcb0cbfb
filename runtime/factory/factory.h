/* The factory by hand: what `acrun factory` does. */
#ifndef RUNTIME_FACTORY_FACTORY_H
#define RUNTIME_FACTORY_FACTORY_H

#include <stdbool.h>
#include "base/arena.h"
#include "runtime/factory/cache_messages.h"

enum factory_status { FACTORY_NOT_ENABLED, FACTORY_OFF, FACTORY_ON };

/*
 * With vm_cache_number > 0, becomes the server of the VM cache: does not return but for a failure.
 * 0: the configuration wants none.
 */
int factory_serve(const char *config_path, bool debug, struct error *err) must_check;

/* Asks that server. 1: *status says, in arena; 0: the configuration wants none; -ENOENT or
 * -ECONNREFUSED: it does not run. */
int factory_cache_status(const char *config_path, struct arena *arena, struct cache_status *status,
			 struct error *err) must_check;

/* Makes the template of machines as the configuration describes them. *status is FACTORY_ON, or
 * FACTORY_NOT_ENABLED when it wants none. */
int factory_init(const char *config_path, enum factory_status *status, struct error *err)
	must_check;

/* Is there a template for such machines? */
int factory_status(const char *config_path, enum factory_status *status, struct error *err)
	must_check;

/* Ends the server of the VM cache, and removes all templates of template_path. */
int factory_destroy(const char *config_path, struct error *err) must_check;

#endif
