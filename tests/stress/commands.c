/*
 * Many clients of the proxy that talk to the agent at once. Each command has words of its own, and
 * so has its answer: one that goes to another client, or comes in another place, is found out.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include "agent/proto/ccproxy.h"
#include "base/clock.h"
#include "tests/stress/pod.h"

enum { CLIENTS = 16, AHEAD = 4, LARGE_EVERY = 16, LARGE_MIN = 4096, READ_BYTES = 65536 };

struct talker {
	unsigned number;
	struct client client;
	struct client_wait wait;
	struct strbuf out;
	uint32_t asked, answered, count;
};

/* What a PING carries comes back as it is; some are larger than one read. */
static void make_ping(const struct talker *talker, uint32_t command, struct strbuf *data)
{
	size_t pad = command % LARGE_EVERY == 0 ? LARGE_MIN + (size_t)command * 7 : 0;

	strbuf_addf(data, "{\"client\":%u,\"command\":%u,\"pad\":\"", talker->number, command);
	for (size_t i = 0; i < pad; i++)
		strbuf_addc(data, (char)('a' + (i + command) % 26));
	strbuf_adds(data, "\"}");
}

/* Every third command is refused, by a text that has its words in it. */
static bool is_refused(uint32_t command)
{
	return command % 3 == 2;
}

static void ask(struct talker *talker)
{
	auto_strbuf struct strbuf body = { 0 };
	uint32_t command = talker->asked++;

	if (is_refused(command)) {
		strbuf_addf(&body,
			    "{\"hyperName\":\"signalprocess\",\"data\":{\"container\":\"no-%u-%u\","
			    "\"process\":\"init\",\"signal\":1}}",
			    talker->number, command);
	} else {
		strbuf_adds(&body, "{\"hyperName\":\"ping\",\"data\":");
		make_ping(talker, command, &body);
		strbuf_addc(&body, '}');
	}
	(void)!ccproxy_encode(&talker->out, CCPROXY_COMMAND, CCPROXY_HYPER, false, body.data,
			      body.len);
}

static int check(struct talker *talker, const struct ccproxy_frame *frame, struct error *err)
{
	auto_strbuf struct strbuf want = { 0 };
	uint32_t command = talker->answered++;
	bool good = frame->type == CCPROXY_RESPONSE && frame->opcode == CCPROXY_HYPER &&
		    frame->error == is_refused(command);

	if (is_refused(command)) {
		strbuf_addf(&want, "'no-%u-%u'", talker->number, command);
		good = good && memmem(frame->payload, frame->len, want.data, want.len);
	} else {
		make_ping(talker, command, &want);
		good = good && frame->len == want.len &&
		       memcmp(frame->payload, want.data, want.len) == 0;
	}
	return good ? 0
		    : err_msg(err, -EIO, "client %u, command %u: '%.*s' came instead of '%.80s'",
			      talker->number, command, (int)(frame->len < 80 ? frame->len : 80),
			      frame->payload, strbuf_str(&want));
}

static int take(struct talker *talker, struct error *err)
{
	struct strbuf *in = &talker->client.in;
	struct ccproxy_frame frame;
	int64_t used;
	int ret = 0;

	while (ret == 0 && (used = ccproxy_decode(strbuf_str(in), in->len, &frame)) != 0) {
		if (used < 0)
			return err_set(err, (int)used, "client %u: answer", talker->number);
		ret = check(talker, &frame, err);
		strbuf_consume(in, (size_t)used);
	}
	return ret;
}

static int receive(struct talker *talker, struct error *err)
{
	char *room = strbuf_reserve(&talker->client.in, READ_BYTES);
	ssize_t n = room ? recv(talker->client.fd, room, READ_BYTES, MSG_DONTWAIT) : 0;

	if (n > 0) {
		strbuf_grown(&talker->client.in, (size_t)n);
		return take(talker, err);
	}
	if (n < 0 && errno == EAGAIN)
		return 0;
	return err_msg(err, -ECONNRESET, "client %u: the connection has ended", talker->number);
}

static int send_more(struct talker *talker, struct error *err)
{
	ssize_t n;

	while (talker->asked < talker->count && talker->asked - talker->answered < AHEAD)
		ask(talker);
	if (strbuf_error(&talker->out) < 0)
		return err_set(err, strbuf_error(&talker->out), "client %u", talker->number);
	if (talker->out.len == 0)
		return 0;
	n = send(talker->client.fd, talker->out.data, talker->out.len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN)
		return err_set(err, -errno, "client %u: send", talker->number);
	strbuf_consume(&talker->out, n > 0 ? (size_t)n : 0);
	return 0;
}

static int talk(struct talker talkers[static CLIENTS], struct error *err)
{
	for (;;) {
		struct pollfd fds[CLIENTS];
		bool over = true;
		int ret = 0;

		for (unsigned i = 0; ret == 0 && i < CLIENTS; i++) {
			struct talker *talker = &talkers[i];

			ret = send_more(talker, err);
			fds[i] = (struct pollfd){
				.fd = talker->answered < talker->count ? talker->client.fd : -1,
				.events = (short)(POLLIN | (talker->out.len > 0 ? POLLOUT : 0))
			};
			over &= talker->answered == talker->count;
		}
		if (ret < 0 || over)
			return ret;
		if (poll(fds, CLIENTS, POD_TIMEOUT_MS) <= 0)
			return err_msg(err, -ETIMEDOUT, "no answer to any client");
		for (unsigned i = 0; ret == 0 && i < CLIENTS; i++)
			if (fds[i].revents & (POLLIN | POLLHUP | POLLERR))
				ret = receive(&talkers[i], err);
		if (ret < 0)
			return ret;
	}
}

int load_commands(struct pod *pod, uint32_t count, struct error *err)
{
	struct talker talkers[CLIENTS] = { 0 };
	int64_t begun;
	double seconds;
	int ret = 0;

	for (unsigned i = 0; i < CLIENTS; i++)
		talkers[i] = (struct talker){ .number = i,
					      .count = count,
					      .client = { .fd = -1, .interrupt_fd = -1 },
					      .wait = { .abort_fd = -1 } };
	for (unsigned i = 0; ret == 0 && i < CLIENTS; i++)
		ret = pod_connect(pod, &talkers[i].client, &talkers[i].wait, err);
	begun = clock_now_ms();
	if (ret == 0)
		ret = talk(talkers, err);
	seconds = (double)(clock_now_ms() - begun) / 1000;
	for (unsigned i = 0; i < CLIENTS; i++) {
		client_close(&talkers[i].client);
		attach_done(&talkers[i].wait);
		strbuf_done(&talkers[i].out);
	}
	if (ret == 0)
		printf("commands: %d clients, %u each, every answer where it belongs, %.1f s, "
		       "%.0f/s\n",
		       CLIENTS, count, seconds, CLIENTS * count / seconds);
	return ret;
}
