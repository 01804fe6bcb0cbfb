#include "runtime/sandbox/copyback.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/proto/calls_storage.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "runtime/agent_client/agent.h"
#include "runtime/agent_client/files.h"
#include "runtime/sandbox/attach.h"
#include "runtime/storage/copies.h"

#define STREAM_NAME "changes"

enum { TIMEOUT_MS = 60000, REPLY_MAX = 4096 };

static int take(struct client *client, const struct copies *copies, const struct copy *copy,
		const struct client_wait *wait, uint64_t *bytes, struct error *err)
{
	static const struct json_limits limits = { .max_depth = 2, .max_bytes = REPLY_MAX };
	const struct call_taketree call = { .target = copy->target,
					    .file = STREAM_NAME,
					    .max_bytes = copies->max_bytes };
	const struct agent_request request = { .code = CALL_TAKETREE,
					       .type = &call_taketree_type,
					       .body = &call };
	struct call_taketree_reply reply = { 0 };
	auto_arena struct arena arena = { 0 };
	auto_strbuf struct strbuf text = { 0 };
	int ret = agent_ask(client, &request, wait, &text, err);

	if (ret == 0)
		ret = json_decode(&call_taketree_reply_type, strbuf_str(&text), text.len, &limits,
				  &arena, &reply, err);
	if (ret == 0 && reply.bytes > copies->max_bytes)
		ret = err_msg(err, -EFBIG, "the guest has more to give than it may");
	*bytes = reply.bytes;
	return ret;
}

/* Gets the changes into a file of our own first: a guest that dies half-way changes nothing. */
static int fetch(struct client *client, const struct copies *copies, const struct copy *copy,
		 const struct client_wait *wait, int fd, uint64_t *bytes, struct error *err)
{
	int ret = take(client, copies, copy, wait, bytes, err);

	if (ret == 0 && *bytes > 0)
		ret = files_get(client, STREAM_NAME, *bytes, fd, wait, err);
	if (ret == 0 && lseek(fd, 0, SEEK_SET) < 0)
		ret = err_set(err, -errno, "read the changes");
	return ret;
}

static void tell_lost(const struct copy *copy, const struct error *why)
{
	log_warning("mount at \"%s\": what the container has changed does not reach '%s': %s",
		    copy->destination, copy->source, why->text);
}

static int bring_back(struct client *client, const struct copies *copies, const struct copy *copy,
		      const struct client_wait *wait, struct error *err)
{
	auto_close int fd = memfd_create("changes", MFD_CLOEXEC);
	uint64_t bytes = 0;
	int ret;

	if (fd < 0)
		return err_set(err, -errno, "make a file in memory");
	if (fetch(client, copies, copy, wait, fd, &bytes, err) < 0) {
		tell_lost(copy, err);
		err_clear(err);
		return 0;
	}
	ret = bytes > 0 ? copies_apply(copies, copy, fd, err) : 0;
	if (ret == -EBADMSG || ret == -EFBIG) {
		tell_lost(copy, err);
		err_clear(err);
		return 0;
	}
	return ret < 0 ? err_ctx(err, "write the changes of the mount at \"%s\" back to '%s'",
				 copy->destination, copy->source)
		       : 0;
}

static int bring_all_back(struct record *rec, const struct copies *copies, struct error *err)
{
	struct client_wait wait = { .deadline_ms = clock_now_ms() + TIMEOUT_MS, .abort_fd = -1 };
	const struct copy *list = copies->list.items;
	auto_client struct client client = { .fd = -1 };
	int ret = attach_open(rec, &client, &wait, err);

	if (ret < 0) {
		for (size_t i = 0; i < copies->list.len; i++)
			tell_lost(&list[i], err);
		err_clear(err);
		ret = 0;
	} else {
		for (size_t i = 0; ret == 0 && i < copies->list.len; i++)
			ret = bring_back(&client, copies, &list[i], &wait, err);
	}
	attach_done(&wait);
	return ret;
}

int copyback_all(struct record *rec, struct error *err)
{
	auto_arena struct arena arena = { 0 };
	struct copies copies;
	int ret;

	if (rec->state.status == OCI_STATUS_CREATING || rec->state.status == OCI_STATUS_CREATED)
		return 0;
	ret = copies_load(rec->dir_fd, &arena, &copies, err);
	if (ret < 0 || copies.list.len == 0)
		return ret;
	ret = bring_all_back(rec, &copies, err);
	/* the next delete has nothing to bring any more */
	if (ret == 0 && unlinkat(rec->dir_fd, COPIES_FILE, 0) < 0)
		ret = err_set(err, -errno, "remove '%s'", COPIES_FILE);
	return ret;
}
