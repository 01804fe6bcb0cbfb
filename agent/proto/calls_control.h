/* Bodies of the calls that watch and steer containers that exist: pause, update, statistics,
 * events, files. */
#ifndef AGENT_PROTO_CALLS_CONTROL_H
#define AGENT_PROTO_CALLS_CONTROL_H

#include "base/json.h"
#include "oci/spec.h"

enum {
	CALL_WAIT_MAX_MS = 50000, /* what a call may ask to wait; below every deadline of ours */
	CALL_PIECE_MAX = 4 << 20, /* bytes of a file in one call */
	CALL_EVENTS_KEPT = 256,	  /* the guest remembers so many */
};

/* PAUSECONTAINER (72), RESUMECONTAINER (73), STATSCONTAINER (75) have struct call_container. */

/* UPDATECONTAINER (74): changes the limits that are set in `resources`. */
struct call_updatecontainer {
	const char *container;
	struct oci_linux_resources resources;
};

/* The ACK of STATSCONTAINER. Microseconds and bytes; a figure that the kernel does not give is 0, a
 * limit that is not set, too. */
struct call_psi_line {
	double avg10, avg60, avg300; /* percent */
	uint64_t total_us;
};

struct call_psi {
	struct call_psi_line some, full;
};

struct call_stats_cpu {
	uint64_t usage_us, user_us, system_us;
	uint64_t periods, throttled_periods, throttled_us;
	struct call_psi *psi; /* NULL: not known */
};

struct call_stats_value {
	const char *name;
	uint64_t value;
};

struct call_stats_memory {
	uint64_t usage, limit, peak;
	uint64_t swap_usage, swap_limit;
	uint64_t max_hits; /* how often the limit was met */
	uint64_t oom, oom_kill;
	struct json_objs raw; /* struct call_stats_value: memory.stat */
	struct call_psi *psi;
};

struct call_stats_io {
	uint64_t major, minor;
	uint64_t read_bytes, write_bytes, discard_bytes;
	uint64_t reads, writes, discards;
};

struct call_stats_hugetlb {
	const char *size; /* "2MB" */
	uint64_t usage, peak, max_hits;
};

struct call_stats_interface {
	const char *name;
	uint64_t rx_bytes, rx_packets, rx_errors, rx_dropped;
	uint64_t tx_bytes, tx_packets, tx_errors, tx_dropped;
};

struct call_stats {
	struct call_stats_cpu cpu;
	struct call_stats_memory memory;
	uint64_t pids, pids_limit;
	const char *cpuset_cpus, *cpuset_mems; /* in effect, as lists */
	struct json_objs io;		       /* struct call_stats_io */
	struct call_psi *io_psi;
	struct json_objs hugetlb;    /* struct call_stats_hugetlb */
	struct json_objs interfaces; /* struct call_stats_interface: of the machine */
};

/*
 * WAITEVENTS (76): what has happened after event number `after`; when that is nothing, the answer
 * waits for the next event, at most timeout_ms. Numbers begin at 1 and have no gaps: a client that
 * repeats the call with the `last` of its answer misses nothing but what was pushed out of the
 * CALL_EVENTS_KEPT that are kept. Without numbered frames it never waits.
 */
struct call_waitevents {
	const char *container; /* NULL or "": of all */
	uint64_t after;
	uint32_t timeout_ms; /* 0: answer at once; at most CALL_WAIT_MAX_MS */
};

struct call_event {
	uint64_t number;
	const char *type; /* "oom", "exit" */
	const char *container;
	const char *process; /* of an exit; "init" is the container's first */
	uint32_t status;     /* of an exit: code, or 128 + signal */
	int64_t sec;	     /* since 1970 */
	uint32_t nsec;
};

struct call_waitevents_reply {
	uint64_t last;		 /* number up to which this answer is complete */
	struct json_objs events; /* struct call_event, in order */
};

/* WAITPROCESS (77): waits until a process has ended, at most timeout_ms. */
struct call_waitprocess {
	const char *container;
	const char *process; /* NULL, "" or "init": the first */
	uint32_t timeout_ms;
};

struct call_waitprocess_reply {
	bool exited;
	uint32_t status; /* code, or 128 + signal */
};

/*
 * COPYFILE (78): a file in pieces, in order. The first has offset 0; the one with which `size` is
 * reached puts the whole file in its place at once. A piece that does not follow on the last one is
 * an error; offset 0 begins anew. Directories on the way are made.
 */
struct call_copyfile {
	const char *container; /* NULL or "": a file of the guest, below its files directory */
	const char *path;
	const char *data; /* base64, at most CALL_PIECE_MAX bytes */
	uint64_t offset;
	uint64_t size; /* of the whole file */
	uint32_t mode; /* 0: 0644 */
	uint32_t uid, gid;
};

/*
 * READFILE (16): the ACK is the file's content as it stands; `offset` and `length` are ours and
 * choose a part, at most CALL_PIECE_MAX bytes. WRITEFILE (15) has the same body without them, and
 * what to write follows the object directly.
 */
struct call_file {
	const char *container; /* NULL or "": as in COPYFILE */
	const char *file;
	uint64_t offset;
	uint64_t length; /* 0: CALL_PIECE_MAX */
};

/* RENAMECONTAINER (87): in a machine that was restored, the container may have another id. */
struct call_rename {
	const char *container;
	const char *name; /* from now on */
};

extern const struct json_type call_rename_type;
extern const struct json_type call_updatecontainer_type;
extern const struct json_type call_stats_type;
extern const struct json_type call_waitevents_type;
extern const struct json_type call_waitevents_reply_type;
extern const struct json_type call_waitprocess_type;
extern const struct json_type call_waitprocess_reply_type;
extern const struct json_type call_copyfile_type;
extern const struct json_type call_file_type;

#endif
