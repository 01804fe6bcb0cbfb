/* What of config.json has no effect: told as warnings, or an error where that is not accepted. */
#include "runtime/sandbox/create_internal.h"

#include <errno.h>
#include "base/log.h"

static bool is_strict(const struct create *create)
{
	return create->request->strict || create->config.runtime.strict;
}

int create_tell_unapplied(const struct create *create, const char *const *list, size_t n,
			  struct error *err)
{
	if (n == 0)
		return 0;
	if (!is_strict(create)) {
		for (size_t i = 0; i < n; i++)
			log_warning("%s", list[i]);
		return 0;
	}
	for (size_t i = 1; i < n; i++)
		log_error("%s", list[i]);
	err_msg(err, -EOPNOTSUPP, "%s", list[0]);
	return err_hint(err, "without --strict and strict = true in [runtime] this is a warning");
}

int create_tell_unapplied_inputs(const struct create *create, struct strvec *ignored,
				 struct error *err)
{
	if (strvec_error(ignored) < 0)
		return err_set(err, -ENOMEM, "read config.json");
	return create_tell_unapplied(create, (const char *const *)ignored->items, ignored->len,
				     err);
}
