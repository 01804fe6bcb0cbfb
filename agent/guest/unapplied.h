/* What a config.json asks for and this guest does not do. Nothing is left out in silence. */
#ifndef AGENT_GUEST_UNAPPLIED_H
#define AGENT_GUEST_UNAPPLIED_H

#include "base/error.h"
#include "base/strvec.h"
#include "oci/spec.h"

/* Appends a sentence for each member that is set but has no effect. Out of memory shows in
 * strvec_error(). */
void unapplied_list(const struct oci_spec *spec, struct strvec *out);

#endif
