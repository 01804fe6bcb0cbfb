/*
 * The one table of agent calls: code, name on the proxy socket (hyperName), and the JSON bodies as
 * typed structs; those from 72 on are in calls_control.h, calls_net.h and calls_storage.h. Codes
 * below 64 are hyperstart's dialect D3 (docs/protocols.md); codes from 64 are acrun's extension, in
 * force once HELLO was acknowledged. Original agents answer unknown codes with ERROR.
 */
#ifndef AGENT_PROTO_CALLS_H
#define AGENT_PROTO_CALLS_H

#include "base/json.h"
#include "oci/spec.h"

/* X(symbol, code, hyperName, takes a token) */
#define CALLS_LIST(X)                                  \
	X(GETVERSION, 0, "version", 0)                 \
	X(STARTPOD, 1, "startpod", 0)                  \
	X(DESTROYPOD, 4, "destroypod", 0)              \
	X(EXECCMD, 6, "execcmd", 1)                    \
	X(READY, 8, "ready", 0)                        \
	X(ACK, 9, "ack", 0)                            \
	X(ERROR, 10, "error", 0)                       \
	X(WINSIZE, 11, "winsize", 0)                   \
	X(PING, 12, "ping", 0)                         \
	X(NEXT, 14, "next", 0)                         \
	X(WRITEFILE, 15, "writefile", 0)               \
	X(READFILE, 16, "readfile", 0)                 \
	X(NEWCONTAINER, 17, "newcontainer", 1)         \
	X(KILLCONTAINER, 18, "killcontainer", 0)       \
	X(ONLINECPUMEM, 19, "onlinecpumem", 0)         \
	X(SETUPINTERFACE, 20, "setupinterface", 0)     \
	X(SETUPROUTE, 21, "setuproute", 0)             \
	X(REMOVECONTAINER, 22, "removecontainer", 0)   \
	X(PSCONTAINER, 23, "pscontainer", 0)           \
	/* acrun's extension */                        \
	X(HELLO, 64, "hello", 0)                       \
	X(CREATECONTAINER, 65, "createcontainer", 1)   \
	X(STARTCONTAINER, 66, "startcontainer", 0)     \
	X(EXECPROCESS, 67, "execprocess", 1)           \
	X(SIGNALPROCESS, 68, "signalprocess", 0)       \
	X(POWEROFF, 69, "poweroff", 0)                 \
	X(RESEED, 70, "reseed", 0)                     \
	X(SETTIME, 71, "settime", 0)                   \
	X(PAUSECONTAINER, 72, "pausecontainer", 0)     \
	X(RESUMECONTAINER, 73, "resumecontainer", 0)   \
	X(UPDATECONTAINER, 74, "updatecontainer", 0)   \
	X(STATSCONTAINER, 75, "statscontainer", 0)     \
	X(WAITEVENTS, 76, "waitevents", 0)             \
	X(WAITPROCESS, 77, "waitprocess", 0)           \
	X(COPYFILE, 78, "copyfile", 0)                 \
	X(UPDATEINTERFACE, 79, "updateinterface", 0)   \
	X(UPDATEROUTES, 80, "updateroutes", 0)         \
	X(UPDATENEIGHBOURS, 81, "updateneighbours", 0) \
	X(SETDNS, 82, "setdns", 0)                     \
	X(MOUNTIMAGE, 83, "mountimage", 0)             \
	X(PUTTREE, 84, "puttree", 0)                   \
	X(TAKETREE, 85, "taketree", 0)                 \
	X(FILESYSTEMS, 86, "filesystems", 0)           \
	X(RENAMECONTAINER, 87, "renamecontainer", 0)   \
	X(RESUME, 90, "resume", 0)

enum call_code {
#define X(symbol, code, name, token) CALL_##symbol = (code),
	CALLS_LIST(X)
#undef X
};

struct call_info {
	uint32_t code;
	const char *hyper_name;
	bool takes_token;
};

