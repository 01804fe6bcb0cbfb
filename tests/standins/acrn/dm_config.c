#include "tests/standins/acrn/dm_parse_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

bool dm_release_in(const struct dm_config *cfg, unsigned since, unsigned until)
{
	unsigned release = cfg->profile->release;

	return release >= since && (until == 0 || release < until);
}

void dm_fault(struct dm_config *cfg, const char *fmt, ...)
{
	auto_free char *text = NULL;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		text = NULL;
	va_end(args);
	/* once is enough of what comes again and again */
	if (!text || (cfg->faults.len && !strcmp(cfg->faults.items[cfg->faults.len - 1], text)))
		return;
	(void)strvec_add(&cfg->faults, text);
	if (cfg->on_fault)
		cfg->on_fault(cfg->fault_arg, text);
}

int dm_fail(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	(void)vprintf(fmt, args);
	va_end(args);
	(void)putchar('\n');
	return DM_EXIT_FAIL;
}

char *dm_copy(const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		abort();
	return copy;
}

char *dm_token(const char **rest, const char *delims)
{
	size_t len;
	char *token;

	if (!*rest)
		return NULL;
	len = strcspn(*rest, delims);
	token = strndup(*rest, len);
	if (!token)
		abort();
	*rest = (*rest)[len] ? *rest + len + 1 : NULL;
	return token;
}

static void port_done(struct dm_port *port)
{
	free(port->name);
	free(port->path);
}

static void device_done(struct dm_device *dev)
{
	free(dev->emul);
	free(dev->config);
	if (dev->kind == DM_BLK)
		free(dev->blk.path);
	if (dev->kind == DM_CONSOLE)
		for (unsigned i = 0; i < DM_PORTS_MAX; i++)
			port_done(&dev->console.ports[i]);
}

void dm_config_done(struct dm_config *cfg)
{
	for (unsigned i = 0; i < cfg->n_devices; i++)
		device_done(&cfg->devices[i]);
	free(cfg->devices);
	for (unsigned i = 0; i < DM_COMS; i++)
		free(cfg->coms[i].backend);
	free(cfg->vmname);
	free(cfg->uuid);
	free(cfg->kernel);
	free(cfg->ramdisk);
	free(cfg->bootargs);
	free(cfg->cmd_monitor);
	strvec_done(&cfg->faults);
	*cfg = (struct dm_config){ 0 };
}
