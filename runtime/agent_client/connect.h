/* Reaching a proxy that may only be about to listen. */
#ifndef RUNTIME_AGENT_CLIENT_CONNECT_H
#define RUNTIME_AGENT_CLIENT_CONNECT_H

#include "runtime/agent_client/client.h"

enum { CONNECT_TIMEOUT_MS = 5000 };

/*
 * Connects to the proxy at url ("unix:///path"). One that does not listen yet is tried again each
 * 100 ms until timeout_ms have passed or client->interrupt_fd (set by the caller; -1: none) fires.
 * The rest of *client is set here; client_close() also after a failure.
 */
int connect_url(struct client *client, const char *url, int timeout_ms, struct error *err)
	must_check;

/* The path in a url of the proxy's. NULL with err set when it names none. */
const char *connect_parse_url(const char *url, struct error *err);

#endif