/* NULL when unknown. calls_find_name() also knows kata's later spellings (startsandbox,
 * destroysandbox). */
const struct call_info *calls_find_code(uint32_t code);
const struct call_info *calls_find_name(const char *hyper_name);

/* HELLO (64): {"version":1}; the ACK carries struct call_hello_reply. */
struct call_hello {
	uint32_t version; /* of the extension; 1 */
	const char *key;  /* RESET_KEY_LEN bytes in hexadecimal: who knows it may take the channels
			     over (reset.h); NULL: nobody may. The first one given stays */
	uint32_t window;  /* bytes of stdout, and of stderr, that the host takes without credit;
			     0: STREAM_WINDOW */
};

struct call_hello_reply {
	uint32_t version;
	const char *agent;	   /* "acrun-agent 0.1.0" */
	const char *kernel;	   /* release of the guest kernel */
	struct json_strs features; /* "flow" (credit on the I/O channel), ... */
	uint32_t window; /* what holds: STREAM_WINDOW to STREAM_WINDOW_MAX; 0: STREAM_WINDOW */
};

/* STARTPOD (1), A.7.1. */
struct call_ip_address {
	const char *ip_address;
	const char *netmask;
};

struct call_interface {
	const char *device;
	const char *new_device_name;
	struct json_objs ip_addresses; /* struct call_ip_address */
	int32_t mtu;
	const char *mac_addr;
};

struct call_route {
	const char *dest;
	const char *gateway;
	const char *device;
	const char *src;
};

struct call_startpod {
	const char *hostname;
	struct json_objs interfaces; /* struct call_interface */
	struct json_objs routes;     /* struct call_route */
	struct json_strs dns;
	const char *share_dir; /* 9p mount tag; NULL, of ours alone: the share is empty, and filled
				  by MOUNTIMAGE */
	uint32_t msize;	       /* of the 9p mount, bytes; ours; 0: what the agent finds good */
};

/* SETUPINTERFACE (20) has one call_interface as its body, SETUPROUTE (21) this. */
struct call_setuproute {
	struct json_objs routes; /* struct call_route */
};

/* The process object of NEWCONTAINER and EXECCMD, A.7.2. */
struct call_env {
	const char *env;
	const char *value;
};

struct call_capabilities {
	struct json_strs bounding, effective, inheritable, permitted, ambient;
};

struct call_process {
	const char *id;
	const char *user;
	const char *group;
	struct json_strs additional_groups;
	bool terminal;
	uint64_t stdio;
	uint64_t stderr_stream; /* JSON "stderr" */
	struct json_strs args;
	struct json_objs envs; /* struct call_env */
	const char *workdir;
	bool no_new_privileges;
	struct call_capabilities capabilities;
};

struct call_fsmap {
	const char *source;
	const char *path;
	bool read_only;
	bool docker_volume;
	bool absolute_path;
	const char *scsi_addr;
};

struct call_constraints {
	int64_t cpu_quota; /* us, JSON "CPUQuota" */
	uint64_t cpu_period;
	uint64_t cpu_shares;
};

struct call_system_mounts {
	bool bind_mount_dev;
	uint64_t dev_shm_size;
};

struct call_newcontainer {
	const char *id;
	const char *rootfs;
	const char *image;
	const char *fstype;
	const char *scsi_addr;
	struct json_objs fsmap; /* struct call_fsmap */
	bool read_only;
	struct call_process process;
	struct call_system_mounts system_mounts;
	struct call_constraints constraints;
};

struct call_execcmd {
	const char *container;
	struct call_process process;
};

/*
 * CREATECONTAINER (65): sets the container up completely and parks its process before exec; ACK
 * means that START can only fail in execve itself. `rootfs` is a directory relative to the share
 * ("c1/rootfs"). `mounts` of the spec with type "bind" have a source relative to the share as well.
 * `process` carries the streams (filled in by the proxy) and the process' id ("init"); everything
 * else about the process is in `spec.process`, as config.json has it.
 */
