#include "tests/standins/acrn/dm_parse_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

static const char *const backends[] = {
	[DM_SOCKET] = "socket", [DM_STDIO] = "stdio", [DM_TTY] = "tty",
	[DM_PTY] = "pty",	[DM_FILE] = "file",
};

static bool find_backend(const char *name, enum dm_backend *backend)
{
	for (unsigned i = 0; i < sizeof(backends) / sizeof(backends[0]); i++)
		if (!strcasecmp(backends[i], name)) {
			*backend = i;
			return true;
		}
	return false;
}

/* PATH[:server|client] */
static int parse_socket(struct dm_config *cfg, struct dm_port *port, const char *rest)
{
	auto_free char *path = rest ? dm_token(&rest, ":") : NULL;
	struct stat st;

	if (!path || !*path)
		return dm_fail("virtio-console: no path for socket '%s'", port->name);
	if (rest && strcmp(rest, "server") != 0 && strcmp(rest, "client") != 0)
		return dm_fail("virtio-console: socket type '%s'", rest);
	port->client = rest && !strcmp(rest, "client");
	if (port->client && !cfg->no_files && stat(path, &st) < 0)
		return dm_fail("virtio-console: no socket '%s'", path);
	if (strlen(path) >= DM_SUN_PATH)
		dm_fault(cfg, "console: '%s' is cut to %d bytes", path, DM_SUN_PATH - 1);
	port->path = take_ptr(&path);
	return DM_GO_ON;
}

static int parse_tty(struct dm_config *cfg, struct dm_port *port, const char *rest)
{
	auto_close int fd = -1;

	if (!rest || !*rest)
		return dm_fail("virtio-console: no path for tty '%s'", port->name);
	if (!cfg->no_files) {
		fd = open(rest, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		if (fd < 0 || !isatty(fd))
			return dm_fail("virtio-console: '%s' is no tty", rest);
	}
	port->path = dm_copy(rest);
	return DM_GO_ON;
}

static int parse_backend(struct dm_config *cfg, struct dm_port *port, const char *rest)
{
	switch (port->backend) {
	case DM_SOCKET:
		return parse_socket(cfg, port, rest);
	case DM_TTY:
		return parse_tty(cfg, port, rest);
	case DM_FILE:
		if (!rest || !*rest)
			return dm_fail("virtio-console: no path for file '%s'", port->name);
		port->path = dm_copy(rest);
		return DM_GO_ON;
	case DM_STDIO:
		if (cfg->stdio_taken)
			return dm_fail("virtio-console: stdio is taken already");
		cfg->stdio_taken = true;
		return DM_GO_ON;
	default:
		return DM_GO_ON;
	}
}

/* [@]BACKEND:PORT[=PATH[:TYPE]] */
static int parse_port(struct dm_config *cfg, struct dm_console *console, const char *text)
{
	struct dm_port *port = &console->ports[console->n_ports];
	const char *rest = text;
	auto_free char *backend = NULL;

	port->console = *rest == '@';
	rest += port->console;
	backend = dm_token(&rest, ":");
	if (!rest || !find_backend(backend, &port->backend))
		return dm_fail("virtio-console: unknown backend or no port in '%s'", text);
	port->name = dm_token(&rest, "=");
	/* counted now: what it holds is released with the rest */
	console->n_ports++;
	if (!*port->name)
		return dm_fail("virtio-console: no port name in '%s'", text);
	return parse_backend(cfg, port, rest);
}

int dm_parse_console(struct dm_config *cfg, struct dm_device *dev)
{
	const char *rest = dev->config;

	if (!rest || !*rest)
		return dm_fail("virtio-console: no ports");
	while (rest) {
		auto_free char *text = dm_token(&rest, ",");
		int ret;

		if (dev->console.n_ports == DM_PORTS_MAX)
			return dm_fail("virtio-console: more than %d ports", DM_PORTS_MAX);
		ret = parse_port(cfg, &dev->console, text);
		if (ret != DM_GO_ON)
			return ret;
	}
	return DM_GO_ON;
}
