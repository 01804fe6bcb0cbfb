/* The older calls (NEWCONTAINER, EXECCMD) in terms of config.json, so that there is one way to make
 * a container. */
#ifndef AGENT_GUEST_D3_H
#define AGENT_GUEST_D3_H

#include "agent/guest/user.h"
#include "agent/proto/calls.h"
#include "base/arena.h"
#include "base/error.h"

/* All results live in the arena. */
int d3_make_spec(const struct call_newcontainer *call, struct arena *arena, struct oci_spec **spec,
		 struct error *err) must_check;
/* `container` is the spec of the container it runs in: capabilities come from there. NULL: the
 * call's own. */
int d3_make_process(const struct call_process *call, const struct oci_process *container,
		    struct arena *arena, struct oci_process **process, struct error *err)
	must_check;
int d3_make_names(const struct call_process *call, struct arena *arena, struct user_names **names,
		  struct error *err) must_check;
/* Path of the root file system in the share. */
int d3_make_rootfs(const struct call_newcontainer *call, struct arena *arena, const char **rootfs,
		   struct error *err) must_check;
/* The streams of a process; a missing id becomes the number of its stdio stream. */
int d3_make_streams(const struct call_process *call, struct arena *arena,
		    struct call_streams *streams, struct error *err) must_check;

#endif
