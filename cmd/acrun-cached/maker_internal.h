/* What the maker and its server have agreed on. */
#ifndef CMD_ACRUN_CACHED_MAKER_INTERNAL_H
#define CMD_ACRUN_CACHED_MAKER_INTERNAL_H

#include "cmd/acrun-cached/maker.h"

enum { MAKER_DIR_FD = 3 /* in the maker: the pool's directory */ };

/* How what it tells begins; a machine as JSON or the text of an error follows. */
#define MAKER_TELLS_READY    "ready "
#define MAKER_TELLS_FAILED   "failed "
#define MAKER_TELLS_NOT_WARM "not warm "

#endif
