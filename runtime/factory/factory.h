/* The factory by hand: what `acrun factory` does. */
#ifndef RUNTIME_FACTORY_FACTORY_H
#define RUNTIME_FACTORY_FACTORY_H

#include "base/error.h"

enum factory_status { FACTORY_NOT_ENABLED, FACTORY_OFF, FACTORY_ON };

/* Makes the template of machines as the configuration describes them. *status is FACTORY_ON, or
 * FACTORY_NOT_ENABLED when it wants none. */
int factory_init(const char *config_path, enum factory_status *status, struct error *err)
	must_check;

/* Is there a template for such machines? */
int factory_status(const char *config_path, enum factory_status *status, struct error *err)
	must_check;

/* Removes all templates of template_path. */
int factory_destroy(const char *config_path, struct error *err) must_check;

#endif
