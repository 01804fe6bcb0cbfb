/*
 * The calls of an original agent (dialects D1, D2, D3): config.json in its terms, as far as it
 * understands them, and a list of what it does not. Such an agent has no create apart from start:
 * the call that does both is held on disk until `start`.
 */
#ifndef RUNTIME_AGENT_CLIENT_ORIGINAL_H
#define RUNTIME_AGENT_CLIENT_ORIGINAL_H

#include "base/arena.h"
#include "base/strvec.h"
#include "oci/spec.h"
#include "runtime/agent_client/agent.h"

enum { ORIGINAL_HOSTNAME_MAX = 64 };

/*
 * `pod` as that dialect can have it: the host name cut, only IPv4 addresses that are not the
 * loopback's, only IPv4 routes ("default" for 0.0.0.0/0). What is left out is warned of. Memory
 * from arena; strings of pod are shared.
 */
int original_make_pod(enum agent_dialect dialect, const struct call_startpod *pod,
		      struct arena *arena, struct call_startpod *out, struct error *err) must_check;

/* The process object of a container or of an exec. Memory from arena, strings shared. */
int original_make_process(const struct oci_process *process, struct arena *arena,
			  struct call_process *out, struct error *err) must_check;

/* The container object; rootfs is relative to the share, as are the sources of bind mounts. */
int original_make_container(enum agent_dialect dialect, const char *id, const char *rootfs,
			    const struct oci_spec *spec, struct arena *arena,
			    struct call_newcontainer *out, struct error *err) must_check;

/* One sentence for each part that has no effect with such an agent, beginning with its JSON path.
 */
void original_list_unapplied(enum agent_dialect dialect, const struct oci_spec *spec,
			     struct strvec *out);
/* The same for the process of an exec. */
void original_list_unapplied_exec(enum agent_dialect dialect, const struct oci_process *process,
				  struct strvec *out);

/* Encodes a STARTPOD, NEWCONTAINER or EXECCMD body with the members that the dialect knows: D1 and
 * D2 refuse a body with any other. */
int original_encode(enum agent_dialect dialect, enum call_code code, const void *body,
		    struct strbuf *json, struct error *err) must_check;

/* Makes one of these three calls. */
int original_call(struct client *client, enum agent_dialect dialect, enum call_code code,
		  const char *token, const void *body, const struct client_wait *wait,
		  struct error *err) must_check;

/*
 * What is held in directory dir_fd until `start`: first the pod (STARTPOD, as original_make_pod()
 * made it) with the token of its first container's streams, then as often as it changes the network
 * (the interfaces and routes of `network`), then the container. original_start_held() makes both
 * calls; -ENOENT when nothing is held.
 */
int original_hold_pod(int dir_fd, enum agent_dialect dialect, const char *token,
		      const struct call_startpod *pod, struct error *err) must_check;
int original_hold_network(int dir_fd, const struct call_startpod *network, struct error *err)
	must_check;
int original_hold_container(int dir_fd, const struct call_newcontainer *container,
			    struct error *err) must_check;
int original_start_held(int dir_fd, struct client *client, const struct client_wait *wait,
			struct error *err) must_check;

/* Signals a container's first process, or all of them as far as the agent can (D2 cannot). */
int original_kill(struct client *client, enum agent_dialect dialect, const char *id, int signo,
		  bool all, const struct client_wait *wait, struct error *err) must_check;
/* Lists the processes of a container: "json" or "table". Only D3 can. */
int original_ps(struct client *client, enum agent_dialect dialect, const char *id,
		const char *format, const struct json_strs *args, const struct client_wait *wait,
		struct strbuf *reply, struct error *err) must_check;
/* Forgets a container that has ended. hyperstart has done so by itself and says ERROR: no matter.
 */
int original_stop_container(struct client *client, enum agent_dialect dialect, const char *id,
			    const struct client_wait *wait, struct error *err) must_check;
/* Ends the pod and tells the proxy that the machine goes. Goes on when a part of it fails, and
 * reports the first failure: a guest that is dead must not keep the rest from being cleaned up. */
int original_stop_pod(struct client *client, const char *sandbox_id, const struct client_wait *wait,
		      struct error *err) must_check;

#endif
