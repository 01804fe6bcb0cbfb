#include "cmd/acrun-shim/resume.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include "agent/proto/hyperstart.h"

enum { CREDIT_STEP = STREAM_WINDOW / 4, KEEP_CAP = 4096 };

uint64_t *resume_map_counts(int fd)
{
	void *map = mmap(NULL, 2 * sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return map == MAP_FAILED ? NULL : map;
}

void resume_adopt(struct resume *resume, uint64_t received, uint64_t taken, uint32_t signals)
{
	resume->taken_over = false;
	resume->in_end = received;
	resume->in_taken = taken <= received && received - taken <= STREAM_WINDOW ? taken
										  : received;
	resume->last_seq += signals;
	for (unsigned i = 0; i < resume->n_signals; i++)
		if (resume->signals[i].seq > 0)
			resume->signals[i].seq += signals;
}

uint64_t resume_credit(const struct resume *resume)
{
	return STREAM_WINDOW - (resume->in_end - resume->in_taken);
}

int resume_keep_stdin(struct resume *resume, const char *data, size_t len)
{
	if (strbuf_add(&resume->kept, data, len) < 0)
		return -ENOMEM;
	resume->in_end += len;
	return 0;
}

/* The guest has all before `end`. */
static void drop_kept(struct resume *resume, uint64_t end)
{
	uint64_t begin = resume->in_end - resume->kept.len;

	if (end > begin)
		strbuf_consume(&resume->kept,
			       end < resume->in_end ? (size_t)(end - begin) : resume->kept.len);
	if (resume->kept.len == 0 && resume->kept.cap > KEEP_CAP)
		strbuf_done(&resume->kept);
}

void resume_credit_stdin(struct resume *resume, uint32_t bytes)
{
	uint64_t out = resume->in_end - resume->in_taken;

	resume->in_taken += bytes < out ? bytes : out;
	drop_kept(resume, resume->in_taken);
}

void resume_set_stdin(struct resume *resume, uint64_t received, uint64_t taken)
{
	if (taken >= resume->in_taken && taken <= received && received <= resume->in_end)
		resume->in_taken = taken;
	drop_kept(resume, received);
}

int64_t resume_add_signal(struct resume *resume, int signo, bool counted)
{
	struct sent_signal *signal = &resume->signals[resume->n_signals];

	if (resume->n_signals == SIGNALS_MAX)
		return -EAGAIN;
	*signal = (struct sent_signal){ signo, counted ? ++resume->last_seq : 0 };
	resume->n_signals++;
	return signal->seq;
}

void resume_pop_signal(struct resume *resume)
{
	if (resume->n_signals == 0)
		return;
	resume->n_signals--;
	memmove(resume->signals, resume->signals + 1,
		resume->n_signals * sizeof(resume->signals[0]));
}

void resume_drop_signals(struct resume *resume, uint32_t seq)
{
	unsigned n = 0;

	for (unsigned i = 0; i < resume->n_signals; i++)
		if (resume->signals[i].seq > seq)
			resume->signals[n++] = resume->signals[i];
	resume->n_signals = n;
}

bool resume_owes(struct resume *resume, uint32_t bytes[static 2])
{
	uint64_t owed[2];

	for (int i = 0; i < 2; i++)
		owed[i] = resume->written[i] - resume->credited[i];
	if (owed[0] < CREDIT_STEP && owed[1] < CREDIT_STEP)
		return false;
	for (int i = 0; i < 2; i++) {
		bytes[i] = htobe32((uint32_t)owed[i]);
		resume->credited[i] = resume->written[i];
	}
	return true;
}

void resume_stash(struct strbuf *in, struct strbuf *old)
{
	struct ccproxy_frame frame;
	size_t whole = 0;
	int64_t n;

	while ((n = ccproxy_decode(strbuf_str(in) + whole, in->len - whole, &frame)) > 0)
		whole += (size_t)n;
	if (whole > 0)
		(void)strbuf_add(old, in->data, whole);
	strbuf_clear(in);
}

static void count_output(const struct strbuf *old, uint64_t received[static 2])
{
	struct ccproxy_frame frame;
	size_t at = 0;
	int64_t n;

	while ((n = ccproxy_decode(strbuf_str(old) + at, old->len - at, &frame)) > 0) {
		if (frame.type == CCPROXY_STREAM && frame.opcode != CCPROXY_LOG)
			received[frame.opcode == CCPROXY_STDERR] += frame.len;
		at += (size_t)n;
	}
}

/* Of the first frame that is output, some is written already. */
static void discount(const struct strbuf *old, size_t written, uint64_t received[static 2])
{
	struct ccproxy_frame frame;
	size_t at = 0;
	int64_t n;

	while ((n = ccproxy_decode(strbuf_str(old) + at, old->len - at, &frame)) > 0) {
		if (frame.type == CCPROXY_STREAM && frame.opcode != CCPROXY_LOG) {
			received[frame.opcode == CCPROXY_STDERR] -= written;
			return;
		}
		at += (size_t)n;
	}
}

int resume_write_connect(struct resume *resume, const char *token, const struct strbuf *old,
			 size_t written, char *body, size_t size)
{
	uint64_t received[2] = { resume->written[0], resume->written[1] };

	count_output(old, received);
	discount(old, written, received);
	/* What was told to the last proxy may not have reached the guest. */
	for (int i = 0; i < 2; i++)
		resume->credited[i] = resume->written[i];
	return snprintf(body, size,
			"{\"token\":\"%s\",\"flow\":true,\"kill_on_close\":true,\"resume\":true,"
			"\"stdout\":%" PRIu64 ",\"stdoutTaken\":%" PRIu64 ",\"stderr\":%" PRIu64
			",\"stderrTaken\":%" PRIu64 "}",
			token, received[0], resume->written[0], received[1], resume->written[1]);
}

bool resume_find_number(const struct ccproxy_frame *frame, const char *key, uint64_t *number)
{
	const char *end = frame->payload + frame->len;
	char name[32];
	int len = snprintf(name, sizeof(name), "\"%s\":", key);
	const char *pos = frame->len > 0 ? memmem(frame->payload, frame->len, name, (size_t)len)
					 : NULL;

	if (!pos)
		return false;
	*number = 0;
	for (pos += len; pos < end && *pos >= '0' && *pos <= '9'; pos++)
		*number = *number * 10 + (uint64_t)(*pos - '0');
	return true;
}
