/* TOML: any bytes are refused with a text or walked through to the end. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/toml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int visit(void *arg, const char *key, const struct toml_value *value, struct error *err)
{
	size_t *sum = arg;

	(void)err;
	*sum += strlen(key);
	if (value->kind == TOML_STR)
		*sum += strlen(value->str);
	for (size_t i = 0; value->kind == TOML_STRS && i < value->n_strs; i++)
		*sum += strlen(value->strs[i]);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = { 0 };
	size_t sum = 0;

	if (toml_visit("fuzz", (const char *)data, size, visit, NULL, &sum, &err) != 0 &&
	    (err.code >= 0 || err.text[0] == '\0'))
		abort();
	return 0;
}
