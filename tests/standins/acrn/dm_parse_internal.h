/* What the parts of the parser share. */
#ifndef TESTS_STANDINS_ACRN_DM_PARSE_INTERNAL_H
#define TESTS_STANDINS_ACRN_DM_PARSE_INTERNAL_H

#include "tests/standins/acrn/dm_parse.h"

/* `-s`: adds a device in its place. */
int dm_parse_slot(struct dm_config *cfg, const char *arg) must_check;
/* `-l` */
int dm_parse_com(struct dm_config *cfg, const char *arg) must_check;
/* `--cpu_affinity` */
int dm_parse_affinity(struct dm_config *cfg, const char *arg) must_check;
int dm_parse_net(struct dm_config *cfg, struct dm_device *dev) must_check;
int dm_parse_console(struct dm_config *cfg, struct dm_device *dev) must_check;
/* Text up to the first of `delims` out of *rest, which moves behind it or becomes NULL; a copy.
 * NULL when *rest is. */
char *dm_token(const char **rest, const char *delims);
/* A copy; never NULL. */
char *dm_copy(const char *text);
/* A line of the device model's log: on stdout, as there. Returns DM_EXIT_FAIL. */
int dm_fail(const char *fmt, ...) printf_like(1, 2);

#endif