struct call_streams {
	const char *id;
	bool terminal;
	bool plain_output; /* the terminal ends lines by a line feed alone */
	uint64_t stdio;
	uint64_t stderr_stream; /* JSON "stderr" */
};

struct call_createcontainer {
	const char *id;
	const char *rootfs;
	struct call_streams process;
	const char *bundle;   /* as hooks are told; NULL: not known */
	struct oci_spec spec; /* of hooks only createContainer, whose paths are relative to the
				 share, and startContainer */
};

/* What its ACK carries when there is something to say; else the ACK is empty. */
struct call_createcontainer_reply {
	struct json_strs warnings; /* a sentence for each part of the spec that has no effect */
};

/* EXECPROCESS (67): starts a further process; spec is config.json's process object. */
struct call_execprocess {
	const char *container;
	struct call_streams process;
	struct oci_process spec;
};

/* STARTCONTAINER (66), REMOVECONTAINER (22). */
struct call_container {
	const char *container;
};

/* KILLCONTAINER (18). */
struct call_killcontainer {
	const char *container;
	int32_t signal;
	bool all_processes;
};

/* SIGNALPROCESS (68): process "" or "init" is the container's first. `all` signals every process of
 * the container. */
struct call_signalprocess {
	const char *container;
	const char *process;
	int32_t signal;
	bool all;
	uint32_t seq; /* the sender's count of its signals to this process, told again by RESUME; 0:
			 not counted. One that is not above the last is not delivered again */
};

/* WINSIZE (11). */
struct call_winsize {
	uint64_t seq; /* stdio stream of the process */
	uint32_t row;
	uint32_t column;
};

/* ONLINECPUMEM (19): the members are ours, the body may be absent. 0: no need to wait. */
struct call_onlinecpumem {
	uint32_t cpus;	     /* in all, to be waited for */
	uint32_t memory_mib; /* in all; JSON "memoryMib" */
};

/* RESEED (70): for a machine restored from an image, before anything else. */
struct call_reseed {
	const char *seed; /* base64 of 32 to 1024 random bytes; 512 are what the host should send */
};

/* SETTIME (71): CLOCK_REALTIME. */
struct call_settime {
	int64_t sec;
	uint32_t nsec;
};

/*
 * RESUME (90): after the channels were taken over by RESET, the streams of one process go on where
 * their host end stands. Numbers count bytes from the start of each stream: received here, and
 * passed on (the credit given) of those.
 */
struct call_resume {
	uint64_t stdio;		 /* stream of the process; an unknown one is an error */
	uint64_t out, out_taken; /* JSON "stdout", "stdoutTaken" */
	uint64_t err, err_taken; /* JSON "stderr", "stderrTaken" */
};

/* What its ACK carries. */
struct call_resume_reply {
	uint64_t in, in_taken; /* JSON "stdin", "stdinTaken" */
	uint32_t signals;      /* the last counted signal that was delivered */
};

/* PSCONTAINER (23). */
struct call_pscontainer {
	const char *container;
	const char *format; /* "json" or "table" */
	struct json_strs psargs;
};

extern const struct json_type call_hello_type;
extern const struct json_type call_hello_reply_type;
extern const struct json_type call_startpod_type;
extern const struct json_type call_interface_type;
extern const struct json_type call_setuproute_type;
extern const struct json_type call_newcontainer_type;
extern const struct json_type call_execcmd_type;
extern const struct json_type call_createcontainer_type;
extern const struct json_type call_createcontainer_reply_type;
extern const struct json_type call_execprocess_type;
extern const struct json_type call_container_type;
extern const struct json_type call_killcontainer_type;
extern const struct json_type call_signalprocess_type;
extern const struct json_type call_winsize_type;
extern const struct json_type call_pscontainer_type;
extern const struct json_type call_onlinecpumem_type;
extern const struct json_type call_reseed_type;
extern const struct json_type call_settime_type;
extern const struct json_type call_resume_type;
extern const struct json_type call_resume_reply_type;

#endif
