/* What the steps of a create share. */
#ifndef RUNTIME_SANDBOX_CREATE_INTERNAL_H
#define RUNTIME_SANDBOX_CREATE_INTERNAL_H

#include "base/spawn.h"
#include "runtime/agent_client/agent.h"
#include "runtime/config/config.h"
#include "runtime/factory/template.h"
#include "runtime/sandbox/network.h"
#include "runtime/sandbox/sandbox.h"
#include "runtime/sandbox/store.h"
#include "runtime/storage/share.h"
#include "runtime/storage/volumes.h"

/* Files of a sandbox beside state.json. */
#define FILE_CONSOLE_LOG "console.log"
/* To the directory of a machine that came out of the VM cache; its files are there. */
#define FILE_MACHINE_LINK "machine"

struct create {
	const struct create_request *request;
	struct record rec;
	const char *sandbox_id; /* whose machine it goes into; NULL: it gets one of its own */
	struct record sandbox;	/* of sandbox_id: as it was when the inputs were read */
	struct arena arena;
	struct config config;
	struct machine machine;
	struct template template;
	const char
		*template_trouble; /* why it is not used; told once the guest is there without it */
	bool restored;		   /* the guest is a clone: it needs an identity of its own */
	uint32_t wanted_vcpus, wanted_memory_mib;
	struct oci_spec spec;
	const char *rootfs; /* relative to the share */
	struct share share;
	struct volumes *volumes; /* NULL: the guest sees the share */
	int cached_fd;		 /* directory of a machine out of the VM cache; -1: it is our own */
	int netns_fd;		 /* -1: the caller's */
	int proxy_fd;		 /* listening */
	int pty_slave_fd;	 /* the container's terminal; -1: stdio is ours */
	struct network_found network; /* since the last look */
	struct client client;
	char token[CLIENT_TOKEN_MAX];
	const char *from;	 /* restored: where its shim begins to count; else NULL */
	struct restore *restore; /* NULL: it is made anew */
	bool hooks_begun;	 /* then poststop follows, whatever happens */
};

/* Records the calling child process in *id, saves, and joins the container's cgroups: called in a
 * child before it executes its program, so that no process of ours is ever unknown. */
int create_record_self(struct record *rec, struct proc_id *id, struct error *err) must_check;

/* Spawns a helper of the sandbox in its network namespace; `id` is where the record keeps it. */
int create_spawn(struct create *create, struct spawn *sp, struct proc_id *id, struct error *err)
	must_check;

/* Reads and checks everything that can be checked before anything is made. *bundle and *rootfs are
 * absolute; the caller frees them. */
int create_read_inputs(struct create *create, char **bundle, char **rootfs, struct error *err)
	must_check;

/* A container that goes into the machine of another: reads the state of that, and takes its machine
 * for create->machine. Nothing is made or changed. */
int create_read_sandbox(struct create *create, struct error *err) must_check;

/* Tells what of config.json has no effect: warnings, or with --strict an -EOPNOTSUPP. */
int create_tell_unapplied(const struct create *create, const char *const *list, size_t n,
			  struct error *err) must_check;
/* The same for what is known before the guest is asked; `ignored` was found by the caller. */
int create_tell_unapplied_inputs(const struct create *create, struct strvec *ignored,
				 struct error *err) must_check;

/* Makes the empty files and directories in the share of a machine that runs, and mounts over them
 * what the container is to see: in the mount namespace of the VMM, which alone has them. `dir` is
 * that of the machine, dir_fd it opened. On failure create->share.dir is what it was. */
int create_fill_share(struct create *create, const char *dir, int dir_fd, struct error *err)
	must_check;

/* Finds out how large a machine the container wants: create->wanted_*. */
void create_size(struct create *create);

/* Starts the guest's pod. Of an original agent the pod is held until `start`, with the network that
 * it has by then; create_hold_container() is its step_container(). */
int create_start_pod(struct create *create, const struct call_startpod *pod,
		     const struct client_wait *wait, struct error *err) must_check;
int create_hold_container(struct create *create, struct error *err) must_check;

/* Does the guest see the host's directories themselves, or images of them (create_image.c)? */
bool create_shares(const struct create *create);
/* Works out what the guest needs images of; nothing is made. */
int create_plan_images(struct create *create, struct error *err) must_check;
/* Ends what step_pack() has started and nobody waits for any more. */
void create_images_done(struct create *create);

/* Deadline for the guest to answer. */
struct client_wait create_wait(const struct create *create);

/* Frames between proxy and guest have to be acknowledged. */
bool create_needs_link(const struct create *create);

/* A create that goes on from a checkpoint (restore.c): opens and checks that, shapes the machine as
 * it was; runs the steps; closes it. */
int restore_open(struct create *create, struct error *err) must_check;
int restore_make(struct create *create, struct error *err) must_check;
void restore_done(struct create *create);

/* Launches the machine with this description. */
int create_launch(struct create *create, struct vm_spec *spec, struct error *err) must_check;

/* The steps; each in the file of its job. */
int step_namespaces(struct create *create, struct error *err);
int step_cgroup(struct create *create, struct error *err);
int step_cache(struct create *create, struct error *err);
int step_share(struct create *create, struct error *err);
int step_pack(struct create *create, struct error *err);
int step_sockets(struct create *create, struct error *err);
int step_vm(struct create *create, struct error *err);
int step_restore(struct create *create, struct error *err);
int step_proxy(struct create *create, struct error *err);
int step_guest(struct create *create, struct error *err);
int step_network_devices(struct create *create, struct error *err);
int step_network(struct create *create, struct error *err);
int step_console(struct create *create, struct error *err);
int step_shim(struct create *create, struct error *err);
int step_guest_network(struct create *create, struct error *err);
int step_hooks(struct create *create, struct error *err);
int step_image(struct create *create, struct error *err);
int step_container(struct create *create, struct error *err);
int step_view(struct create *create, struct error *err);
int step_limits(struct create *create, struct error *err);
int step_publish(struct create *create, struct error *err);

/* Those that a container in the machine of another has instead (create_pod.c). */
int step_join(struct create *create, struct error *err);
int step_join_namespaces(struct create *create, struct error *err);
int step_join_share(struct create *create, struct error *err);
int step_attach(struct create *create, struct error *err);
int step_grow(struct create *create, struct error *err);
int step_loan(struct create *create, struct error *err);

void undo_loan(struct record *rec);
void undo_cgroup(struct record *rec);
void undo_cache(struct record *rec);
void undo_vm(struct record *rec);
void undo_proxy(struct record *rec);
void undo_shim(struct record *rec);
void undo_join(struct record *rec);

#endif
