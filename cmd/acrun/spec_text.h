/* The config.json that `spec` writes. */
#ifndef CMD_ACRUN_SPEC_TEXT_H
#define CMD_ACRUN_SPEC_TEXT_H

#include <stdbool.h>
#include "base/strbuf.h"

/* Appends it; rootless: with a user namespace and without what needs privileges. -ENOMEM. */
int spec_text(bool rootless, struct strbuf *out) must_check;

#endif
