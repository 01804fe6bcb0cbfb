#include "agent/guest/online.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "agent/guest/fail.h"
#include "agent/guest/worker.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/strbuf.h"

#define SYSTEM_DIR "/sys/devices/system"

enum { WAIT_STEP_MS = 20, WAIT_MAX_MS = 5000, VALUE_MAX = 64 };

/* A kind of device below SYSTEM_DIR that can be offline. */
struct kind {
	const char *dir;
	const char *prefix; /* of its devices, a number follows */
	const char *attribute;
	const char *off; /* what the attribute says while the device is offline */
	const char *on;	 /* what brings it online */
};

static const struct kind cpus = { SYSTEM_DIR "/cpu", "cpu", "online", "0", "1" };
static const struct kind memory = { SYSTEM_DIR "/memory", "memory", "state", "offline", "online" };

struct online_job {
	struct slot *slot;
	struct call_onlinecpumem call;
};

static bool is_device(const struct kind *kind, const char *name)
{
	size_t len = strlen(kind->prefix);

	return strncmp(name, kind->prefix, len) == 0 && name[len] >= '0' && name[len] <= '9';
}

/* Whether the device is offline; one without the attribute can't be. */
static bool is_offline(const struct kind *kind, int device_fd)
{
	auto_strbuf struct strbuf text = { 0 };

	if (fs_read_file_at(device_fd, kind->attribute, &text, VALUE_MAX) < 0 || !text.data)
		return false;
	text.data[strcspn(text.data, "\n")] = '\0';
	return strcmp(text.data, kind->off) == 0;
}

/* Brings all devices of a kind online and counts those that are. */
static int online_kind(const struct kind *kind, uint64_t *count, struct error *err)
{
	auto_dir DIR *dir = opendir(kind->dir);
	struct dirent *entry;

	*count = 0;
	while (dir && (entry = readdir(dir))) {
		auto_close int fd = -1;
		int ret = 0;

		if (!is_device(kind, entry->d_name))
			continue;
		fd = fs_open_dir_at(dirfd(dir), entry->d_name);
		if (fd >= 0 && is_offline(kind, fd))
			ret = fs_write_file_at(fd, kind->attribute, kind->on);
		/* The kernel may have done it meanwhile. */
		if (ret < 0 && is_offline(kind, fd))
			return fail_set(err, ret, "bring '%s' online", entry->d_name);
		*count += fd >= 0;
	}
	return 0;
}

static uint64_t block_mib(void)
{
	auto_strbuf struct strbuf text = { 0 };

	uint64_t bytes = 0;

	/* in hexadecimal, without a mark */
	if (fs_read_file_at(AT_FDCWD, SYSTEM_DIR "/memory/block_size_bytes", &text, VALUE_MAX) < 0)
		return 0;
	for (const char *at = strbuf_str(&text); isxdigit((unsigned char)*at); at++)
		bytes = bytes << 4 |
			(uint64_t)(isdigit((unsigned char)*at) ? *at - '0'
							       : tolower(*at) - 'a' + 10);
	return bytes >> 20;
}

static int online_job(void *arg, struct error *err)
{
	const struct online_job *job = arg;
	uint64_t per_block = block_mib();
	uint64_t n_cpus = 0;
	uint64_t n_blocks = 0;

	for (int waited = 0; waited <= WAIT_MAX_MS; waited += WAIT_STEP_MS) {
		int ret = online_kind(&cpus, &n_cpus, err);

		if (ret == 0)
			ret = online_kind(&memory, &n_blocks, err);
		if (ret < 0)
			return ret;
		if (n_cpus >= job->call.cpus && n_blocks * per_block >= job->call.memory_mib)
			return 0;
		(void)poll(NULL, 0, WAIT_STEP_MS);
	}
	return err_msg(err, -ETIMEDOUT,
		       "the guest sees %" PRIu64 " cpus and %" PRIu64
		       " MiB of memory, not %u and %u; the new "
		       "devices have not appeared within %d s",
		       n_cpus, n_blocks * per_block, job->call.cpus, job->call.memory_mib,
		       WAIT_MAX_MS / 1000);
}

static void on_online(struct guest *guest, void *arg, const struct error *err)
{
	struct online_job *job = arg;
	struct slot *slot = job->slot;

	(void)guest;
	free(job);
	slot_finish(slot, err);
}

void online_all(struct guest *guest, const struct call_onlinecpumem *call, struct slot *slot)
{
	struct online_job *job = calloc(1, sizeof(*job));
	struct error err = { 0 };

	if (!job) {
		slot_errorf(slot, "bring devices online: cannot allocate memory");
		return;
	}
	job->slot = slot;
	job->call = *call;
	if (worker_start(guest, online_job, on_online, job, &err) < 0) {
		free(job);
		slot_error(slot, &err);
	}
}
